"""Who tries in vain is told to wait; the good client, whoever else tries, is not."""

from datetime import timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from keys.issuer import throttle, usage
from keys.models import CredentialTest, HourOfUse
from tests.keys.issuer.conftest import buy, post
from tests.keys.issuer.signed import Signer

ELSEWHERE = "203.0.113.9"


@pytest.fixture
def clock(monkeypatch):
    """Moved by hand."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(throttle, "time", clock)
    return clock


def guess(shop, client_id=None, **environ):
    form = shop.form | {"client_secret": "wrong"} | ({"client_id": client_id} if client_id else {})
    return post(shop.path, form, **environ)


class TestFailures:
    def test_after_ten_wrong_secrets_one_waits(self, shop, clock):
        assert [guess(shop).status for _ in range(11)] == [401] * 10 + [429]
        answer = guess(shop)
        assert answer.json["error"] == "too_many_requests"
        assert answer.headers["Retry-After"] == "6"
        clock.now += 6
        assert [guess(shop).status, guess(shop).status] == [401, 429]
        clock.now += 60
        assert [guess(shop).status for _ in range(11)] == [401] * 10 + [429]

    def test_the_right_secret_buys_all_the_while_from_the_same_address_too(self, shop, clock):
        for _ in range(100):
            guess(shop)
        assert buy(shop).status == 200
        assert buy(shop, REMOTE_ADDR=ELSEWHERE).status == 200

    def test_another_address_has_tries_of_its_own(self, shop, clock):
        for _ in range(20):
            guess(shop)
        assert guess(shop, REMOTE_ADDR=ELSEWHERE).status == 401

    def test_the_2_to_the_64_addresses_of_one_customer_are_one(self, shop, clock):
        answers = [guess(shop, REMOTE_ADDR=f"2001:db8::{number}").status for number in range(1, 12)]
        assert answers == [401] * 10 + [429]
        assert guess(shop, REMOTE_ADDR="2001:db8:0:1::1").status == 401

    def test_addresses_of_ipv4_in_the_spelling_of_ipv6_are_their_own(self, shop, clock):
        for _ in range(11):
            guess(shop, REMOTE_ADDR="::ffff:203.0.113.9")
        assert guess(shop, REMOTE_ADDR=ELSEWHERE).status == 429
        assert guess(shop, REMOTE_ADDR="::ffff:203.0.113.10").status == 401

    def test_one_address_that_tries_many_names_waits_too(self, shop, clock):
        names = ["ck_" + "a" * 18 + one + two for one in "bcdefghijk" for two in "bcdefghijk"]
        answers = [guess(shop, name).status for name in names]
        assert answers[:60] == [401] * 60
        assert answers[60:] == [429] * 40

    def test_an_unknown_client_waits_as_a_known_one_does(self, shop, clock):
        nobody = "ck_" + "a" * 20
        known = [guess(shop).body for _ in range(12)]
        throttle.failures.clear()
        assert [guess(shop, nobody).body for _ in range(12)] == known

    def test_bad_signatures_count_as_well(self, shop, clock):
        signer = Signer(shop.key)
        answers = [signer.buy(signer.assertion({"kid": "no"})).status for _ in range(11)]
        assert answers == [401] * 10 + [429]
        assert signer.buy().status == 200

    def test_what_is_told_by_name_is_no_failed_try(self, shop, clock):
        for _ in range(30):
            assert post(shop.path, shop.form | {"scope": "beyond"}).status == 400
        shop.key.disabled_at = timezone.now()
        shop.key.save()
        assert [buy(shop).status for _ in range(30)] == [401] * 30

    def test_it_forgets_the_longest_unused_first(self, monkeypatch, clock):
        monkeypatch.setattr(throttle, "REMEMBERED", 3)
        buckets = throttle.Buckets()
        pace = throttle.Pace(1, 10)
        for name in "abcd":
            assert buckets.wait(name, pace) == 0
        assert buckets.wait("d", pace) > 0
        assert buckets.wait("a", pace) == 0


class TestOurOwnTests:
    def test_a_worker_that_sees_an_ended_secret_refused_is_no_failed_try(self, shop, clock):
        CredentialTest.objects.create(
            key=shop.key,
            secret=shop.secret,
            reason=CredentialTest.Reason.DEATH,
            leased_until=timezone.now() + timedelta(seconds=60),
            ticket_hash=sha256(b"ticket").hexdigest(),
        )
        shop.secret.end(None, timezone.now())
        answers = [buy(shop, HTTP_LATCHKEY_TEST="ticket").status for _ in range(100)]
        assert answers == [401] * 100
        usage.flush()
        assert not HourOfUse.objects.exists()

    def test_a_ticket_that_is_none_helps_nobody(self, shop, clock):
        answers = [guess(shop, HTTP_LATCHKEY_TEST="guessed").status for _ in range(11)]
        assert answers == [401] * 10 + [429]


class TestPace:
    def test_a_key_buys_so_many_a_minute_and_no_more(self, shop, clock):
        shop.key.tokens_a_minute = 3
        shop.key.save()
        answers = [buy(shop) for _ in range(4)]
        assert [each.status for each in answers] == [200, 200, 200, 429]
        assert answers[3].headers["Retry-After"] == "20"
        clock.now += 20
        assert [buy(shop).status, buy(shop).status] == [200, 429]

    @pytest.mark.parametrize("found", ["used", "ended"])
    def test_an_old_assertion_that_somebody_found_uses_up_nothing(self, shop, clock, found):
        signer = Signer(shop.key)
        shop.key.tokens_a_minute = 3
        shop.key.save()
        old = signer.assertion(claims={"exp": 1} if found == "ended" else {})
        if found == "used":
            assert signer.buy(old).status == 200
        assert [signer.buy(old).status for _ in range(20)] == [401] * 20
        assert signer.buy().status == 200


class TestAddresses:
    @pytest.mark.parametrize(
        ("ranges", "address", "status"),
        [
            (["198.51.100.0/24"], "198.51.100.7", 200),
            (["198.51.100.7/32"], "::ffff:198.51.100.7", 200),
            (["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.7", 200),
            (["2001:db8::/32"], "2001:db8::1", 200),
            (["203.0.113.0/24"], "198.51.100.7", 401),
            (["2001:db8::/32"], "198.51.100.7", 401),
            (["203.0.113.0/24"], "unknown", 401),
            (["203.0.113.0/24"], "", 401),
        ],
    )
    def test_outside_its_ranges_a_key_buys_nothing(self, shop, ranges, address, status):
        shop.key.allowed_networks = ranges
        shop.key.save()
        answer = buy(shop, REMOTE_ADDR=address)
        assert answer.status == status
        if status == 401:
            assert "may not be used from" in answer.json["error_description"]

    def test_a_stranger_outside_learns_nothing_of_it(self, shop):
        shop.key.allowed_networks = ["203.0.113.0/24"]
        shop.key.save()
        assert "fit together" in guess(shop).json["error_description"]

    def test_our_own_tests_come_from_where_the_worker_is(self, shop):
        shop.key.allowed_networks, shop.key.tokens_a_minute = ["203.0.113.0/24"], 1
        shop.key.save()
        CredentialTest.objects.create(
            key=shop.key,
            secret=shop.secret,
            reason=CredentialTest.Reason.SCHEDULE,
            leased_until=timezone.now() + timedelta(seconds=60),
            ticket_hash=sha256(b"ticket").hexdigest(),
        )
        for _ in range(3):
            assert buy(shop, HTTP_LATCHKEY_TEST="ticket").status == 200
        assert buy(shop, HTTP_LATCHKEY_TEST="guessed").status == 401
