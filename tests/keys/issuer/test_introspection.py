"""Other services ask what a token is worth; a client gives its own token back."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from keys.issuer import usage
from keys.models import Key, RevokedToken
from keys.upkeep.purging import purge
from tests.keys.issuer.conftest import buy, open_shop, post, request, with_secret
from tests.keys.issuer.signed import Signer


def ask(what, shop, token, **more):
    form = {**shop.form, "token": token, **more}
    del form["grant_type"]
    return post(shop.path.replace("/token", f"/{what}"), form)


def introspect(shop, token, **more):
    return ask("introspect", shop, token, **more)


def revoke(shop, token, **more):
    return ask("revoke", shop, token, **more)


def whoami(shop, token):
    path = shop.path.replace("/token", "/whoami")
    return request(path, HTTP_AUTHORIZATION=f"Bearer {token}")


@pytest.fixture
def token(shop):
    return buy(shop).json["access_token"]


@pytest.fixture
def neighbour(shop):
    """Another key of the same environment."""
    return with_secret(Key.objects.create(environment=shop.key.environment, name="neighbour"))


class TestIntrospection:
    def test_any_live_key_of_the_environment_learns_what_a_token_is_worth(
        self, shop, neighbour, token
    ):
        said = introspect(neighbour, token).json
        assert said["active"] is True
        assert said["client_id"] == said["sub"] == shop.key.client_id
        assert said["scope"] == "api:read api:write"
        assert said["token_type"] == "Bearer"
        assert said["exp"] - said["iat"] == 300
        assert said["proof"] == shop.secret.public_id
        assert said["iss"] == said["aud"]
        assert said["jti"]

    def test_it_is_not_kept_by_anybody_on_the_way(self, shop, token):
        assert introspect(shop, token).headers["Cache-Control"] == "no-store"

    def test_whoever_signs_may_ask_too_and_the_tokens_of_signers_are_known(self, shop):
        signer = Signer(shop.key)
        bought = signer.buy().json["access_token"]
        form = signer.form() | {"token": bought}
        said = post(shop.path.replace("/token", "/introspect"), form).json
        assert (said["active"], said["proof"]) == (True, signer.public.public_id)

    def test_an_assertion_that_bought_a_token_does_not_ask_for_another_ones_worth(self, shop):
        signer = Signer(shop.key)
        form = signer.form() | {"token": "x"}
        assert post(signer.path, form).status == 200
        assert post(shop.path.replace("/token", "/introspect"), form).status == 401

    @pytest.mark.parametrize(
        "end",
        [
            lambda shop: shop.secret.end(None, timezone.now()),
            lambda shop: Key.objects.filter(pk=shop.key.pk).update(disabled_at=timezone.now()),
            lambda shop: Key.objects.filter(pk=shop.key.pk).update(deleted_at=timezone.now()),
            lambda shop: Key.objects.filter(pk=shop.key.pk).delete(),
        ],
    )
    def test_what_was_ended_makes_its_tokens_inactive_at_once(self, shop, neighbour, token, end):
        end(shop)
        assert introspect(neighbour, token).json == {"active": False}

    def test_a_removed_public_key_makes_its_tokens_inactive_at_once(self, shop):
        signer = Signer(shop.key)
        bought = signer.buy().json["access_token"]
        signer.public.end(None, timezone.now())
        assert introspect(shop, bought).json == {"active": False}
        assert "public key was removed" in whoami(shop, bought).json["error_description"]

    def test_an_expired_token_is_inactive(self, shop, token):
        with time_machine.travel(timezone.now() + timedelta(seconds=301)):
            assert introspect(shop, token).json == {"active": False}

    @pytest.mark.parametrize(
        "text", ["x", "a.b.c", "\u2603", "e30.e30.e30", "' OR 1=1 --", "x" * 9000]
    )
    def test_what_is_no_token_is_inactive(self, shop, text):
        assert introspect(shop, text).json == {"active": False}

    def test_a_token_of_another_environment_is_inactive(self, shop, token):
        assert introspect(open_shop("globex"), token).json == {"active": False}

    def test_who_has_no_proof_learns_nothing(self, shop, token):
        assert introspect(shop, token, client_secret="wrong").status == 401
        path = shop.path.replace("/token", "/introspect")
        assert post(path, {"token": token}).status == 401
        assert post(path, shop.form).json["error"] == "invalid_request"
        Key.objects.filter(pk=shop.key.pk).update(disabled_at=timezone.now())
        assert "disabled" in introspect(shop, token).json["error_description"]

    def test_asking_is_use_of_the_secret(self, shop, token):
        introspect(shop, token)
        usage.flush()
        shop.secret.refresh_from_db()
        assert shop.secret.use_count == 2


class TestRevocation:
    def test_a_token_given_back_is_worth_nothing_at_once(self, shop, token):
        assert revoke(shop, token).status == 200
        assert introspect(shop, token).json == {"active": False}
        assert "it was revoked" in whoami(shop, token).json["error_description"]
        assert revoke(shop, token).status == 200

    def test_other_tokens_of_the_same_secret_live_on(self, shop, token):
        revoke(shop, token)
        assert introspect(shop, buy(shop).json["access_token"]).json["active"] is True

    def test_another_keys_token_stays(self, shop, neighbour, token):
        answer = revoke(neighbour, token)
        assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
        assert introspect(shop, token).json["active"] is True

    @pytest.mark.parametrize("text", ["x", "a.b.c"])
    def test_what_is_no_token_is_as_good_as_revoked(self, shop, text):
        assert revoke(shop, text, token_type_hint="refresh_token").status == 200

    def test_the_row_goes_when_the_token_would_have_ended(self, shop, token):
        revoke(shop, token)
        purge(timezone.now())
        assert RevokedToken.objects.count() == 1
        purge(timezone.now() + timedelta(seconds=301))
        assert not RevokedToken.objects.exists()
