"""Why a rotation does not move, and what to do about it."""

from dataclasses import dataclass
from datetime import timedelta

from keys.models import OVERDUE
from keys.outcomes import Fault, Outcome
from keys.progress.receipts import Line, span, use_of
from keys.progress.seen import Seen
from keys.rotation import QUIET, Step

WORKER_SILENT = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Note:
    """Why it does not move, and what to do; `act` names the button that goes with it."""

    tone: str
    title: str
    text: str
    line: Line | None = None
    act: str = ""


def notes_of(seen: Seen) -> list[Note]:
    found = [_alarm(seen), _disabled(seen), _no_worker(seen), _failed(seen), _held(seen)]
    found += [_uncollected(seen), _overdue(seen), _expires(seen)]
    return [note for note in found if note]


def _alarm(seen: Seen) -> Note | None:
    if seen.rotation.alarmed_at is None:
        return None
    text = (
        "It has ended, and was accepted all the same. Whoever runs Latchkey looks at the token service at once; "
        "we go on testing until it is refused."
    )
    if seen.rotation.key.imported:
        text = (
            "Its provider took it after a person had said that it is ended there. End it there, or see whether the new "
            "secret is the old one entered twice; we go on testing until it is refused."
        )
    return Note("bad", "The old secret is still accepted", text, Line("Found", seen.rotation.alarmed_at))  # fmt: skip


def _disabled(seen: Seen) -> Note | None:
    if seen.rotation.key.disabled_at is None or seen.step is Step.AWAIT_SECRET:
        return None
    if seen.rotation.key.imported:
        return None  # its provider does not know that it is disabled here
    text = "Tokens are refused, so nothing can be proven. The rotation waits until the key is enabled; no secret ends before."
    return Note("warn", "The key is disabled", text, act="enable")


def _no_worker(seen: Seen) -> Note | None:
    if seen.worker_at and seen.now - seen.worker_at < WORKER_SILENT:
        return None
    line = Line("Last signal", seen.worker_at, "ago") if seen.worker_at else None
    text = "Nothing is tested and nothing is retired until one does: the old secret lives on. Whoever runs Latchkey starts the worker."
    return Note("warn", "No worker answers", text, line)


def _failed(seen: Seen) -> Note | None:
    """The last trial's outcome with its meaning; a disabled key has a note of its own."""
    last = seen.last
    outcome = last.result if last and seen.facts.attempt else None
    if outcome is None or outcome in {Outcome.WORKS, Outcome.CANCELLED, Outcome.DISABLED}:
        return None
    text = f"{outcome.meaning} {outcome.remedy}".strip()
    if seen.rotation.cut:
        return Note("warn", f"Not proven dead yet: {outcome.label.lower()}", text)
    if outcome.fault is Fault.CREDENTIAL:
        wrong = f"{outcome.meaning} Discard it and rotate again; the old secret is untouched."
        return Note("bad", f"The new secret does not work: {outcome.label.lower()}", wrong)
    kept = f"{text} The old secret is untouched."
    return Note("warn", f"The new secret could not be tested: {outcome.label.lower()}", kept)


def _held(seen: Seen) -> Note | None:
    old = seen.rotation.old
    if seen.step is not Step.HOLD or old is None:
        return None
    text = f"Its grace period is over, but a client still buys tokens with it. It ends after {span(QUIET)} without use."
    return Note("warn", "The old secret is still in use", text, use_of("Old", old))


def _uncollected(seen: Seen) -> Note | None:
    if seen.step is not Step.AWAIT_COLLECTION:
        return None
    new = seen.rotation.new
    whose = new.created_by if new and new.created_by else "Whoever made it"
    text = f"{whose} says when it is stored, or its first use does. Lost it? Discard it and rotate again; the old secret is untouched."
    return Note("warn", "The new secret is not collected", text, act="collect")


def _overdue(seen: Seen) -> Note | None:
    due = seen.rotation.next_at
    if due is None or seen.now - due < OVERDUE or _no_worker(seen):
        return None
    text = "A worker answers, but none has looked at this rotation. No secret ends before one has."
    return Note("warn", "It is late", text, Line("Due", due, "both"))


def _expires(seen: Seen) -> Note | None:
    """An expiry set before still counts, whatever the grace."""
    old, rotation = seen.rotation.old, seen.rotation
    if old is None or old.expires_at is None or rotation.cut:
        return None
    ends = seen.coming.at if seen.step is Step.DRAIN else seen.now + rotation.grace
    if ends is None or old.expires_at > ends:
        return None
    text = "Its own expiry was set before and still counts. Deploy the new secret before that."
    return Note("warn", "The old secret expires before its grace period ends", text, Line("Expires", old.expires_at, "until"))  # fmt: skip
