from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import Environment
from keys import tasks
from keys.models import STRIKES, CredentialTest, Key
from keys.outcomes import Outcome
from keys.upkeep import timetable
from tests.keys.made import ask, make_key, make_secret

pytestmark = pytest.mark.django_db

TICKS = 60  # of 15 seconds in the usual interval


@pytest.fixture
def now():
    return timezone.now()


def tick_of(key: Key, now):
    """A moment at which it is this key's turn."""
    round_began = now.timestamp() // (TICKS * 15) * (TICKS * 15)
    turn = round_began + (key.pk % TICKS) * 15 + 1
    return now + timedelta(seconds=turn + TICKS * 15 - now.timestamp())


def live_keys(count: int) -> list[Key]:
    keys = [make_key(f"key {number}") for number in range(count)]
    for key in keys:
        make_secret(key)
    return keys


def test_every_key_is_tested_once_in_an_interval_and_never_all_at_once(now):
    keys = live_keys(30)
    made = []
    for tick in range(2 * TICKS):
        at = now + timedelta(seconds=15 * tick)
        due = timetable.schedule_tests(at)
        made.append(len(due))
        CredentialTest.objects.filter(pk__in=due).update(finished_at=at)
        Key.objects.filter(tests__in=due).update(last_tested_at=at)
    assert sum(made[:TICKS]) == sum(made[TICKS:]) == len(keys)
    assert max(made) <= 2


def test_a_turn_that_nobody_met_is_made_up_for(now):
    (key,) = live_keys(1)
    Key.objects.update(last_tested_at=now - timedelta(minutes=16))
    not_its_turn = tick_of(key, now) + timedelta(minutes=3)
    assert len(timetable.schedule_tests(not_its_turn)) == 1


def test_two_beats_ask_once(now):
    (key,) = live_keys(1)
    at = tick_of(key, now)
    assert len(timetable.schedule_tests(at)) == 1
    assert timetable.schedule_tests(at + timedelta(milliseconds=5)) == []
    assert CredentialTest.objects.count() == 1


@pytest.mark.parametrize(
    "rest",
    [
        lambda key, now: Key.objects.update(disabled_at=now),
        lambda key, now: Key.objects.update(deleted_at=now),
        lambda key, now: key.secrets.update(expires_at=now - timedelta(seconds=1)),
        lambda key, now: key.secrets.update(revoked_at=now, sealed=None),
    ],
    ids=["disabled", "deleted", "expired", "revoked"],
)
def test_what_buys_no_token_is_not_scheduled(rest, now):
    (key,) = live_keys(1)
    at = tick_of(key, now)
    rest(key, at)
    assert timetable.schedule_tests(at) == []


def test_the_newest_live_secret_is_the_one_that_is_tested(now):
    (key,) = live_keys(1)
    newer = make_secret(key, "newer")
    make_secret(key, "newest but ended", expires_at=now - timedelta(days=1))
    (test_id,) = timetable.schedule_tests(tick_of(key, now))
    assert CredentialTest.objects.get(pk=test_id).secret == newer


def test_each_environment_has_an_interval_of_its_own(now):
    live_keys(1)
    Environment.objects.update(test_interval=timedelta(hours=1))
    Key.objects.update(last_tested_at=now - timedelta(minutes=20))
    asked = [timetable.schedule_tests(now + timedelta(seconds=15 * tick)) for tick in range(30)]
    assert sum(map(len, asked)) <= 1


def test_the_sweeper_rings_again_for_what_somebody_waits_for_first(now):
    secret = make_secret(make_key())
    bulk = ask(secret, interactive=False, not_before=now - timedelta(hours=1))
    ask(secret, interactive=False, reason="schedule", not_before=now - timedelta(hours=2))
    person = ask(secret)
    ask(secret, not_before=now - timedelta(seconds=1))  # its message may still be on its way
    ask(secret, leased_until=now + timedelta(seconds=9))
    ask(secret, finished_at=now)
    assert timetable.sweep(now) == [person.pk, bulk.pk]
    assert timetable.sweep(now, limit=1) == [person.pk]


def test_after_three_strikes_the_worker_gives_up_and_the_key_is_not_blamed(now):
    secret = make_secret(make_key())
    test = ask(secret, attempt=STRIKES, leased_until=now - timedelta(seconds=1))
    assert timetable.sweep(now) == []
    test.refresh_from_db()
    assert test.result is Outcome.GAVE_UP
    assert test.key.failing_since is None


def test_a_third_attempt_still_under_lease_is_not_given_up(now):
    test = ask(make_secret(make_key()), attempt=STRIKES, leased_until=now + timedelta(seconds=5))
    timetable.sweep(now)
    test.refresh_from_db()
    assert test.finished_at is None


@pytest.fixture
def rung(monkeypatch):
    """The messages: which task, of which test, in which queue."""
    sent = []
    for task in (tasks.run_credential_test, tasks.run_due_tests):
        name = task.name.rpartition(".")[2]
        send = lambda args=(), *, queue, name=name: sent.append((name, *args, queue))  # noqa: E731
        monkeypatch.setattr(task, "apply_async", send)
    return sent


def test_what_somebody_waits_for_has_a_message_of_its_own_and_a_queue_that_overtakes(rung):
    secret = make_secret(make_key())
    person = ask(secret)
    ask(secret, interactive=False, reason="schedule")
    tasks.sweep()
    assert rung == [("run_credential_test", person.pk, "now")]


def test_the_clock_rings_once_for_all_that_it_asked_for(now, rung):
    live_keys(3)
    Key.objects.update(last_tested_at=now - timedelta(hours=1))
    tasks.schedule_tests()
    assert CredentialTest.objects.unfinished().count() == 3
    assert rung == [("run_due_tests", "due")]
    tasks.schedule_tests()
    assert len(rung) == 1


def test_each_task_does_its_one_thing():
    tasks.purge()
    tasks.run_due_tests()
    tasks.run_credential_test(10**9)
