"""An environment that was archived, or whose organization is being deleted, is an address that never was."""

import pytest
from django.utils import timezone

from environments.models import Environment
from keys.models import Key
from tests.keys.issuer.conftest import buy, open_shop, post, request

pytestmark = pytest.mark.django_db
NEVER = "a" * 20


def archive(shop):
    Environment.objects.filter(pk=shop.key.environment_id).update(archived_at=timezone.now())


def same(one, other):
    return (one.status, one.body) == (other.status, other.body)


def test_its_token_endpoint_refuses_a_right_secret_as_it_refuses_at_an_unknown_address(shop):
    assert buy(shop).status == 200
    archive(shop)
    refused = buy(shop)
    assert refused.status == 404
    assert same(refused, post(f"/t/{NEVER}/token", shop.form))


@pytest.mark.parametrize("page", ["jwks.json", ".well-known/openid-configuration"])
def test_its_documents_are_gone(shop, page):
    archive(shop)
    at = shop.key.environment.issuer_id
    assert same(request(f"/t/{at}/{page}"), request(f"/t/{NEVER}/{page}"))


def test_a_token_bought_before_is_worth_nothing(shop):
    token = buy(shop).json["access_token"]
    path, bearer = f"/t/{shop.key.environment.issuer_id}/whoami", f"Bearer {token}"
    assert request(path, HTTP_AUTHORIZATION=bearer).status == 200
    archive(shop)
    assert request(path, HTTP_AUTHORIZATION=bearer).status == 404


def test_the_legacy_door_says_what_it_says_to_a_stranger(shop):
    open_shop("other")
    Environment.objects.update(redox_doors=True)
    Key.objects.update(legacy_door=True)
    form = {"apiKey": shop.key.client_id, "secret": shop.text}
    assert post("/auth/authenticate", form).status == 200
    archive(shop)
    stranger = post("/auth/authenticate", form | {"apiKey": "ck_" + "a" * 20})
    assert same(post("/auth/authenticate", form), stranger)
