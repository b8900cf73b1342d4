import base64
import json
from datetime import timedelta
from urllib.parse import quote_plus

import pytest
from django.db import connection
from django.utils import timezone
from joserfc import jwt

from keys.issuer import clients, database, tokens, usage
from keys.models import HourOfUse
from tests.keys.issuer.conftest import basic, buy, open_shop, post, reader


@pytest.fixture
def statements(monkeypatch):
    """Those of the look-up: Django's own assertion does not see them."""
    seen = []
    fetch_all = database.fetch_all

    def counted(statement, parameters):
        seen.append(statement.sqlite)
        return fetch_all(statement, parameters)

    monkeypatch.setattr(clients, "fetch_all", counted)
    return seen


class TestToken:
    def test_a_right_secret_buys_a_token_for_five_minutes(self, shop):
        answer = buy(shop)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"
        assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
        assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 300)

    def test_the_token_says_who_where_and_by_what_proof(self, shop, settings):
        token = jwt.decode(buy(shop).json["access_token"], reader(shop), algorithms=["ES256"])
        issuer = f"{settings.LATCHKEY_BASE_URL}/t/{shop.key.environment.issuer_id}"
        claims = token.claims
        assert token.header["typ"] == "at+jwt"
        assert claims["iss"] == claims["aud"] == issuer
        assert claims["sub"] == claims["client_id"] == shop.key.client_id
        assert claims["exp"] - claims["iat"] == 300
        assert claims["scope"] == "api:read api:write"
        assert claims["environment"] == "development"
        assert claims["proof"] == shop.secret.public_id
        assert set(claims) == {
            *(
                "iss",
                "sub",
                "client_id",
                "aud",
                "iat",
                "exp",
                "jti",
                "scope",
                "environment",
                "proof",
            )
        }

    def test_the_audience_is_the_environments_own_where_it_has_one(self, shop):
        environment = shop.key.environment
        environment.audience = "https://api.example"
        environment.save()
        token = jwt.decode(buy(shop).json["access_token"], reader(shop))
        assert token.claims["aud"] == "https://api.example"

    def test_two_tokens_differ(self, shop):
        assert buy(shop).json["access_token"] != buy(shop).json["access_token"]

    def test_no_token_id_comes_twice_when_more_are_fetched(self, shop, monkeypatch):
        monkeypatch.setattr(tokens, "JTIS_AT_ONCE", 2)
        monkeypatch.setattr(tokens, "_jtis", [])
        bought = [jwt.decode(buy(shop).json["access_token"], reader(shop)) for _ in range(7)]
        assert len({token.claims["jti"] for token in bought}) == 7

    def test_what_is_kept_of_the_claims_follows_a_change_at_once(self, shop):
        before = jwt.decode(buy(shop).json["access_token"], reader(shop)).claims
        shop.key.environment.audience = 'https://"quoted".example'
        shop.key.environment.save()
        after = jwt.decode(buy(shop).json["access_token"], reader(shop)).claims
        assert (before["aud"], after["aud"]) == (before["iss"], 'https://"quoted".example')

    def test_the_header_works_as_well_as_the_form(self, shop):
        form = {"grant_type": "client_credentials"}
        header = basic(shop.key.client_id, shop.text)
        assert post(shop.path, form, HTTP_AUTHORIZATION=header).status == 200
        assert (
            post(shop.path, form, HTTP_AUTHORIZATION=header.replace("Basic", "bAsIc")).status == 200
        )
        same_id = form | {"client_id": shop.key.client_id}
        assert post(shop.path, same_id, HTTP_AUTHORIZATION=header).status == 200

    def test_the_header_is_form_decoded(self, shop):
        quoted = "".join(f"%{ord(character):02x}" for character in shop.text)
        header = basic(quote_plus(shop.key.client_id), quoted)
        answer = post(shop.path, {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
        assert answer.status == 200

    def test_unknown_parameters_and_empty_ones_are_ignored(self, shop):
        assert post(shop.path, shop.form | {"apiKey": "x", "scope": ""}).status == 200

    def test_every_live_secret_of_a_key_works(self, shop):
        second = shop.another_secret()
        assert [buy(one).status for one in (shop, second)] == [200, 200]
        for one in (shop, second):
            token = jwt.decode(buy(one).json["access_token"], reader(shop))
            assert token.claims["proof"] == one.secret.public_id

    def test_one_look_up_per_token(self, shop, statements, django_assert_num_queries):
        buy(shop)
        statements.clear()
        with django_assert_num_queries(0):
            assert buy(shop).status == 200
        assert len(statements) == 1


class TestScope:
    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("api:read", "api:read"),
            ("api:write api:read", "api:write api:read"),
            ("api:read api:read", "api:read"),
        ],
    )
    def test_a_part_may_be_asked_for(self, shop, asked, given):
        assert post(shop.path, shop.form | {"scope": asked}).json["scope"] == given

    @pytest.mark.parametrize(
        "asked", ["api:admin", "api:read api:admin", "a  b", " a", 'a"b', "é", "a\nb"]
    )
    def test_what_the_key_does_not_have_is_refused(self, shop, asked):
        answer = post(shop.path, shop.form | {"scope": asked})
        assert (answer.status, answer.json["error"]) == (400, "invalid_scope")

    def test_a_key_with_fewer_scopes_gets_those(self, shop):
        shop.key.scopes = ["api:write", "api:gone"]
        shop.key.save()
        assert buy(shop).json["scope"] == "api:write"
        assert post(shop.path, shop.form | {"scope": "api:read"}).status == 400

    def test_a_stranger_does_not_learn_the_scopes(self, shop):
        form = shop.form | {"client_secret": "wrong", "scope": "api:admin"}
        assert post(shop.path, form).json["error"] == "invalid_client"


class TestRefusals:
    def refused(self, answer):
        assert answer.status == 401
        assert answer.json["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert answer.json["error_uri"].endswith("/docs/errors#invalid_client")
        return answer.body

    @pytest.mark.parametrize(
        "strangers",
        [
            {"client_id": "ck_" + "a" * 20},
            {"client_id": "someone else"},
            {"client_id": "é\u2603"},
            {"client_secret": "wrong"},
            {"client_secret": "lk_dev_" + "0" * 43 + "_000000"},
            {"client_secret": "☃" * 500},
        ],
    )
    def test_unknown_client_and_wrong_secret_are_one_answer(self, shop, strangers):
        wrong = self.refused(post(shop.path, shop.form | {"client_secret": "no"}))
        assert self.refused(post(shop.path, shop.form | strangers)) == wrong

    def test_both_cost_the_same_work(self, shop, monkeypatch):
        """Each looks for somebody who is there and for somebody who is not: the time tells nobody which was named."""
        found = []

        def watched(statement, parameters):
            rows = database.fetch_all(statement, parameters)
            kind = "example" if statement is clients.EXAMPLE else bool(rows[0][6])
            found.append(kind)
            return rows

        monkeypatch.setattr(clients, "fetch_all", watched)
        post(shop.path, shop.form | {"client_secret": "no"})
        post(shop.path, shop.form | {"client_id": "ck_" + "a" * 20})
        assert found == [True, "example", False, False, "example", True]

    def test_the_example_of_a_known_client_opens_nothing(self, shop):
        """An unknown client is refused although somebody else's secret, the example's own, is right."""
        self.refused(post(shop.path, shop.form | {"client_id": "ck_" + "a" * 20}))

    def test_what_a_stranger_does_is_counted_for_nobody(self, shop):
        for name in (shop.key.client_id, "ck_" + "a" * 20):
            post(shop.path, shop.form | {"client_id": name, "client_secret": "no"})
        usage.flush()
        assert [row.key_id for row in HourOfUse.objects.all()] == [shop.key.pk]

    def test_a_key_of_another_environment_is_unknown_here(self, shop):
        other = open_shop("globex")
        self.refused(post(other.path, shop.form))

    def test_a_revoked_secret_is_a_wrong_one_at_once(self, shop):
        wrong = self.refused(post(shop.path, shop.form | {"client_secret": "no"}))
        assert buy(shop).status == 200
        shop.secret.revoked_at = timezone.now()
        shop.secret.save()
        assert self.refused(buy(shop)) == wrong

    @pytest.mark.parametrize("cause", ["disabled", "deleted"])
    def test_after_a_right_secret_the_cause_is_named(self, shop, cause):
        setattr(shop.key, f"{cause}_at", timezone.now())
        shop.key.save()
        assert cause in json.loads(self.refused(buy(shop)))["error_description"]
        assert cause.encode() not in self.refused(
            post(shop.path, shop.form | {"client_secret": "no"})
        )

    def test_an_expired_secret_is_named_to_the_second(self, shop):
        now = timezone.now()
        ended = shop.another_secret(expires_at=now - timedelta(seconds=1))
        lasting = shop.another_secret(expires_at=now + timedelta(minutes=1))
        assert b"expired" in self.refused(buy(ended))
        assert buy(lasting).status == 200
        assert buy(shop).status == 200, "the other secrets of the key live on"

    def test_an_enabled_key_works_again_at_once(self, shop):
        shop.key.disabled_at = timezone.now()
        shop.key.save()
        self.refused(buy(shop))
        shop.key.disabled_at = None
        shop.key.save()
        assert buy(shop).status == 200

    def test_the_log_has_the_precise_reason_and_never_what_was_sent(self, shop, caplog):
        caplog.set_level("INFO")
        post(shop.path, shop.form | {"client_secret": "planted-secret"})
        post(shop.path, shop.form | {"client_id": "ck_" + "b" * 20})
        post(shop.path, shop.form | {"client_id": shop.text, "client_secret": "planted-secret"})
        reasons = [record.msg["reason"] for record in caplog.records]
        assert reasons == ["wrong secret", "unknown client", "unknown client"]
        assert "planted-secret" not in caplog.text
        assert shop.text not in caplog.text


@pytest.mark.django_db(transaction=True)
class TestDatabaseGone:
    def test_a_dead_connection_is_replaced(self, transactional_db):
        if connection.vendor == "sqlite":
            pytest.skip("a SQLite file has no server that could restart")
        shop = open_shop()
        assert buy(shop).status == 200
        connection.connection.close()
        assert buy(shop).status == 200

    def test_without_a_database_it_asks_for_patience_and_recovers(
        self, transactional_db, monkeypatch
    ):
        shop = open_shop()
        buy(shop)
        connection.close()
        away = {"NAME": "/nowhere/db"} if connection.vendor == "sqlite" else {"PORT": "1"}
        kept = dict(connection.settings_dict)
        connection.settings_dict |= away
        answer = buy(shop)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json["error"] == "temporarily_unavailable"
        connection.settings_dict |= kept
        assert buy(shop).status == 200


def test_a_token_is_three_canonical_parts(shop):
    parts = buy(shop).json["access_token"].split(".")
    assert [
        base64.urlsafe_b64encode(base64.urlsafe_b64decode(p + "==")).rstrip(b"=").decode()
        for p in parts
    ] == parts
