"""Step a rotation: read its facts, ask the rules what comes next, do that. Nothing here calls out; tests do."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from environments import audit
from environments.events import Event
from environments.models import Topic
from keys.facts import DEAD, facts_of, proofs
from keys.keepers import news_of, tell_keepers, tell_keepers_about
from keys.models import CredentialTest, Key, Rotation, Secret
from keys.outcomes import Outcome
from keys.rotation import LONGEST_HOLD, Facts, Next, Step, grace_ends, next_step
from keys.upkeep.testing import this_worker

LOOK_AGAIN = timedelta(minutes=1)
MOST_STEPS = 8

Reason = CredentialTest.Reason
_WAITS = frozenset(
    {
        Step.AWAIT_SECRET,
        Step.AWAIT_COLLECTION,
        Step.AWAIT_TEST,
        Step.AWAIT_RETRY,
        Step.AWAIT_PROVIDER,
        Step.DRAIN,
        Step.HOLD,
    }
)


def due_rotations(now: datetime, limit: int = 200) -> list[int]:
    return list(Rotation.objects.due(now).order_by("next_at").values_list("pk", flat=True)[:limit])


@transaction.atomic
def advance(rotation_id: int, now: datetime) -> list[int]:
    """Perform every step that is due; the ids of the tests to be rung. Called twice or late, it does nothing."""
    key_id = Rotation.objects.filter(pk=rotation_id).values_list("key_id", flat=True).first()
    if key_id is None:
        return []
    # The key's row first, like every person's verb: two who lock in one order never wait for each other.
    key = (
        Key.objects.select_for_update(of=("self",))
        .select_related("environment__organization", "endpoint", "team")
        .get(pk=key_id)
    )
    rotation = Rotation.objects.select_for_update().get(pk=rotation_id)
    rotation.key = key
    asked: list[int] = []
    for _ in range(MOST_STEPS):
        if rotation.closed_at:
            break
        facts = _read(rotation, now)
        coming = next_step(facts, now)
        rotation.step = coming.step
        if coming.step in _WAITS:
            _wait(rotation, coming, facts, now)
            break
        asked += _DO[coming.step](rotation, now)
    rotation.save()
    return asked


def _read(rotation: Rotation, now: datetime) -> Facts:
    """Read anew each time, and written to the row as receipts."""
    _note_proof(rotation)
    _note_refusal(rotation, now)
    if rotation.old:
        # Locked: the token service's writing of use comes before or after this look, not in between.
        locked = Secret.objects.select_for_update(of=("self",))
        rotation.old = locked.get(pk=rotation.old.pk)
    return facts_of(rotation)


def _note_proof(rotation: Rotation) -> None:
    """The first token fetched with the new secret, whoever asked for it."""
    if rotation.proven_at or rotation.new is None:
        return
    proof = proofs(rotation.new).first()
    if proof is None:
        return
    rotation.proven_at, rotation.proven_by = proof.finished_at, proof
    _record(rotation, Event.SECRET_PROVEN, secret=rotation.new.public_id, test=proof.pk)


def _note_refusal(rotation: Rotation, now: datetime) -> None:
    """What the newest trial of the old secret said, and whether the new one was accepted within the minute."""
    if rotation.retired_at is None or rotation.new is None:
        return
    trial = rotation.tests.finished().filter(reason=Reason.DEATH).order_by("finished_at").last()
    if trial is None:
        return
    if trial.result is Outcome.WORKS and rotation.alarmed_at is None:
        _alarm(rotation, now)
    died = trial.result in DEAD
    rotation.refused_at = trial.finished_at if died else None
    rotation.refused_by = trial if died else None
    rotation.accepted_by = (
        proofs(rotation.new).filter(started_at__gte=trial.finished_at).first() if died else None
    )


def _alarm(rotation: Rotation, now: datetime) -> None:
    key, old = rotation.key, rotation.old
    rotation.alarmed_at = now
    _record(rotation, Event.SECRET_STILL_ACCEPTED, secret=old.public_id if old else "")
    told = (
        "The provider still accepts the old secret. End it there; we test again."
        if key.imported
        else "A secret that ended was accepted all the same. Look at the token service at once."
    )
    title = f"The old secret of {key.name} is still accepted"
    once = f"accepted:{rotation.public_id}"
    news = news_of(key, once, title, told, page="keys:rotate", tone="bad")
    tell_keepers_about(Topic.SECURITY, key, news)


def _wait(rotation: Rotation, coming: Next, facts: Facts, now: datetime) -> None:
    rotation.next_at = coming.at
    if coming.step is Step.AWAIT_COLLECTION:
        # The first outside use collects it too, and the token service rings nobody.
        rotation.next_at = now + LOOK_AGAIN
    if coming.step in {Step.DRAIN, Step.HOLD}:
        rotation.ends_at = grace_ends(facts)
    if coming.step is Step.HOLD and rotation.held_until is None:
        _hold(rotation, now)


def _hold(rotation: Rotation, now: datetime) -> None:
    rotation.held_until = (rotation.ends_at or now) + LONGEST_HOLD
    key, old = rotation.key, rotation.old
    used = old.last_used_at if old else None
    _record(
        rotation,
        Event.SECRET_HELD,
        secret=old.public_id if old else "",
        last_used_at=used.isoformat() if used else None,
        held_until=rotation.held_until.isoformat(),
    )
    tell_keepers(
        key,
        f"held:{rotation.public_id}:{rotation.ends_at}",
        f"The old secret of {key.name} is still in use",
        "Its grace period is over, but a client still buys tokens with it. It is held for 24 hours at most.",
        page="keys:rotate",
    )


def _ask(reason: str, rotation: Rotation, now: datetime) -> list[int]:
    secret = rotation.old if reason == Reason.DEATH else rotation.new
    assert secret is not None, "the rules ask for tests of secrets that are there"  # noqa: S101
    test = CredentialTest.objects.create(
        key=rotation.key,
        secret=secret,
        rotation=rotation,
        reason=reason,
        asked_at=now,
        not_before=now,
        interactive=True,
    )
    return [test.pk]


def _retire(rotation: Rotation, now: datetime) -> list[int]:
    """The one place where a rotation ends a secret. Its sealed text stays until it is proven dead."""
    old = rotation.old
    assert old is not None  # noqa: S101
    ended = Secret.objects.filter(pk=old.pk, revoked_at=None).update(revoked_at=now)
    old.refresh_from_db()
    rotation.retired_at = now
    rotation.retired_on = this_worker() if ended else ""
    _record(
        rotation,
        Event.SECRET_RETIRED,
        secret=old.public_id,
        hint=old.hint,
        last_used_at=old.last_used_at.isoformat() if old.last_used_at else None,
        use_count=old.use_count,
    )
    return []


def _drop_new(rotation: Rotation, _now: datetime) -> list[int]:
    """The old one has ended and the new one is gone too: a keeper makes another in the same rotation."""
    rotation.new, rotation.proven_at, rotation.proven_by = None, None, None
    return []


def _lapse(rotation: Rotation, now: datetime) -> list[int]:
    if rotation.new:
        rotation.new.end(None, now)
    rotation.close(Rotation.Outcome.LAPSED, now)
    _record(rotation, Event.ROTATION_LAPSED)
    return []


def _close_proven(rotation: Rotation, now: datetime) -> list[int]:
    old = rotation.old
    if old is None:
        _move_over(rotation, now)
        return _end_as(Rotation.Outcome.PROVEN, rotation, now)
    Secret.objects.filter(pk=old.pk).update(sealed=None)
    rotation.close(Rotation.Outcome.PROVEN_DEAD, now)
    receipts = {
        "refused": rotation.refused_by_id,
        "accepted": rotation.accepted_by_id,
    }
    _record(rotation, Event.SECRET_PROVEN_DEAD, secret=old.public_id, hint=old.hint, **receipts)
    return []


def _move_over(rotation: Rotation, now: datetime) -> None:
    """An imported key goes to the address that its proven secret was entered for; what was for another one ends."""
    key, new = rotation.key, rotation.new
    if new is None or new.endpoint_id == key.endpoint_id:
        return
    key.endpoint_id = new.endpoint_id
    key.save(update_fields=["endpoint"])
    for former in key.secrets.filter(revoked_at=None).exclude(endpoint=new.endpoint_id):
        former.end(None, now)
        _record(rotation, Event.SECRET_RETIRED, secret=former.public_id, hint=former.hint)


def _end_as(outcome: str, rotation: Rotation, now: datetime) -> list[int]:
    rotation.close(outcome, now)
    _record(rotation, Event.ROTATION_ENDED, outcome=rotation.outcome)
    return []


def _record(rotation: Rotation, event: Event, **detail: Any) -> None:
    key = rotation.key
    place = audit.Machine(key.environment.organization_id, key.environment.slug)
    audit.record(
        place,
        event,
        f"key:{key.client_id}",
        label=key.name,
        rotation=rotation.public_id,
        **detail,
    )


_DO: Mapping[Step, Callable[[Rotation, datetime], list[int]]] = {
    Step.PROVE: partial(_ask, Reason.PROOF),
    Step.PROVE_DEAD: partial(_ask, Reason.DEATH),
    Step.PROVE_ALIVE: partial(_ask, Reason.PROOF),
    Step.RETIRE: _retire,
    Step.DROP_NEW: _drop_new,
    Step.LAPSE: _lapse,
    Step.CLOSE: _close_proven,
    Step.CLOSE_UNPROVEN: partial(_end_as, Rotation.Outcome.UNPROVEN),
    Step.CLOSE_DELETED: partial(_end_as, Rotation.Outcome.KEY_DELETED),
}
