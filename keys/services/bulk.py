"""People's verbs on many keys at once: test, prepare rotations, set an expiry; cancel, retry, go on.

Each key is asked for by its own environment's scope, and nothing is done to any if one is refused.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from environments import audit
from environments.access import OrgScope, Refused, Scope, enter
from environments.events import Event
from environments.policy import Action, OrgAction
from keys import tasks
from keys.handover import form_hash
from keys.models import Batch, BatchItem, Key, KeyQuerySet, Rotation, Secret
from keys.services import keeping, rotating
from keys.services.issuing import AgainstPolicy, KeyEnded

MOST_KEYS = 500
NEEDS: Mapping[str, Action] = {
    Batch.Kind.TEST: Action.TEST,
    Batch.Kind.ROTATE: Action.ROTATE,
    Batch.Kind.EXPIRY: Action.EDIT,
}
State = BatchItem.State


class NothingToDo(Exception):
    """None of the chosen keys is eligible."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A key with the scope of the person in its environment, and why it stays out, if it does."""

    key: Key
    scope: Scope
    excluded: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to all of them."""

    kind: Batch.Kind
    grace: timedelta = timedelta(hours=24)
    expires_at: datetime | None = None


def choose(scope: OrgScope, kind: str, client_ids: Sequence[str]) -> list[Chosen]:
    """The keys of these ids that the person sees, production last, each with why it stays out."""
    places: dict[int, Scope | None] = {}
    chosen = []
    for key in sorted(_found(scope, client_ids), key=_production_last):
        if key.environment_id not in places:
            places[key.environment_id] = enter(
                scope.actor, scope.organization.slug, key.environment.slug, scope.origin
            )
        place = places[key.environment_id]
        if place is not None:
            chosen.append(Chosen(key, place, _excluded(place, kind, key)))
    return chosen


def _found(scope: OrgScope, client_ids: Sequence[str]) -> KeyQuerySet:
    """With what decides whether they are eligible, so that 500 keys cost one query."""
    of_key = Secret.objects.filter(key=OuterRef("pk"), revoked_at=None)
    return (
        Key.objects.visible_to(scope.actor)
        .existing()
        .filter(environment__organization=scope.organization, client_id__in=client_ids[:MOST_KEYS])
        .select_related("environment__organization", "team", "endpoint")
        .annotate(
            rotating=Exists(Rotation.objects.filter(key=OuterRef("pk"), closed_at=None)),
            unrevoked=Exists(of_key),
            alive=Exists(of_key.unended(timezone.now())),
        )
    )


def _production_last(key: Key) -> tuple[bool, int, str]:
    return key.environment.production, key.environment.position, key.name


def _excluded(scope: Scope, kind: str, key: Key) -> str:
    if not scope.may(NEEDS[kind], key):
        return "Your role does not allow it."
    if kind == Batch.Kind.ROTATE and key.rotating:  # type: ignore[attr-defined]  # annotated above
        return "A rotation is under way already."
    if kind == Batch.Kind.EXPIRY and not key.alive:  # type: ignore[attr-defined]
        return "It has no secret that lives."
    if not key.unrevoked:  # type: ignore[attr-defined]
        return "It has no secret: public keys prove it, or nothing does."
    return ""


def _lock(scope: OrgScope, keys: Iterable[Key]) -> None:
    """All of them before the first line of the log is written: a worker takes a key's row first and the log last."""
    rows = Key.objects.visible_to(scope.actor).filter(pk__in=[key.pk for key in keys])
    list(rows.select_for_update(of=("self",)).order_by("pk"))


def start_batch(scope: OrgScope, order: Order, client_ids: Sequence[str], *, once: str) -> Batch:
    """The same form posted twice makes one batch."""
    try:
        return _start(scope, order, client_ids, once)
    except IntegrityError:
        made = Batch.objects.within(scope).filter(form_hash=form_hash(once)).first()
        if made is None:
            raise
        return made


@transaction.atomic
def _start(scope: OrgScope, order: Order, client_ids: Sequence[str], once: str) -> Batch:
    made = Batch.objects.within(scope).filter(form_hash=form_hash(once)).first()
    if made is not None:
        return made
    chosen = choose(scope, order.kind, client_ids)
    refuse_all(order.kind, chosen)
    _lock(scope, [each.key for each in chosen])
    eligible = [each for each in chosen if not each.excluded]
    if not eligible:
        raise NothingToDo
    batch = Batch.objects.create(
        organization=scope.organization,
        kind=order.kind,
        asked_by=scope.actor,
        form_hash=form_hash(once),
        grace=order.grace if order.kind == Batch.Kind.ROTATE else None,
    )
    items = [
        BatchItem(
            batch=batch,
            key=each.key,
            position=place,
            state=State.SKIPPED if each.excluded else State.WAITING,
            note=each.excluded,
        )
        for place, each in enumerate(chosen)
    ]
    BatchItem.objects.bulk_create(items)
    _act(order, zip(chosen, items, strict=True))
    _soon(batch)
    _record(
        scope, Event.BATCH_STARTED, batch, keys=len(eligible), left_out=len(chosen) - len(eligible)
    )
    return batch


def refuse_all(kind: str, chosen: Sequence[Chosen]) -> None:
    """Nobody who may do it to none of them gets as far as an empty batch."""
    if chosen and not any(each.scope.may(NEEDS[kind], each.key) for each in chosen):
        raise Refused(NEEDS[kind], f"key:{chosen[0].key.client_id}")


def _act(order: Order, work: Iterable[tuple[Chosen, BatchItem]]) -> None:
    """What needs no worker is done here, one key at a time; tests are left to the workers."""
    for each, item in work:
        if each.excluded:
            continue
        if order.kind == Batch.Kind.ROTATE:
            _prepare(item, each, order.grace)
        elif order.kind == Batch.Kind.EXPIRY:
            _set_expiry(item, each, order.expires_at)


def _prepare(item: BatchItem, each: Chosen, grace: timedelta) -> None:
    plan = rotating.Plan(min(grace, each.scope.environment.grace_max), "Bulk rotation")
    try:
        item.rotation = rotating.prepare_rotation(each.scope, each.key.client_id, plan)
        item.state = State.RUNNING
    except rotating.RotationRuns:
        item.state, item.note = State.SKIPPED, "A rotation is under way already."
    item.save()


def _set_expiry(item: BatchItem, each: Chosen, expires_at: datetime | None) -> None:
    item.ended_at = timezone.now()
    try:
        keeping.set_expiry(each.scope, each.key.client_id, expires_at)
        item.state = State.OK
    except KeyEnded:
        item.state, item.note = State.FAILED, "Its newest secret has ended."
    except AgainstPolicy:
        item.state, item.note = State.FAILED, "The policy of its environment does not allow it."
    item.save()


@transaction.atomic
def cancel_waiting(scope: OrgScope, public_id: str) -> Batch:
    """What runs goes on; what waits never begins. Prepared rotations without a secret are discarded."""
    batch = _locked(scope, public_id)
    now = timezone.now()
    _lock(scope, Key.objects.visible_to(scope.actor).filter(batch_items__batch=batch))
    count = batch.items.filter(state=State.WAITING).update(state=State.CANCELLED, ended_at=now)
    for item in batch.items.filter(state=State.RUNNING, rotation__new=None).exclude(rotation=None):
        count += _discard(scope, item, now)
    batch.paused_at = None
    _soon(batch)
    _record(scope, Event.BATCH_CANCELLED, batch, keys=count)
    return batch


def _discard(scope: OrgScope, item: BatchItem, now: datetime) -> int:
    key = Key.objects.visible_to(scope.actor).select_related("environment").get(pk=item.key_id)
    place = enter(scope.actor, scope.organization.slug, key.environment.slug, scope.origin)
    if place is None:
        return 0
    try:
        rotating.discard_rotation(place, key.client_id)
    except rotating.TooLate:
        return 0
    item.state, item.ended_at = State.CANCELLED, now
    item.save()
    return 1


@transaction.atomic
def retry_failed(scope: OrgScope, public_id: str) -> Batch:
    """Only what failed, in the same batch: what worked stays, and the totals are cumulative."""
    batch = _locked(scope, public_id)
    failed = {i.key_id: i for i in batch.items.filter(state=State.FAILED).select_related("key")}
    chosen = choose(scope, batch.kind, [item.key.client_id for item in failed.values()])
    refuse_all(batch.kind, chosen)
    _lock(scope, [each.key for each in chosen])
    for each in chosen:
        item = failed[each.key.pk]
        item.note, item.ended_at, item.test = each.excluded, None, None
        item.tries += 1
        item.state = State.SKIPPED if each.excluded else State.WAITING
        item.save()
        if not each.excluded and batch.kind == Batch.Kind.ROTATE:
            _prepare(item, each, batch.grace or timedelta(hours=24))
    batch.finished_at = batch.paused_at = None
    batch.went_on_at = timezone.now()
    _soon(batch)
    _record(scope, Event.BATCH_CONTINUED, batch, again=len(chosen))
    return batch


@transaction.atomic
def go_on(scope: OrgScope, public_id: str) -> Batch:
    """After three failures in a row it has stopped; it goes on with what waits."""
    batch = _locked(scope, public_id)
    if batch.paused_at:
        _leave_out(scope, batch)
        batch.paused_at, batch.went_on_at = None, timezone.now()
        _soon(batch)
        _record(scope, Event.BATCH_CONTINUED, batch)
    return batch


def _leave_out(scope: OrgScope, batch: Batch) -> None:
    """What has been forbidden meanwhile; all of it: refused."""
    waiting = list(batch.items.filter(state=State.WAITING).select_related("key"))
    chosen = choose(scope, batch.kind, [item.key.client_id for item in waiting])
    refuse_all(batch.kind, chosen)
    why = {each.key.pk: each.excluded for each in chosen}
    for item in waiting:
        item.note = why.get(item.key_id, "You do not see it any more.")
        if item.note:
            item.state = State.SKIPPED
            item.save()


def totals(batch: Batch) -> Counter[str]:
    """How many keys are in each state; they add up to the keys of the batch."""
    return Counter(batch.items.values_list("state", flat=True))


def _locked(scope: OrgScope, public_id: str) -> Batch:
    scope.require(OrgAction.VIEW)
    return Batch.objects.within(scope).select_for_update(of=("self",)).get(public_id=public_id)


def _soon(batch: Batch) -> None:
    batch.next_at = timezone.now()
    batch.save()
    transaction.on_commit(partial(tasks.ring_batch, batch.pk), robust=True)


def _record(scope: OrgScope, event: Event, batch: Batch, **detail: Any) -> None:
    audit.record(scope, event, f"batch:{batch.public_id}", label=batch.get_kind_display(), **detail)
