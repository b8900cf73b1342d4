"""What the token service did for a key, hour by hour, as its page shows it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from keys.issuer import hours, usage
from keys.models import HourOfUse, Key
from keys.upkeep.purging import purge
from keys.uses import uses_of
from tests.keys.issuer.conftest import buy, post
from tests.keys.issuer.signed import Signer

HOUR = timedelta(hours=1)


def uses(shop):
    usage.flush()
    return uses_of(shop.key, timezone.now())


def rows(found):
    return {row.name: (row.count, dict(row.addresses)) for row in found}


def test_tokens_are_counted_by_proof_and_address(shop):
    signer = Signer(shop.key)
    buy(shop), buy(shop, REMOTE_ADDR="203.0.113.9"), signer.buy()
    name = f"Secret …{shop.secret.hint}"
    assert rows(uses(shop).bought) == {
        name: (2, {"198.51.100.7": 1, "203.0.113.9": 1}),
        "Public key k1": (1, {"198.51.100.7": 1}),
    }
    buy(shop)
    assert rows(uses(shop).bought)[name][0] == 3


def test_each_hour_has_a_count_of_its_own(shop):
    start = timezone.now().replace(minute=30)
    for ago, count in ((3, 2), (1, 3), (0, 1)):
        with time_machine.travel(start - ago * HOUR, tick=False):
            for _ in range(count):
                buy(shop)
    with time_machine.travel(start, tick=False):
        found = uses(shop)
    assert found.tokens[-4:] == [2, 0, 3, 1]
    assert found.figures == {"This hour": 1, "Last 24 hours": 6, "Busiest hour": 3}


def test_refusals_are_told_by_their_reason(shop):
    post(shop.path, shop.form | {"client_secret": "wrong"})
    post(shop.path, shop.form | {"scope": "beyond"})
    signer = Signer(shop.key)
    text = signer.assertion()
    signer.buy(text), signer.buy(text), signer.buy(signer.assertion({"kid": "no"}))
    signer.buy(signer.assertion(claims={"aud": "elsewhere"}))
    Key.objects.update(disabled_at=timezone.now())
    buy(shop)
    assert {name: count for name, (count, _) in rows(uses(shop).refused).items()} == {
        "Wrong secret": 1,
        "Scope it does not have": 1,
        "Assertion used before": 1,
        "Unknown kid": 1,
        "Assertion for another audience, or out of time": 1,
        "Key disabled": 1,
    }


def test_what_nobody_is_known_for_is_nobodys(shop):
    post(shop.path, shop.form | {"client_id": "ck_" + "a" * 20})
    post(shop.path, b"x")
    usage.flush()
    assert not HourOfUse.objects.exists()


def test_who_comes_from_everywhere_fills_no_table(shop):
    for place in range(50):
        buy(shop, REMOTE_ADDR=f"192.0.2.{place}")
    (row,) = uses(shop).bought
    assert row.count == 50
    assert len(row.addresses) == hours.ADDRESSES + 1
    assert (len(row.named), row.unnamed) == (5, 16)


def test_what_could_not_be_written_is_written_later_once(shop, monkeypatch):
    buy(shop)

    def broken(*_):
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(usage, "_write", broken)
        usage.flush()
    buy(shop)
    (row,) = uses(shop).bought
    assert row.count == 2


def test_a_key_that_is_gone_meanwhile_hinders_nobody(shop):
    buy(shop)
    Key.objects.all().delete()
    usage.flush()
    assert not usage._uses


def test_after_ninety_days_they_are_forgotten(shop):
    buy(shop)
    usage.flush()
    purge(timezone.now() + timedelta(days=89))
    assert HourOfUse.objects.count() == 1
    purge(timezone.now() + timedelta(days=91))
    assert not HourOfUse.objects.exists()


@pytest.mark.parametrize("name", ["engineer", "viewer"])
def test_the_keys_page_shows_it_as_a_picture_with_a_table(sign_in, issue, name):
    key = issue().key
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    HourOfUse.objects.create(
        key=key, proof=key.secrets.get().public_id, address="192.0.2.1", hour=now, count=7
    )
    HourOfUse.objects.create(key=key, reason="replay", address="", hour=now, count=2)
    html = sign_in(name).get(f"/o/acme/e/development/keys/{key.client_id}/").content.decode()
    assert 'aria-label="Tokens an hour: least 0' in html
    assert "192.0.2.1" in html
    assert "Assertion used before" in html


def test_a_stranger_who_comes_from_everywhere_hides_nobodys_use(shop):
    for number in range(hours.ADDRESSES + 5):
        form = shop.form | {"client_secret": "wrong"}
        post(shop.path, form, REMOTE_ADDR=f"203.0.113.{number}")
    buy(shop)
    ((_, addresses),) = rows(uses(shop).bought).values()
    assert addresses == {"198.51.100.7": 1}
