"""An installation with something in every box, and processes of each role that look at it."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.utils.crypto import get_random_string

from dashboard import seeds
from dashboard.flow import purpose_of
from dashboard.sessions import SEED, SessionStore
from dashboard.signon import MFAAdapter
from environments.models import IdentityProvider, Organization
from keys import checks, sealing
from keys.crypto import SecretText
from keys.issuer.clients import Place
from keys.issuer.signing import first_key
from keys.models import Key, PublicKey, Secret, SignedTest
from keys.services.endpoints import NewEndpoint, add_endpoint
from keys.services.importing import Entered, NewImport, plug_in
from keys.services.webhooks import add_webhook
from tests.keys.test_keyring import FILES, keyring

ASSERTION, ENTERED, SEED_TEXT = "a.signed.assertion", "q7Zp9vK3xJw5Rt8yLm2Nb6Hd", "JBSWY3DPEHPK3PXP"


@dataclass
class House:
    """One installation: `be(role)` is the start of a process, which reads the files."""

    folder: Path
    settings: Any

    def be(self, role: str) -> "House":
        for name, file in FILES.items():
            needed = any(n.name == name and role in n.roles for n in checks.NEEDS)
            shown = needed or "PUBLIC" in name or name == "LATCHKEY_PEPPERS"
            setattr(self.settings, name, (self.folder / file).read_text() if shown else "")
        self.settings.LATCHKEY_ROLE = role
        return self

    def add(self, box: str) -> tuple[str, str]:
        """The former newest key and the new one."""
        keyring("add", box)
        ids = [line.split()[1] for line in keyring("list").splitlines() if line.startswith(box)]
        return ids[-2], ids[-1]


def reseal(*rings: str) -> str:
    out = StringIO()
    call_command("reseal", *rings, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def house(tmp_path, settings) -> House:
    settings.DATA_DIR = tmp_path / "data"
    keyring("make")
    return House(settings.DATA_DIR / "keys", settings).be("web")


@pytest.fixture
def full(house, acme, issue, settings) -> None:
    """Every kind of box, made by a web process as people make them."""
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    own = issue(name="shop").key
    engineer = acme.enter("engineer", "development")
    endpoint = add_endpoint(
        engineer, NewEndpoint("Outside", "http://127.0.0.1:8999/token", "client_secret_post", "")
    )
    plug_in(engineer, NewImport("outside", endpoint.public_id, "cl"), Entered(SecretText(ENTERED)))
    add_webhook(acme.org("owner"), url="http://127.0.0.1:8999/hook", topics=["keys"])
    _signed_test(own)
    place = own.environment
    first_key(Place(place.pk, place.organization_id, place.issuer_id, place.kind, "", None))
    _seeds(acme)


def _signed_test(key: Key) -> None:
    public = PublicKey.objects.create(
        key=key, kid="k1", algorithm="ES256", jwk="{}", kind="P-256", thumbprint="x"
    )
    test = SignedTest(key=key, public_key=public)
    test.sealed = sealing.seal_credential(SecretText(ASSERTION), test.context)
    test.save()


def _seeds(acme) -> None:
    encrypt = MFAAdapter().encrypt
    kinds = Authenticator.Type
    Authenticator.objects.create(
        user=acme["viewer"], type=kinds.TOTP, data={"secret": encrypt(SEED_TEXT)}
    )
    codes = {"seed": encrypt("abc"), "used_mask": 5, "migrated_codes": [encrypt("1"), encrypt("2")]}
    Authenticator.objects.create(user=acme["viewer"], type=kinds.RECOVERY_CODES, data=codes)
    organization = Organization.objects.get(slug="acme")
    row = IdentityProvider(
        organization=organization, name="Okta", issuer="https://i", client_id="c"
    )
    row.sealed_secret = seeds.seal("client secret", purpose_of(row))
    row.save()
    session = SessionStore()
    session[SEED], session["other"] = SEED_TEXT, get_random_string(8)
    session.save()


def secrets():
    return list(Secret.objects.select_related("key__environment", "endpoint").order_by("pk"))
