"""Discovery, key set and whoami: what a client reads before and after it has a token."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from environments.models import Team
from keys.models import SigningKey
from tests.keys.issuer.conftest import buy, open_shop, request


def whoami(shop, token, **environ):
    path = shop.path.replace("/token", "/whoami")
    return request(path, HTTP_AUTHORIZATION=f"Bearer {token}", **environ)


@pytest.fixture
def token(shop):
    return buy(shop).json["access_token"]


def refused(answer):
    assert answer.status == 401
    assert answer.json["error"] == "invalid_token"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    return answer.json["error_description"]


class TestDiscovery:
    def test_both_addresses_say_the_same(self, shop, settings):
        issuer = shop.key.environment.issuer_id
        first = request(f"/.well-known/oauth-authorization-server/t/{issuer}")
        second = request(f"/t/{issuer}/.well-known/openid-configuration")
        assert first.body == second.body
        base = f"{settings.LATCHKEY_BASE_URL}/t/{issuer}"
        assert first.json["issuer"] == base
        assert first.json["token_endpoint"] == f"{base}/token"
        assert first.json["jwks_uri"] == f"{base}/jwks.json"
        assert first.json["scopes_supported"] == ["api:read", "api:write"]
        assert first.json["token_endpoint_auth_methods_supported"] == [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ]
        assert "RS384" in first.json["token_endpoint_auth_signing_alg_values_supported"]
        assert first.json["introspection_endpoint"] == f"{base}/introspect"
        assert first.json["revocation_endpoint"] == f"{base}/revoke"
        assert "max-age" in first.headers["Cache-Control"]

    def test_head_has_the_length_and_no_body(self, shop):
        path = f"/.well-known/oauth-authorization-server/t/{shop.key.environment.issuer_id}"
        whole, head = request(path), request(path, "HEAD")
        assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


class TestKeySet:
    def keys(self, shop):
        return request(f"/t/{shop.key.environment.issuer_id}/jwks.json").json["keys"]

    def test_it_is_never_empty_for_a_reader_may_keep_it(self, shop):
        before = self.keys(shop)
        buy(shop)
        assert self.keys(shop) == before
        assert [key["kid"] for key in before] == [SigningKey.objects.get().kid]

    def test_it_holds_no_private_half(self, shop):
        (key,) = self.keys(shop)
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")

    def test_keys_whose_time_is_over_are_gone(self, shop, token):
        SigningKey.objects.update(verifies_until=timezone.now() + timedelta(minutes=1))
        assert self.keys(shop)
        assert whoami(shop, token).status == 200
        with time_machine.travel(timezone.now() + timedelta(minutes=2)):
            assert "not a token" in refused(whoami(shop, token))


class TestWhoami:
    def test_it_echoes_what_the_token_proves(self, shop, token, settings):
        answer = whoami(shop, token)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
        said = answer.json
        assert said.pop("expires_at").endswith("Z")
        assert said == {
            "client_id": shop.key.client_id,
            "organization": "acme",
            "environment": "development",
            "kind": "development",
            "team": None,
            "scope": "api:read api:write",
            "proof": shop.secret.public_id,
            "issuer": f"{settings.LATCHKEY_BASE_URL}/t/{shop.key.environment.issuer_id}",
        }

    def test_it_names_the_team(self, shop, token):
        shop.key.team = Team.objects.create(
            organization=shop.key.environment.organization, name="Web", slug="web"
        )
        shop.key.save()
        assert whoami(shop, token).json["team"] == "web"

    def test_without_a_token_there_is_a_challenge_and_no_error(self, shop):
        answer = request(shop.path.replace("/token", "/whoami"))
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="latchkey"'

    @pytest.mark.parametrize(
        ("cause", "word"), [("disabled_at", "disabled"), ("deleted_at", "deleted")]
    )
    def test_a_key_that_ended_proves_nothing_at_once(self, shop, token, cause, word):
        setattr(shop.key, cause, timezone.now())
        shop.key.save()
        assert word in refused(whoami(shop, token))

    def test_a_revoked_secret_takes_its_tokens_along(self, shop, token):
        second = buy(shop.another_secret()).json["access_token"]
        shop.secret.revoked_at = timezone.now()
        shop.secret.save()
        assert "revoked" in refused(whoami(shop, token))
        assert whoami(shop, second).status == 200

    def test_a_key_that_is_gone_altogether(self, shop, token):
        shop.key.delete()
        assert "deleted" in refused(whoami(shop, token))

    def test_it_ends_after_five_minutes(self, shop):
        bought_at = timezone.now().replace(microsecond=0)
        with time_machine.travel(bought_at, tick=False):
            token = buy(shop).json["access_token"]
        with time_machine.travel(bought_at + timedelta(seconds=299), tick=False):
            assert whoami(shop, token).status == 200
        with time_machine.travel(bought_at + timedelta(seconds=300), tick=False):
            assert "expired" in refused(whoami(shop, token))

    def test_a_token_of_another_environment_is_refused(self, shop, token):
        other = open_shop("globex")
        buy(other)
        refused(whoami(other, token))

    def test_a_token_under_another_base_is_refused(self, shop, token, settings):
        settings.LATCHKEY_BASE_URL = "https://moved.example"
        assert "another environment" in refused(whoami(shop, token))

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "a.b.c",
            "..",
            "é.é.é",
            "e30.e30.",
            "eyJhbGciOiJub25lIn0.e30.",
            "a" * 4000,
            "\xff",
            "W10.W10.x",
        ],
    )
    def test_anything_else_is_refused(self, shop, token, text):
        refused(whoami(shop, text))

    def test_a_changed_token_is_refused(self, shop, token):
        head, claims, signature = token.split(".")
        refused(whoami(shop, f"{head}.{claims}x.{signature}"))
        refused(whoami(shop, f"{head}.{claims}.{signature[:-4]}AAAA"))
        refused(whoami(shop, f"{head}.{claims}."))

    def test_a_strangers_signature_under_our_kid_is_refused(self, shop, token):
        kid = SigningKey.objects.get().kid
        stranger = ECKey.generate_key("P-256")
        claims = {"iss": "x", "exp": 9_999_999_999, "client_id": shop.key.client_id}
        refused(
            whoami(
                shop, jwt.encode({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, claims, stranger)
            )
        )
        # The classic confusion: our public key taken for a shared secret.
        shared = OctKey.import_key(str(SigningKey.objects.get().public_jwk))
        refused(whoami(shop, jwt.encode({"alg": "HS256", "kid": kid}, claims, shared)))
