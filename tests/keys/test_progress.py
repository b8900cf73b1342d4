"""What the page of a rotation says in each of its states: unit tests of plain data."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.health import health
from keys.models import Key
from keys.progress.receipts import span
from keys.progress.stages import Progress, progress_of
from keys.progress.states import in_short, overlap_of, state_of
from tests.keys import staged


@pytest.fixture
def show(acme, issue):
    """A key whose rotation is in this state, and its page's data."""

    def made(state: str, *, worker: timedelta | None = timedelta()) -> Progress:
        rotation = staged.STATES[state](acme.enter("engineer"), issue().key)
        now = timezone.now()
        return progress_of(rotation, now, now - worker if worker is not None else None)

    return made


def states(progress: Progress) -> list[str]:
    return [stage.state for stage in progress.stages]


def notes(progress: Progress) -> list[str]:
    return [note.title for note in progress.notes]


def can(progress: Progress) -> set[str]:
    return {act for act, may in progress.may.items() if may}


WHERE = {
    "prepared": "ok now idle idle idle idle",
    "begun": "ok now idle idle idle idle",
    "proving": "ok ok run idle idle idle",
    "refused": "ok ok bad idle idle idle",
    "unreachable": "ok ok bad idle idle idle",
    "draining": "ok ok ok now idle idle",
    "held": "ok ok ok ok now idle",
    "dying": "ok ok ok ok ok bad",
    "dead": "ok ok ok ok ok ok",
    "leaked": "ok now idle idle ok idle",
    "discarded": "ok ok ok idle idle idle",
}


@pytest.mark.parametrize(("state", "stages"), WHERE.items())
def test_the_stages_say_how_far_it_is(show, state, stages):
    assert states(show(state)) == stages.split()


ACTS = {
    "prepared": {"make", "discard", "leak"},
    "begun": {"discard", "test", "leak"},
    "refused": {"discard", "test", "leak"},
    "draining": {"extend", "retire", "discard", "test", "leak"},
    "held": {"extend", "retire", "discard", "test", "leak"},
    "dying": {"test"},
    "dead": set(),
    "leaked": {"make"},
    "discarded": set(),
}


@pytest.mark.parametrize(("state", "acts"), ACTS.items())
def test_only_what_can_be_done_now_is_offered(show, state, acts):
    assert can(show(state)) == acts


HINDRANCES = {
    "begun": "The new secret is not collected",
    "refused": "The new secret does not work: refused",
    "unreachable": "The new secret could not be tested: connection refused",
    "held": "The old secret is still in use",
    "dying": "Not proven dead yet: no answer in 10 s",
    "alarmed": "The old secret is still accepted",
}


@pytest.mark.parametrize(("state", "title"), HINDRANCES.items())
def test_a_rotation_that_does_not_move_says_why(show, state, title):
    assert title in notes(show(state))


@pytest.mark.parametrize("state", ["draining", "dead", "discarded", "proving"])
def test_one_that_moves_has_nothing_to_explain(show, state):
    assert notes(show(state)) == []


@pytest.mark.parametrize("silent", [None, timedelta(minutes=14)])
def test_without_a_worker_it_says_that_nothing_ends(show, silent):
    progress = show("draining", worker=silent)
    assert notes(progress) == ["No worker answers"]
    assert "old secret lives on" in progress.notes[0].text


def test_a_disabled_key_explains_itself_instead_of_the_test(acme, issue):
    key = issue().key
    rotation = staged.refused(acme.enter("engineer"), key, "disabled")
    Key.objects.filter(pk=key.pk).update(disabled_at=timezone.now())
    rotation.key.refresh_from_db()
    now = timezone.now()
    assert notes(progress_of(rotation, now, now)) == ["The key is disabled"]


def test_one_that_nobody_looks_at_is_late(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    staged.change(rotation, next_at=timezone.now() - timedelta(minutes=10))
    now = timezone.now()
    assert notes(progress_of(rotation, now, now)) == ["It is late"]


def test_an_expiry_before_the_end_of_the_grace_is_pointed_out(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    staged.change(staged.old_of(rotation), expires_at=timezone.now() + timedelta(hours=2))
    now = timezone.now()
    assert notes(progress_of(rotation, now, now)) == [
        "The old secret expires before its grace period ends"
    ]


def test_each_receipt_names_who_when_which_worker_and_the_answer(show):
    plan, make, test, deploy, retire, end = show("dead").stages
    assert "Engineer" in plan.lines[0].words
    assert "Engineer" in make.lines[0].words
    assert test.lines[0].words == "Works, HTTP 200, 212 ms, worker node-1:4711"
    assert test.lines[0].test
    assert "used 1,204 times" in deploy.lines[0].words
    assert deploy.lines[0].after == "from 10.0.0.7"
    assert "retired by worker node-1:4711" in retire.lines[0].words
    old, new = end.lines
    assert old.words == "Old: Refused, HTTP 401, 212 ms, worker node-1:4711"
    assert new.words == "New: Works, HTTP 200, 212 ms, worker node-1:4711"


def test_no_more_is_extended_than_the_policy_allows(acme, issue):
    key = issue().key
    rotation = staged.draining(acme.enter("engineer"), key)
    rotation.key.environment.grace_max = timedelta(hours=30)
    now = timezone.now()
    assert not progress_of(rotation, now, now).may["extend"]


STATES = {
    "begun": ["Current", "New, not collected"],
    "proving": ["Current", "New, untested"],
    "held": ["Held: still in use", "Current"],
    "dying": ["Retired", "Current"],
    "alarmed": ["Retired, but still accepted", "Current"],
    "dead": ["Proven dead", "Current"],
    "leaked": ["Leaked and ended"],
    "discarded": ["Current", "Revoked"],
}


@pytest.mark.parametrize(("state", "words"), STATES.items())
def test_each_secret_of_the_key_has_its_word(acme, issue, state, words):
    made = issue()
    staged.change(made.secret, collected_at=timezone.now())
    rotation = staged.STATES[state](acme.enter("engineer"), made.key)
    secrets = list(made.key.secrets.order_by("pk"))
    now = timezone.now()
    living = [each for each in secrets if not each.ended_by(now)]
    newest = living[-1] if living else None
    said = [state_of(each, [rotation], now, newest=each == newest).words for each in secrets]
    assert said == words


def test_the_old_secret_says_when_it_ends(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    now = staged.ends_of(rotation) - timedelta(hours=5, minutes=12)
    said = state_of(staged.old_of(rotation), [rotation], now, newest=False).words
    assert said == "Old, ends in 5 h 12 min"


SHORT = {
    "prepared": ("warn", "waits for its new secret"),
    "proving": ("run", "new secret being tested"),
    "refused": ("warn", "the new secret cannot be proven"),
    "draining": ("run", "2 secrets, old ends in 6 h"),
    "held": ("warn", "old secret held, still in use"),
    "dying": ("warn", "old secret not proven dead yet"),
    "alarmed": ("bad", "old secret still accepted"),
}


@pytest.mark.parametrize(("state", "said"), SHORT.items())
def test_a_list_says_it_in_a_few_words(acme, issue, state, said):
    key = issue().key
    rotation = staged.STATES[state](acme.enter("engineer"), key)
    short = in_short(rotation, timezone.now())
    assert (short.tone, short.words) == said
    seen = health(key, timezone.now())
    assert (seen.word, seen.detail) == ("Rotating", said[1])


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("dying", "The old secret has ended. Next it is proven dead"),
        ("alarmed", "The old secret has ended, but is still accepted"),
        ("leaked", "The old secret has ended, and there is no new one yet"),
    ],
)
def test_what_ended_and_is_not_proven_dead_says_how_it_stands(show, state, said):
    assert show(state).headline.words.startswith(said)


def test_a_leaked_key_without_a_successor_is_a_fault(acme, issue):
    key = issue().key
    staged.leaked(acme.enter("engineer"), key)
    seen = health(key, timezone.now())
    assert (seen.tone, seen.word, seen.detail) == ("bad", "No secret", "leaked, no new secret yet")


def test_the_bars_of_an_overlap_stay_on_their_line(acme, issue):
    rotation = staged.draining(acme.enter("engineer"), issue().key)
    overlap = overlap_of(rotation, timezone.now())
    assert overlap
    old, new = overlap.bars
    assert old.x == 0, "it was there before"
    assert overlap.now_x is not None
    assert 0 < new.x < overlap.now_x < old.ahead_x + old.ahead < 480
    assert new.ahead_x + new.ahead == 480, "it goes on"


def test_there_is_no_overlap_before_the_new_one_is_proven(acme, issue):
    rotation = staged.begun(acme.enter("engineer"), issue().key)
    assert overlap_of(rotation, timezone.now()) is None


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(hours=24), "24 h"),
        (timedelta(days=7), "7 days"),
        (timedelta(days=2, hours=3), "2 days 3 h"),
        (timedelta(hours=5, minutes=12), "5 h 12 min"),
        (timedelta(minutes=15), "15 min"),
        (timedelta(seconds=20), "a moment"),
    ],
)
def test_a_span_is_said_in_two_units_at_most(length, words):
    assert span(length) == words
