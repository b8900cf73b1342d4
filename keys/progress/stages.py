"""A rotation as its page shows it, worked out from its row: stages with receipts, what is next, what hinders it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keys.facts import facts_of
from keys.models import Rotation, Secret
from keys.progress.notes import Note, notes_of
from keys.progress.receipts import Line, lately, receipt, span, use_of
from keys.progress.seen import Seen
from keys.rotation import COLLECT_WITHIN, TAKE_UP_WITHIN, Step, next_step


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of six: its state as the stepper knows it, and its receipt."""

    name: str
    state: str
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    headline: Line
    stages: Sequence[Stage]
    notes: Sequence[Note]
    may: dict[str, bool]
    testing: bool

    @property
    def stage(self) -> int:
        """The number of the stage that it is at; changes are announced."""
        at = [n for n, each in enumerate(self.stages, 1) if each.state in {"now", "run", "bad"}]
        return at[-1] if at else len(self.stages)


def progress_of(rotation: Rotation, now: datetime, worker_at: datetime | None) -> Progress:
    facts = facts_of(rotation)
    last = rotation.tests.finished().order_by("-finished_at", "-pk").first()
    seen = Seen(rotation, facts, next_step(facts, now), last, worker_at, now)
    return Progress(
        headline=_headline(seen),
        stages=[_plan(seen), _make(seen), _test(seen), _deploy(seen), _retire(seen), _dead(seen)],
        notes=notes_of(seen) if seen.open else [],
        may=_may(seen),
        testing=seen.open and facts.testing,
    )


def _headline(seen: Seen) -> Line:
    rotation = seen.rotation
    if rotation.closed_at:
        return Line(f"{rotation.get_outcome_display()}.", rotation.closed_at, "both")
    if rotation.cut:
        return Line(_ended_but(rotation))
    if seen.ending and seen.step is not Step.HOLD:
        imported = "You said that the old secret is ended at the provider. It is tried there now."
        ours = "The new secret is proven once more; then the old one ends."
        return Line(imported if rotation.key.imported else ours)
    return _waiting(seen)


def _ended_but(rotation: Rotation) -> str:
    imported = rotation.key.imported
    ended = "The old secret was said to be ended at its provider" if imported else "The old secret has ended"  # fmt: skip
    if rotation.alarmed_at:
        return f"{ended}, but is still accepted. It is tried again until it is refused."
    if rotation.new is None:
        return f"{ended}, and there is no new one yet."
    return f"{ended}. Next it is proven dead: refused, while the new one is accepted."


def _waiting(seen: Seen) -> Line:
    rotation, made_at = seen.rotation, seen.facts.made_at
    lapses = made_at + COLLECT_WITHIN if made_at else rotation.asked_at + TAKE_UP_WITHIN
    said = {
        Step.AWAIT_SECRET: (
            "Prepared: no secret is made yet. If nobody makes it, it lapses",
            lapses,
        ),
        Step.AWAIT_COLLECTION: ("The new secret is not stored yet. Uncollected, it ends", lapses),
        Step.DRAIN: ("Both secrets work until", seen.coming.at),
        Step.HOLD: (
            "The old secret is still in use, so it is held; at most until",
            rotation.held_until,
        ),
        Step.AWAIT_PROVIDER: (
            "The new secret is proven. Ended the old one at the provider? Then say so below.",
            None,
        ),
    }
    unproven = ("The new secret is not proven yet. The old one works as before.", None)
    words, at = said.get(seen.coming.step, unproven)
    return Line(words, at, "until")


def _plan(seen: Seen) -> Stage:
    rotation = seen.rotation
    lines = [Line(_by("Asked for", rotation.asked_by), rotation.asked_at)]
    if rotation.reason != Rotation.Reason.PERSON:
        lines.append(Line(f"{rotation.get_reason_display()}."))
    if rotation.why:
        lines.append(Line(f"Why: {rotation.why}"))
    if rotation.grace and not rotation.key.imported:
        lines.append(Line(f"Grace period: {span(rotation.grace)}."))
    if rotation.extended_at:
        lines.append(Line(_by("Made longer", rotation.extended_by), rotation.extended_at))
    return Stage("Plan", "ok", lines)


def _make(seen: Seen) -> Stage:
    new = seen.rotation.new
    if seen.rotation.key.imported:
        return _enter(seen, new)
    if new is None:
        return Stage("Make", "now" if seen.open else "idle")
    lines = [Line(_by(f"New secret …{new.hint} made", new.created_by), new.created_at)]
    if new.collected_at:
        return Stage("Make", "ok", [*lines, Line("Collected", new.collected_at)])
    return Stage("Make", "now" if seen.open else "idle", [*lines, Line("Not collected.")])


def _enter(seen: Seen, new: Secret | None) -> Stage:
    """The provider makes it; who enters it here has it."""
    if new is None:
        return Stage("Enter", "now" if seen.open else "idle")
    words = _by(f"New secret …{new.hint} entered", new.created_by)
    return Stage("Enter", "ok", [Line(words, new.created_at)])


def _test(seen: Seen) -> Stage:
    rotation, facts = seen.rotation, seen.facts
    if rotation.proven_at:
        proof = rotation.proven_by
        return Stage("Test", "ok", [receipt(proof) if proof else Line("Works", rotation.proven_at)])
    if not seen.open or facts.collected_at is None:
        return Stage("Test", "idle", [] if seen.open else _tries(seen))
    return Stage("Test", seen.trying, _tries(seen) or [Line("Waits for a worker.")])


def _tries(seen: Seen) -> list[Line]:
    """The last trial that did not bring it on, and when the next one is."""
    facts, last = seen.facts, seen.last
    if not facts.attempt or last is None:
        return []
    lines = [receipt(last)]
    if seen.open and facts.retry_at and not facts.testing:
        tried = f"Tried {facts.attempt} time{'s' if facts.attempt > 1 else ''}; the next try"
        lines.append(Line(tried, facts.retry_at))
    return lines


def _deploy(seen: Seen) -> Stage:
    rotation = seen.rotation
    old, new = rotation.old, rotation.new
    if rotation.proven_at is None or new is None:
        return Stage("Deploy", "idle")
    if rotation.key.imported:
        lines = [Line("How often either is used is not measured: the provider alone sees it.")]
    else:
        lines = [line for each in (("Old", old), ("New", new)) for line in _used(seen, *each)]
    if rotation.cut or seen.ending or old is None:
        return Stage("Deploy", "ok", lines)
    return Stage("Deploy", "now" if seen.open else "idle", lines)


def _used(seen: Seen, which: str, secret: Secret | None) -> list[Line]:
    """What is left to deploy is where the old one is still used; once it has closed that is history."""
    if secret is None:
        return []
    hours = lately(seen.rotation.key, secret, seen.now) if seen.open else None
    return [use_of(which, secret), *([hours] if hours else [])]


def _retire(seen: Seen) -> Stage:
    rotation = seen.rotation
    if rotation.cut:
        return Stage("Retire", "ok", [*_pressed(rotation), _ended(rotation)])
    if seen.open and rotation.old and seen.ending:
        return _retiring(seen)
    if not seen.open:
        return Stage("Retire", "idle", _kept(rotation))
    if rotation.old is None:
        said = "There is no old secret to end."
    else:
        said = "Until then the new secret can be discarded and the old one kept. Afterwards there is no way back."
    if seen.step is Step.AWAIT_PROVIDER:
        return Stage(
            "Ended at the provider?", "now", [Line("Only you can end it there."), Line(said)]
        )
    return Stage("Retire", "idle", [Line(said)])


def _kept(rotation: Rotation) -> list[Line]:
    kept = [Line("The old secret was kept.")] if rotation.old else []
    if rotation.closed_by is None:
        return kept
    done = "Discarded" if rotation.new else "Withdrawn"
    return [Line(_by(done, rotation.closed_by), rotation.closed_at), *kept]


def _retiring(seen: Seen) -> Stage:
    rotation = seen.rotation
    if seen.step is Step.HOLD:
        return Stage("Retire", "now", [Line("Held since the grace period ended", rotation.ends_at)])
    return Stage("Retire", seen.trying, [*_pressed(rotation), *_tries(seen)])


def _pressed(rotation: Rotation) -> list[Line]:
    if rotation.pressed_at is None:
        return []
    who = rotation.pressed_by or "A person"
    act = (
        "said that it is ended at the provider" if rotation.key.imported else "asked to end it now"
    )
    return [Line(f"{who} {act}", rotation.pressed_at)]


def _ended(rotation: Rotation) -> Line:
    hint = f"Old secret …{rotation.old.hint}" if rotation.old else "Old secret"
    if rotation.retired_by:
        return Line(_by(f"{hint} ended at once", rotation.retired_by), rotation.retired_at)
    if rotation.retired_on:
        return Line(f"{hint} retired by worker {rotation.retired_on}", rotation.retired_at)
    return Line(f"{hint} had ended before, by its own expiry or revoked", rotation.retired_at)


def _dead(seen: Seen) -> Stage:
    rotation = seen.rotation
    receipts = [
        Line(f"{which}: {each.words}", each.at, each.style, test=each.test)
        for which, test in (("Old", rotation.refused_by), ("New", rotation.accepted_by))
        if test
        for each in [receipt(test)]
    ]
    if rotation.outcome == Rotation.Outcome.PROVEN_DEAD:
        return Stage("Proven dead", "ok", receipts)
    if rotation.outcome == Rotation.Outcome.UNPROVEN:
        return Stage("Proven dead", "idle", [Line("Its text was erased, so nobody can try it.")])
    if not (seen.open and rotation.cut and rotation.proven_at):
        return Stage("Proven dead", "idle")
    return Stage("Proven dead", "bad" if rotation.alarmed_at else seen.trying, receipts or _tries(seen))  # fmt: skip


def _may(seen: Seen) -> dict[str, bool]:
    """What can be done now; the verbs ask again."""
    rotation = seen.rotation
    living = seen.open and not rotation.cut
    proven = living and rotation.proven_at is not None and rotation.pressed_at is None
    return {
        "make": seen.open and rotation.new is None,
        "extend": proven and rotation.extended_to(seen.now) is not None,
        "retire": proven and rotation.old is not None,
        "discard": living,
        "test": seen.open and _lives(rotation.new, seen.now),
        "leak": living and _lives(rotation.old, seen.now),
    }


def _lives(secret: Secret | None, now: datetime) -> bool:
    return secret is not None and not secret.ended_by(now)


def _by(words: str, person: object) -> str:
    return f"{words} by {person}" if person else words
