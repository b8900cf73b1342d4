"""Step a batch: note what has ended, stop after three failures in a row, deal out what may run now."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from environments import audit, notices
from environments.events import Event
from environments.models import Topic
from keys.models import Batch, BatchItem, CredentialTest, Rotation, Secret
from keys.outcomes import Outcome

AT_ONCE = 8
IN_A_ROW = 3
LOOK_AGAIN = timedelta(seconds=15)

State = BatchItem.State
_ROTATED = frozenset(
    {Rotation.Outcome.PROVEN_DEAD, Rotation.Outcome.PROVEN, Rotation.Outcome.UNPROVEN}
)


def due_batches(now: datetime, limit: int = 50) -> list[int]:
    return list(Batch.objects.due(now).order_by("next_at").values_list("pk", flat=True)[:limit])


def batch_of(test_id: int) -> int | None:
    item = BatchItem.objects.filter(test=test_id, state=State.RUNNING)
    return item.values_list("batch_id", flat=True).first()


@transaction.atomic
def step_batch(batch_id: int, now: datetime) -> list[int]:
    """The ids of the tests to be rung. Called twice or late, it does nothing."""
    batch = (
        Batch.objects.unfinished()
        .select_for_update(of=("self",))
        .select_related("organization", "asked_by")
        .filter(pk=batch_id)
        .first()
    )
    if batch is None:
        return []
    _note(batch, now)
    asked: list[int] = []
    if batch.paused_at is None and _failing(batch):
        _pause(batch, now)
    if batch.paused_at is None:
        asked = _deal(batch, now)
    if not batch.items.filter(state__in=[State.WAITING, State.RUNNING]).exists():
        _finish(batch, now)
    batch.next_at = now + LOOK_AGAIN
    batch.save()
    return asked


def _note(batch: Batch, now: datetime) -> None:
    """What each running one has come to."""
    running = batch.items.filter(state=State.RUNNING).select_related("test", "rotation")
    gone = Q(test=None, rotation=None)  # its test was deleted meanwhile
    ended = running.filter(
        gone | Q(test__finished_at__isnull=False) | Q(rotation__closed_at__isnull=False)
    )
    for item in ended:
        item.state, item.note = _come_to(item)
        item.ended_at = (item.test.finished_at if item.test else None) or now
        item.save()


def _come_to(item: BatchItem) -> tuple[State, str]:
    if item.test and item.test.result:
        outcome = item.test.result
        if outcome is Outcome.CANCELLED:
            return State.CANCELLED, ""
        return (State.OK, "") if outcome is Outcome.WORKS else (State.FAILED, outcome.label)
    rotation = item.rotation
    if rotation and rotation.outcome in _ROTATED:
        return State.OK, ""
    if rotation and rotation.outcome == Rotation.Outcome.DISCARDED:
        return State.CANCELLED, "Discarded: the old secret was kept."
    return State.FAILED, rotation.get_outcome_display() if rotation else "Its test is gone."


def _failing(batch: Batch) -> bool:
    if batch.kind != Batch.Kind.TEST or not batch.items.filter(state=State.WAITING).exists():
        return False
    ended = batch.items.filter(state__in=[State.OK, State.FAILED])
    if batch.went_on_at:
        ended = ended.filter(ended_at__gt=batch.went_on_at)
    last = list(ended.order_by("-ended_at", "-pk").values_list("state", flat=True)[:IN_A_ROW])
    return len(last) == IN_A_ROW and set(last) == {State.FAILED}


def _pause(batch: Batch, now: datetime) -> None:
    batch.paused_at = now
    _record(batch, Event.BATCH_STOPPED)
    _tell(
        batch, "stopped", "Three keys failed in a row, so the rest waits. Look, then let it go on."
    )


def _deal(batch: Batch, now: datetime) -> list[int]:
    free = AT_ONCE - batch.items.filter(state=State.RUNNING).count()
    asked = []
    waiting = batch.items.filter(state=State.WAITING).select_related("key")
    for item in waiting[: max(free, 0)] if batch.kind == Batch.Kind.TEST else ():
        secret = _tested(item, now)
        if secret is None:
            item.state, item.note, item.ended_at = State.FAILED, "No secret to test.", now
        else:
            item.test = CredentialTest.objects.create(
                key=item.key,
                secret=secret,
                reason=CredentialTest.Reason.BATCH,
                asked_by=batch.asked_by,
                asked_at=now,
                not_before=now,
            )
            item.state = State.RUNNING
            asked.append(item.test.pk)
        item.save()
    return asked


def _tested(item: BatchItem, now: datetime) -> Secret | None:
    """The newest that lives, or, of a key whose secrets have all ended by date, the newest of those."""
    kept = item.key.secrets.standing().exclude(sealed=None).filter(revoked_at=None)
    newest = kept.order_by("-created_at", "-pk")
    return newest.unended(now).first() or newest.first()


def _finish(batch: Batch, now: datetime) -> None:
    batch.finished_at = now
    failed = batch.items.filter(state=State.FAILED).count()
    _record(batch, Event.BATCH_ENDED, failed=failed)
    total = batch.items.exclude(state=State.SKIPPED).count()
    _tell(
        batch, "ended", f"{failed} of {total} keys failed." if failed else f"All {total} went well."
    )


def _tell(batch: Batch, what: str, text: str) -> None:
    if batch.asked_by is None:
        return
    place = {"org": batch.organization.slug, "batch": batch.public_id}
    news = notices.News(
        organization_id=batch.organization_id,
        once=f"batch:{batch.public_id}:{what}:{batch.went_on_at or ''}",
        title=f"Bulk work {what}: {batch.get_kind_display().lower()}",
        text=text,
        path=reverse("keys:batch", kwargs=place),
        topic=Topic.ANSWERS,
    )
    notices.tell([batch.asked_by], news)


def _record(batch: Batch, event: Event, **detail: Any) -> None:
    place = audit.Machine(batch.organization_id)
    audit.record(place, event, f"batch:{batch.public_id}", label=batch.get_kind_display(), **detail)
