"""On PostgreSQL the token service may have a database role of its own, which can do little more than it does."""

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction

from dashboard.health import EVERYWHERE
from keys.issuer import usage
from tests.keys.issuer.conftest import buy, open_shop, post, request
from tests.keys.issuer.knocking import authenticate, knock, open_doors, refresh
from tests.keys.issuer.signed import Signer
from tests.keys.issuer.test_introspection import introspect, revoke

ROLE = "latchkey_issuer"
GRANTS = settings.BASE_DIR / "docs" / "issuer-role.sql"


@pytest.fixture
def alone(db):
    """A shop and a signer with all doors open; from then on the connection has the role's rights alone."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    shop = open_shop()
    open_doors(shop.key, redox_door=True, legacy_door=True)
    signer = Signer(shop.key, "RS384")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(GRANTS.read_text())
        cursor.execute(f"SET ROLE {ROLE}")
    yield shop, signer
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


def test_with_it_every_address_of_the_token_service_works(alone):
    shop, signer = alone
    base = shop.path.removesuffix("/token")
    token = buy(shop).json["access_token"]
    assert signer.buy().status == 200
    assert knock(signer).status == 200
    assert refresh(shop, authenticate(shop).json["refreshToken"]).status == 200
    assert introspect(shop, token).json["active"] is True
    assert request(f"{base}/whoami", HTTP_AUTHORIZATION=f"Bearer {token}").status == 200
    assert request(f"{base}/jwks.json").status == 200
    assert request(f"{base}/.well-known/openid-configuration").status == 200
    assert revoke(shop, token).status == 200
    assert introspect(shop, token).json["active"] is False
    assert buy(shop, HTTP_LATCHKEY_TEST="guessed").status == 200
    guessed = signer.form()
    assert post(shop.path, guessed, HTTP_LATCHKEY_TEST="guessed").status == 200
    assert post(shop.path, guessed, HTTP_LATCHKEY_TEST="guessed").status == 401
    usage.flush()
    shop.secret.refresh_from_db(fields=["use_count"])
    assert shop.secret.use_count > 1


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sealed FROM keys_secret",
        "SELECT * FROM environments_user",
        "SELECT * FROM environments_auditevent",
        "SELECT * FROM environments_session",
        "SELECT * FROM keys_handover",
        "SELECT * FROM keys_keyset",
        "SELECT sealed FROM keys_signedtest",
        "UPDATE keys_secret SET revoked_at = NULL",
        "UPDATE keys_secret SET mark = mark",
        "UPDATE keys_key SET disabled_at = NULL",
        "UPDATE keys_publickey SET jwk = ''",
        "UPDATE keys_signingkey SET sealed = ''",
        "INSERT INTO keys_secret (hint) VALUES ('x')",
        "INSERT INTO keys_key (name) VALUES ('x')",
        "DELETE FROM keys_spentassertion",
        "DELETE FROM keys_revokedtoken",
        "DELETE FROM keys_signingkey",
        "UPDATE keys_credentialtest SET outcome = 'works'",
    ],
)
def test_beyond_that_it_can_do_nothing(alone, statement):
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement)


def test_with_it_the_process_can_say_whether_it_is_fit(alone):
    assert all(ask() for ask in EVERYWHERE.values())
