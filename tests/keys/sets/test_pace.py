"""How often a key set is fetched: by the clock, sooner for an unknown kid, and never at an attacker's pace."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.models import FETCHED_EVERY
from tests.keys.pairs import ED, P256
from tests.keys.sets.conftest import fetch_due, living, miss, pass_by
from tests.servers import saying

pytestmark = pytest.mark.enable_socket


def test_an_unknown_kid_brings_the_next_fetch_on(followed, signed, partner, time_machine):
    partner.publish(P256, ED)
    miss(signed)
    pass_by(time_machine, timedelta(minutes=2))
    assert fetch_due() == 1
    assert len(living(signed)) == 2


def test_but_no_sooner_than_a_minute_after_the_last(followed, signed, time_machine):
    miss(signed)
    pass_by(time_machine, timedelta(seconds=20))
    assert fetch_due() == 0
    pass_by(time_machine, timedelta(seconds=40))
    assert fetch_due() == 1


def test_whoever_sends_nonsense_all_the_time_gets_few_fetches_more_than_the_clock_makes(
    followed, signed, partner, time_machine
):
    before = partner.asked
    for _ in range(24 * 60 // 2):
        miss(signed, 100)
        pass_by(time_machine, timedelta(minutes=2))
        fetch_due()
    by_the_clock = timedelta(days=1) // FETCHED_EVERY
    assert by_the_clock - 8 <= partner.asked - before <= by_the_clock + 8


def test_once_it_is_quiet_the_next_unknown_kid_is_heard_at_once(followed, signed, time_machine):
    for _ in range(4):
        miss(signed)
        pass_by(time_machine, FETCHED_EVERY)
        fetch_due()
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    miss(signed)
    pass_by(time_machine, timedelta(minutes=1))
    assert fetch_due() == 1


def test_a_kid_that_was_unknown_before_the_last_fetch_brings_nothing_on(
    held, signed, partner, time_machine
):
    miss(signed, 5)
    partner.publish(P256)
    fetch_due()
    pass_by(time_machine, timedelta(minutes=5))
    assert fetch_due() == 0


def test_a_server_that_wants_peace_gets_it(followed, partner, time_machine):
    partner.answer = saying("", "429 Too Many Requests", Retry_After="7200")
    pass_by(time_machine, FETCHED_EVERY)
    fetch_due()
    followed.refresh_from_db()
    assert followed.next_at - timezone.now() == timedelta(hours=2)
