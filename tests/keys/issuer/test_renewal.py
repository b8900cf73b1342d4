"""The signing key of an environment changes every month and nobody who reads tokens notices."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from environments.events import Event
from environments.models import AuditEvent
from keys.models import SigningKey
from keys.tasks import renew_signing_keys
from tests.keys.issuer.conftest import buy, request

pytestmark = pytest.mark.filterwarnings(
    "ignore:EdDSA is deprecated"
)  # the reader's own library says so
DAY = timedelta(days=1)
EVERY = ["ES256", "RS256", "EdDSA"]


def key_set(shop):
    return request(f"/t/{shop.key.environment.issuer_id}/jwks.json").json


def reads(token, keys):
    names = [key["alg"] for key in keys["keys"]]
    try:
        return jwt.decode(token, KeySet.import_key_set(keys), algorithms=names)
    except JoseError:
        return None


def at(moment):
    return time_machine.travel(moment, tick=False)


def test_a_reader_that_looks_every_five_minutes_never_meets_an_unknown_key(shop):
    start = timezone.now()
    with at(start):
        buy(shop)
    seen = key_set(shop)
    kids = set()
    for minute in range(0, 4 * 60, 5):
        with at(start + 30 * DAY - timedelta(minutes=30) + timedelta(minutes=minute)):
            renew_signing_keys()
            token = buy(shop).json["access_token"]
            read = reads(token, seen)  # with what was fetched five minutes ago
            assert read is not None
            kids.add(read.header["kid"])
            seen = key_set(shop)
            assert reads(token, seen)
    assert len(kids) == 2
    assert len(seen["keys"]) == 1


def test_a_token_of_the_old_key_is_good_for_its_five_minutes_after_the_change(shop):
    start = timezone.now()
    with at(start):
        buy(shop)
    with at(start + 30 * DAY):
        renew_signing_keys()
    with at(start + 30 * DAY + timedelta(minutes=59, seconds=59)):
        token = buy(shop).json["access_token"]
    with at(start + 30 * DAY + timedelta(minutes=64)):
        renew_signing_keys()
        path = shop.path.replace("/token", "/whoami")
        assert request(path, HTTP_AUTHORIZATION=f"Bearer {token}").status == 200
        assert buy(shop).status == 200


def test_it_is_renewed_once_however_often_the_clock_calls(shop):
    buy(shop)
    with at(timezone.now() + 30 * DAY):
        for _ in range(3):
            renew_signing_keys()
    assert list(SigningKey.objects.order_by("serial").values_list("serial", flat=True)) == [1, 2]
    line = AuditEvent.objects.get(event=Event.SIGNING_KEY_RENEWED)
    assert line.detail["kid"] == SigningKey.objects.get(serial=2).kid


def test_before_thirty_days_nothing_changes(shop):
    buy(shop)
    with at(timezone.now() + 29 * DAY):
        renew_signing_keys()
    assert SigningKey.objects.count() == 1


@pytest.mark.parametrize("algorithm", EVERY)
def test_the_first_key_is_of_the_kind_that_was_chosen(shop, algorithm):
    shop.key.environment.signing_algorithm = algorithm
    shop.key.environment.save()
    token = buy(shop).json["access_token"]
    assert reads(token, key_set(shop)).header["alg"] == algorithm
    path = shop.path.replace("/token", "/whoami")
    assert request(path, HTTP_AUTHORIZATION=f"Bearer {token}").status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
def test_another_kind_signs_an_hour_after_it_was_chosen_and_both_verify(shop, algorithm):
    start = timezone.now()
    with at(start):
        first = buy(shop).json["access_token"]
        shop.key.environment.signing_algorithm = algorithm
        shop.key.environment.save()
    for minutes, signs in ((0, "ES256"), (59, "ES256"), (60, algorithm), (90, algorithm)):
        with at(start + timedelta(minutes=minutes)):
            renew_signing_keys()
            token = buy(shop).json["access_token"]
            keys = key_set(shop)
            assert reads(token, keys).header["alg"] == signs
            assert reads(first, keys) is not None
    with at(start + timedelta(hours=3)):
        renew_signing_keys()
    assert [key["alg"] for key in key_set(shop)["keys"]] == [algorithm]
