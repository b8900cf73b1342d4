"""Facts of a rotation and now → its next step. Pure: no database, no clock of its own (design part 4).

The old secret gets no end date from a rotation. It ends by RETIRE alone, which a worker performs after it has read
the old secret's use and has a fresh proof of the new one; whatever fails before that leaves the old one alive.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

TAKE_UP_WITHIN: Final = timedelta(days=7)  # a prepared rotation that no keeper took up lapses
COLLECT_WITHIN: Final = timedelta(hours=72)
QUIET: Final = timedelta(minutes=15)  # an old secret used more recently than this is in use
WRITTEN: Final = timedelta(
    seconds=3
)  # by then the token service has written down what it saw before
LONGEST_HOLD: Final = timedelta(hours=24)
FRESH: Final = timedelta(
    minutes=5
)  # an older proof of the new secret is fetched anew before the old one ends
PAIR: Final = timedelta(seconds=60)  # between the old one's refusal and the new one's acceptance
LONGEST_RETRY: Final = timedelta(minutes=1)
PATIENT_AFTER: Final = 20
PATIENT_RETRY: Final = timedelta(minutes=15)
TEST_TAKES: Final = timedelta(seconds=75)  # a lease and the sweeper's tick


class Step(StrEnum):
    """What comes next. The first group waits, the second is to be performed at once."""

    AWAIT_SECRET = "await_secret"  # noqa: S105
    AWAIT_COLLECTION = "await_collection"
    AWAIT_TEST = "await_test"
    AWAIT_RETRY = "await_retry"
    DRAIN = "drain"
    HOLD = "hold"
    AWAIT_PROVIDER = "await_provider"

    PROVE = "prove"
    RETIRE = "retire"
    PROVE_DEAD = "prove_dead"
    PROVE_ALIVE = "prove_alive"
    DROP_NEW = "drop_new"
    LAPSE = "lapse"
    CLOSE = "close"
    CLOSE_UNPROVEN = "close_unproven"
    CLOSE_DELETED = "close_deleted"


@dataclass(frozen=True, slots=True)
class Next:
    """A step, and when to look again; None: not before somebody acts."""

    step: Step
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that decides. Moments in UTC; None where it has not happened."""

    asked_at: datetime
    grace: timedelta
    imported: bool = False
    key_deleted: bool = False
    has_old: bool = True
    old_ended_at: datetime | None = None
    """Revoked by hand, or expired: by whichever came first."""
    old_erased: bool = False
    """Its sealed text is gone, so nobody can prove it dead."""
    old_last_used_at: datetime | None = None
    made_at: datetime | None = None
    collected_at: datetime | None = None
    new_ended_at: datetime | None = None
    proven_at: datetime | None = None
    last_proof_at: datetime | None = None
    """The newest token fetched with the new secret."""
    ends_at: datetime | None = None
    held_until: datetime | None = None
    pressed_at: datetime | None = None
    retired_at: datetime | None = None
    refused_at: datetime | None = None
    accepted_at: datetime | None = None
    testing: bool = False
    attempt: int = 0
    """Tests in a row that did not bring this rotation on."""
    retry_at: datetime | None = None


def next_step(facts: Facts, now: datetime) -> Next:
    if facts.key_deleted:
        return Next(Step.CLOSE_DELETED)
    if facts.testing:
        return Next(Step.AWAIT_TEST, now + TEST_TAKES)
    unproven = _until_proven(facts, now)
    if unproven:
        return unproven
    if not facts.has_old:
        return Next(Step.CLOSE)
    return _dying(facts, now) if facts.retired_at else _draining(facts, now)


def grace_ends(facts: Facts) -> datetime | None:
    """The end of the grace period: counted from the later of collected and proven, unless it was extended."""
    if facts.collected_at is None or facts.proven_at is None:
        return None
    return facts.ends_at or max(facts.collected_at, facts.proven_at) + facts.grace


def wait_after(attempt: int) -> timedelta:
    """How long to wait after so many tests in a row that proved nothing."""
    if attempt >= PATIENT_AFTER:
        return PATIENT_RETRY
    return min(timedelta(seconds=15 << max(attempt - 1, 0)), LONGEST_RETRY)


def _until_proven(facts: Facts, now: datetime) -> Next | None:
    """The new secret is made, collected and proven; None once it is."""
    if facts.made_at is None:
        # After a leak there is nothing to fall back on, so that one waits for its keeper for ever.
        until = None if facts.retired_at else facts.asked_at + TAKE_UP_WITHIN
        return _await(Step.AWAIT_SECRET, until, facts, now)
    if _over(facts.new_ended_at, now):
        return _without_new(facts)
    if facts.collected_at is None:
        return _await(Step.AWAIT_COLLECTION, facts.made_at + COLLECT_WITHIN, facts, now)
    return None if facts.proven_at else _test(Step.PROVE, facts, now)


def _await(step: Step, until: datetime | None, facts: Facts, now: datetime) -> Next:
    return _without_new(facts) if _over(until, now) else Next(step, until)


def _without_new(facts: Facts) -> Next:
    """Before its retirement the old one just lives on; afterwards a keeper makes another new one."""
    return Next(Step.DROP_NEW if facts.retired_at else Step.LAPSE)


def _draining(facts: Facts, now: datetime) -> Next:
    """Both work, until the old one's use is over, its grace too, and the new one was proven just now."""
    if _over(facts.old_ended_at, now):
        return Next(Step.RETIRE)
    if facts.imported:
        # Only the provider can end it: a person does that there, and says so here.
        return Next(Step.RETIRE) if facts.pressed_at else Next(Step.AWAIT_PROVIDER)
    waits = None if facts.pressed_at else _in_grace(facts, now)
    if waits:
        return waits
    stale = facts.last_proof_at is None or facts.last_proof_at < now - FRESH
    return _test(Step.PROVE, facts, now) if stale else Next(Step.RETIRE)


def _in_grace(facts: Facts, now: datetime) -> Next | None:
    ends = grace_ends(facts)
    if ends is None or now < ends + WRITTEN:
        return Next(Step.DRAIN, ends and ends + WRITTEN)
    held_until = facts.held_until or ends + LONGEST_HOLD
    quiet_at = facts.old_last_used_at + QUIET if facts.old_last_used_at else now
    return Next(Step.HOLD, min(quiet_at, held_until)) if now < min(quiet_at, held_until) else None


def _dying(facts: Facts, now: datetime) -> Next:
    """Refused, and the new one accepted within the minute: the pair is what proves."""
    if facts.old_erased:
        return Next(Step.CLOSE_UNPROVEN)
    refused, accepted = facts.refused_at, facts.accepted_at
    if refused and accepted and refused <= accepted <= refused + PAIR:
        return Next(Step.CLOSE)
    in_time = refused is not None and accepted is None and now <= refused + PAIR
    return _test(Step.PROVE_ALIVE if in_time else Step.PROVE_DEAD, facts, now)


def _test(step: Step, facts: Facts, now: datetime) -> Next:
    if facts.retry_at and now < facts.retry_at:
        return Next(Step.AWAIT_RETRY, facts.retry_at)
    return Next(step)


def _over(end: datetime | None, now: datetime) -> bool:
    return end is not None and end <= now
