"""In what state each secret of a key is, in words, and the bar of an overlap; and an open rotation in a few words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from keys.models import OVERDUE, Rotation, Secret
from keys.progress.receipts import span
from keys.rotation import Step

WIDTH = 480
SMALLEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Words:
    tone: str
    words: str
    at: datetime | None = None


def state_of(
    secret: Secret, rotations: Sequence[Rotation], now: datetime, *, newest: bool
) -> Words:
    """`rotations` are the key's, newest first; `newest` means its newest that has not ended."""
    if secret.revoked_at:
        return _ended(secret, rotations)
    if secret.ended_by(now):
        return Words("idle", "Expired", secret.expires_at)
    running = next((each for each in rotations if each.closed_at is None), None)
    if running and running.new_id == secret.pk:
        return _new(secret, running)
    if running and running.old_id == secret.pk:
        return _old(running, now)
    return _alone(secret, newest=newest)


def _alone(secret: Secret, *, newest: bool) -> Words:
    if secret.collected_at is None:
        return Words("warn", "Not collected")
    return Words("ok", "Current") if newest else Words("warn", "Old, still works")


def _ended(secret: Secret, rotations: Sequence[Rotation]) -> Words:
    out = next((each for each in rotations if each.old_id == secret.pk and each.cut), None)
    if out is None:
        return Words("idle", "Revoked", secret.revoked_at)
    if out.outcome == Rotation.Outcome.PROVEN_DEAD:
        return Words("ok", "Proven dead", out.closed_at)
    if out.alarmed_at:
        return Words("bad", "Retired, but still accepted", out.alarmed_at)
    leaked = out.reason == Rotation.Reason.LEAK
    return Words("idle", "Leaked and ended" if leaked else "Retired", out.retired_at)


def _new(secret: Secret, rotation: Rotation) -> Words:
    if secret.collected_at is None:
        return Words("warn", "New, not collected")
    return Words("ok", "Current") if rotation.proven_at else Words("run", "New, untested")


def _old(rotation: Rotation, now: datetime) -> Words:
    if rotation.proven_at is None:
        return Words("ok", "Current")
    if rotation.step == Step.HOLD:
        return Words("warn", "Held: still in use")
    if rotation.pressed_at or (rotation.ends_at and rotation.ends_at <= now):
        return Words("run", "Old, ends soon")
    if rotation.ends_at is None:
        return Words("run", "Old")
    return Words("run", f"Old, ends in {span(rotation.ends_at - now)}")


def both_ends(rotation: Rotation, now: datetime) -> list[Words]:
    """For one sentence, while two secrets live: which of them ends when."""
    old, new = rotation.old, rotation.new
    if old is None or new is None or old.ended_by(now) or new.ended_by(now):
        return []
    word = "expires" if new.expires_at else "has no expiry"
    return [Words("", f"New secret …{new.hint} {word}", new.expires_at), _old_ends(rotation, old)]


def planned_end(rotation: Rotation) -> datetime | None:
    """Of its old secret, as long as it lives."""
    if not rotation.proven_at or rotation.cut:
        return None
    return rotation.held_until or rotation.ends_at


def _old_ends(rotation: Rotation, old: Secret) -> Words:
    planned = planned_end(rotation)
    if old.expires_at and (planned is None or old.expires_at <= planned):
        return Words("", f"Old secret …{old.hint} expires", old.expires_at)
    if rotation.pressed_at or planned is None:
        ends = "ends soon" if rotation.pressed_at else "works on"
        return Words("", f"Old secret …{old.hint} {ends}")
    held = " at the latest" if rotation.step == Step.HOLD else ""
    return Words("", f"Old secret …{old.hint} ends{held}", planned)


def in_short(rotation: Rotation, now: datetime) -> Words:
    """For lists, from the row alone; the moment is since when, or until when."""
    if rotation.alarmed_at:
        return Words("bad", "old secret still accepted", rotation.alarmed_at)
    if rotation.cut:
        return _after_the_end(rotation)
    return _waiting(rotation, now) or _both(rotation, now)


def _waiting(rotation: Rotation, now: datetime) -> Words | None:
    """For a worker or for a person."""
    due = rotation.next_at
    if due and now - due > OVERDUE:
        return Words("warn", "late, no worker looks at it", due)
    if rotation.new_id is None:
        return Words("warn", "waits for its new secret", rotation.asked_at)
    if rotation.step == Step.HOLD:
        return Words("warn", "old secret held, still in use", rotation.ends_at)
    if rotation.step == Step.AWAIT_RETRY:
        return Words("warn", "the new secret cannot be proven", rotation.asked_at)
    return None


def _after_the_end(rotation: Rotation) -> Words:
    if rotation.new_id is None:
        return Words("bad", "leaked, no new secret yet", rotation.retired_at)
    if rotation.step == Step.AWAIT_RETRY:
        return Words("warn", "old secret not proven dead yet", rotation.retired_at)
    return Words("run", "old secret ended, being proven dead", rotation.retired_at)


def _both(rotation: Rotation, now: datetime) -> Words:
    if rotation.proven_at is None:
        stored = rotation.step == Step.AWAIT_TEST
        words = "new secret being tested" if stored else "new secret not proven yet"
        return Words("run", words, rotation.asked_at)
    if rotation.step == Step.AWAIT_PROVIDER:
        return Words("warn", "end the old secret at the provider", rotation.proven_at)
    ends = rotation.ends_at
    if ends is None or ends <= now:
        return Words("run", "2 secrets, old ends soon", ends)
    return Words("run", f"2 secrets, old ends in {_about(ends - now)}", ends)


def _about(length: timedelta) -> str:
    """'6 h', '2 days': a list needs no minutes."""
    hours = round(length.total_seconds() / 3600)
    if hours >= 48:
        return f"{round(hours / 24)} days"
    return f"{hours} h" if hours else span(length)


@dataclass(frozen=True, slots=True)
class Bar:
    """One secret on the time line; the part ahead is drawn apart."""

    name: str
    tone: str
    x: int
    done: int
    ahead_x: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Overlap:
    bars: Sequence[Bar]
    now_x: int | None
    """None: long after all that is drawn."""
    label: str
    begins: datetime
    ends: datetime


def overlap_of(rotation: Rotation, now: datetime) -> Overlap | None:
    """How long both work: a bar for each on one time line, cut off a little before and after."""
    old, new = rotation.old, rotation.new
    if old is None or new is None:
        return None
    planned = rotation.retired_at or rotation.held_until or rotation.ends_at
    if planned is None:
        return None
    ends = min(planned, old.expires_at or planned)
    room = max(ends - new.created_at, SMALLEST) / 3
    begins = max(new.created_at - room, old.created_at)  # before that there was nothing to draw
    closes = max(ends, now if rotation.closed_at is None else ends) + room

    def at(moment: datetime) -> int:
        return round(WIDTH * min(max((moment - begins) / (closes - begins), 0), 1))

    until = "ended" if rotation.cut else "works until"
    return Overlap(
        [
            _bar(f"Old …{old.hint}", "old", at(old.created_at), at(ends), at(now)),
            _bar(f"New …{new.hint}", "new", at(new.created_at), WIDTH, at(now)),
        ],
        at(now) if now <= closes else None,
        f"Old secret …{old.hint} {until} {ends:%-d %b %Y, %H:%M} UTC; new secret …{new.hint} since {new.created_at:%-d %b %Y, %H:%M} UTC",
        begins,
        closes,
    )


def _bar(name: str, tone: str, start: int, end: int, now: int) -> Bar:
    done = max(min(end, now) - start, 0)
    return Bar(name, tone, start, done, start + done, max(end - start - done, 0))
