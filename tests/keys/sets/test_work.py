"""The row of a key set drives the work: two workers, dead ones, late ones, a key that rests."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.models import FETCHED_EVERY, STRIKES, KeySet
from keys.services import key_sets as verbs
from keys.services.issuing import KeyEnded
from keys.services.keeping import delete_key, disable_key
from keys.services.key_sets import NewKeySet, enter_key_set
from keys.set_fetching import FoundSet
from keys.set_outcomes import SetOutcome
from keys.upkeep import found_sets, key_sets
from tests.keys.pairs import P256
from tests.keys.sets.conftest import events, fetch_due, pass_by

pytestmark = pytest.mark.enable_socket


def test_two_workers_fetch_it_once(held):
    now = timezone.now()
    assert KeySet.objects.claim(held.pk, now, "one") is not None
    assert KeySet.objects.claim(held.pk, now, "two") is None


def test_a_dead_workers_set_is_fetched_by_another_and_a_late_answer_is_dropped(
    held, signed, partner, time_machine
):
    late = KeySet.objects.claim(held.pk, timezone.now(), "dead")
    assert late is not None
    pass_by(time_machine, timedelta(seconds=61))
    partner.publish(P256, kid="a")
    assert fetch_due() == 1
    assert not found_sets.keep(late, FoundSet(SetOutcome.TIMEOUT))
    held.refresh_from_db()
    assert held.result is SetOutcome.READ


def test_after_three_strikes_it_is_given_up_until_its_next_turn(held, time_machine):
    for _ in range(STRIKES):
        assert KeySet.objects.claim(held.pk, timezone.now(), "dies") is not None
        pass_by(time_machine, timedelta(seconds=61))
    assert fetch_due() == 0
    held.refresh_from_db()
    assert held.result is SetOutcome.GAVE_UP
    assert held.next_at - timezone.now() == FETCHED_EVERY


def test_what_the_former_address_answers_late_is_dropped(acme, held, signed, partner):
    late = KeySet.objects.claim(held.pk, timezone.now(), "slow")
    assert late is not None
    enter_key_set(acme.enter("engineer"), signed.client_id, NewKeySet(partner.url + "?v=2"))
    assert not found_sets.keep(late, FoundSet(SetOutcome.TIMEOUT))


def test_a_disabled_key_rests_unless_a_person_asks(acme, followed, signed, time_machine):
    disable_key(acme.enter("engineer"), signed.client_id)
    pass_by(time_machine, FETCHED_EVERY)
    assert fetch_due() == 0
    verbs.fetch_now(acme.enter("support"), signed.client_id)
    verbs.fetch_now(acme.enter("support"), signed.client_id)
    assert fetch_due() == 1
    assert events().count("key-set.asked") == 1


def test_a_deleted_keys_set_is_fetched_no_more(acme, held, signed, issue):
    issue(name="other")
    delete_key(acme.enter("engineer"), signed.client_id)
    assert fetch_due() == 0
    with pytest.raises(KeyEnded):
        verbs.fetch_now(acme.enter("engineer"), signed.client_id)


def test_a_set_that_was_removed_meanwhile_is_no_trouble(acme, held, signed, partner):
    waiting = key_sets.due(timezone.now())
    verbs.remove_key_set(acme.enter("engineer"), signed.client_id, end_keys=False)
    for each in waiting:
        key_sets.fetch(each)
    assert partner.asked == 0
