import atexit
import hashlib
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from keys.issuer import usage
from keys.models import CredentialTest
from tests.keys.issuer.conftest import buy, post

TICKET = "a-random-ticket"
keep_flushing = usage.keep_flushing  # the real one, before any fixture puts another in its place


def after_flush(shop):
    usage.flush()
    shop.secret.refresh_from_db()
    return shop.secret


@pytest.fixture
def leased(shop):
    return CredentialTest.objects.create(
        key=shop.key,
        secret=shop.secret,
        reason=CredentialTest.Reason.SCHEDULE,
        leased_until=timezone.now() + timedelta(seconds=60),
        ticket_hash=hashlib.sha256(TICKET.encode()).hexdigest(),
    )


class TestUse:
    def test_each_token_counts_once_it_is_flushed(self, shop):
        buy(shop), buy(shop)
        shop.secret.refresh_from_db()
        assert shop.secret.use_count == 0
        secret = after_flush(shop)
        assert (secret.use_count, secret.last_used_from) == (2, "198.51.100.7")
        assert timezone.now() - secret.last_used_at < timedelta(seconds=5)
        buy(shop)
        assert after_flush(shop).use_count == 3
        assert after_flush(shop).use_count == 3

    def test_the_first_use_collects_the_secret_and_later_ones_do_not(self, shop):
        with time_machine.travel(timezone.now() - timedelta(hours=1), tick=False):
            buy(shop)
            first = after_flush(shop).collected_at
        buy(shop)
        secret = after_flush(shop)
        assert secret.collected_at == first
        assert secret.last_used_at > first

    def test_a_refusal_is_no_use(self, shop):
        post(shop.path, shop.form | {"client_secret": "wrong"})
        post(shop.path, shop.form | {"scope": "beyond"})
        shop.key.disabled_at = timezone.now()
        shop.key.save()
        buy(shop)
        assert after_flush(shop).use_count == 0

    def test_a_later_use_that_another_process_wrote_stays(self, shop):
        later = timezone.now() + timedelta(hours=1)
        shop.secret.last_used_at, shop.secret.last_used_from = later, "192.0.2.1"
        shop.secret.save()
        buy(shop)
        secret = after_flush(shop)
        assert (secret.use_count, secret.last_used_at, secret.last_used_from) == (
            1,
            later,
            "192.0.2.1",
        )

    @pytest.mark.parametrize(
        ("proxies", "header", "address"),
        [
            (0, "203.0.113.9", "198.51.100.7"),
            (1, "203.0.113.9", "203.0.113.9"),
            (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
            (2, "203.0.113.9", "198.51.100.7"),
            (1, "2001:DB8::1", "2001:db8::1"),
            (1, "<script>", ""),
        ],
    )
    def test_the_address_is_what_our_own_proxies_say(
        self, shop, settings, proxies, header, address
    ):
        settings.LATCHKEY_PROXIES = proxies
        buy(shop, HTTP_X_FORWARDED_FOR=header)
        assert after_flush(shop).last_used_from == address

    def test_what_cannot_be_written_is_kept_and_added_to(self, shop, monkeypatch):
        def away():
            raise OperationalError("gone")

        buy(shop)
        with monkeypatch.context() as patch:
            patch.setattr(connection, "cursor", away)
            usage.flush()
        assert after_flush(shop).use_count == 1
        buy(shop)
        with monkeypatch.context() as patch:
            patch.setattr(connection, "cursor", away)
            usage.flush()
        buy(shop)
        assert after_flush(shop).use_count == 3

    def test_many_secrets_in_one_flush(self, shop):
        shops = [shop, *(shop.another_secret() for _ in range(9))]
        for one in shops:
            buy(one)
        usage.flush()
        for one in shops:
            assert after_flush(one).use_count == 1


class TestOurOwnTests:
    def test_a_test_with_its_ticket_is_no_use(self, shop, leased):
        assert buy(shop, HTTP_LATCHKEY_TEST=TICKET).status == 200
        secret = after_flush(shop)
        assert (secret.use_count, secret.last_used_at, secret.collected_at) == (0, None, None)

    @pytest.mark.parametrize("ticket", ["another", "", "é\xff"])
    def test_a_ticket_that_nobody_gave_out_hides_nothing(self, shop, leased, ticket):
        buy(shop, HTTP_LATCHKEY_TEST=ticket)
        assert after_flush(shop).use_count == 1

    @pytest.mark.parametrize("ended", ["finished_at", "leased_until"])
    def test_a_ticket_is_good_while_its_test_runs(self, shop, leased, ended):
        setattr(leased, ended, timezone.now() - timedelta(seconds=1))
        leased.save()
        buy(shop, HTTP_LATCHKEY_TEST=TICKET)
        assert after_flush(shop).use_count == 1

    def test_a_ticket_is_good_for_its_own_secret(self, shop, leased):
        other = shop.another_secret()
        buy(other, HTTP_LATCHKEY_TEST=TICKET)
        assert after_flush(other).use_count == 1

    def test_a_ticket_opens_nothing(self, shop, leased):
        answer = post(shop.path, shop.form | {"client_secret": "wrong"}, HTTP_LATCHKEY_TEST=TICKET)
        assert answer.status == 401


def test_the_flusher_is_started_once_and_writes_by_itself(monkeypatch):
    written = threading.Event()
    monkeypatch.undo()
    monkeypatch.setattr(usage, "_once", threading.Lock())
    monkeypatch.setattr(usage, "EVERY", 0.01)
    monkeypatch.setattr(usage, "COLLECT_EVERY", 0)
    monkeypatch.setattr(usage, "flush", written.set)
    monkeypatch.setattr(atexit, "register", lambda _: None)
    before = threading.active_count()
    keep_flushing()
    keep_flushing()
    assert written.wait(2)
    assert threading.active_count() == before + 1
    monkeypatch.setattr(usage, "EVERY", 3600)
