"""Where the log was let go: a floor is signed and recorded, then what lies at or below it is deleted.

Nothing is let go unchecked: a chain that is not what was written up to its new floor keeps every entry.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from environments import audit, stored
from environments.chain import START, Walk
from environments.events import Event
from environments.models import (
    AuditEvent,
    AuditFloor,
    AuditHead,
    AuditSignedHead,
    Organization,
)
from environments.signing import BadSignature, Signer, Verifier

SETTLED = timedelta(hours=24)
"""So old a shorter retention must be before anything goes: owners were told, and may take it back."""
EVERY = timedelta(days=1)
BATCH = 2000

log = structlog.get_logger(__name__)


def look_after_floors(now: datetime) -> None:
    for floor in AuditFloor.objects.filter(signature=""):
        _sign_of_the_gone(floor)
    for organization in Organization.objects.exclude(log_kept=None):
        _shorten(organization, now)
    for floor in AuditFloor.objects.filter(emptied_at=None).exclude(signature=""):
        _empty(floor)


def _sign_of_the_gone(floor: AuditFloor) -> None:
    """Asked for when its organization was deleted: signed only if the chain says that it was, as its last word."""
    last = AuditHead.objects.filter(organization_id=floor.organization_id).first()
    deleted = AuditEvent.objects.filter(
        organization_id=floor.organization_id,
        sequence=floor.sequence,
        event=Event.ORGANIZATION_DELETED,
    )
    still_there = Organization.objects.filter(pk=floor.organization_id).exists()
    if still_there or last is None or last.sequence != floor.sequence or not deleted.exists():
        log.warning("floor not signed", organization=floor.organization_id, cause="not deleted")
        return
    _sign(floor, audit.Installation())


def _shorten(organization: Organization, now: datetime) -> None:
    """What is older than the organization keeps, as far as it was signed."""
    kept, before = organization.log_kept, _newest(organization.pk)
    lately = before is not None and before.asked_at > now - EVERY
    if kept is None or lately or not _settled(organization, kept, now):
        return
    lines = AuditEvent.objects.filter(organization_id=organization.pk)
    young = lines.filter(at__gte=now - kept).order_by("sequence").values_list("sequence").first()
    heads = AuditSignedHead.objects.filter(organization_id=organization.pk)
    signed = heads.order_by("sequence").values_list("sequence", flat=True).last() or 0
    last = min(young[0] - 1, signed) if young else signed
    event = lines.filter(sequence=last).first()
    if event is None:
        return
    floor = AuditFloor(
        organization_id=organization.pk,
        sequence=last,
        digest=event.digest,
        asked_at=now,
        reason=reason_of(kept),
    )
    _sign(floor, audit.Machine(organization.pk))


def reason_of(kept: timedelta) -> str:
    return f"entries are kept for {kept.days} days"


def _settled(organization: Organization, kept: timedelta, now: datetime) -> bool:
    """The log itself must say so: by the last change of the retention, or by the floor that followed from it."""
    changes = AuditEvent.objects.filter(
        organization_id=organization.pk, event=Event.LOG_RETENTION_CHANGED
    )
    last = changes.order_by("sequence").last()
    if last is not None:
        return bool(last.detail["after"]["days"] == kept.days and last.at <= now - SETTLED)
    floor = _newest(organization.pk)
    return floor is not None and floor.reason == reason_of(kept)


def _newest(organization: int) -> AuditFloor | None:
    floors = AuditFloor.objects.filter(organization_id=organization).exclude(signature="")
    return next((each for each in floors.order_by("-sequence") if _is_ours(each)), None)


def _is_ours(floor: AuditFloor) -> bool:
    """The database asks only whether something stands there; here it must be our signature."""
    try:
        Verifier.parse(settings.LATCHKEY_AUDIT_PUBLIC_KEYS).check(floor.statement, floor.signed)
    except BadSignature:
        log.error("a floor that we did not sign", organization=floor.organization_id)  # noqa: TRY400  # no trace: it is data
        return False
    return True


def _sign(floor: AuditFloor, standing: audit.Standing) -> None:
    below = _newest(floor.organization_id)
    start = (below.sequence, below.digest) if below else START
    heads = AuditSignedHead.objects.filter(
        organization_id=floor.organization_id, sequence__lte=floor.sequence
    )
    walked = Walk(
        floor.organization_id,
        start,
        (each.head for each in heads.order_by("sequence").iterator()),
    ).through(stored.entries(floor.organization_id, start[0], floor.sequence))
    if walked.fault or (walked.sequence, walked.digest) != (floor.sequence, floor.digest):
        log.error("the log is not what was written", organization=floor.organization_id)
        return
    with transaction.atomic():
        if not _keep(floor):
            return
        audit.record(
            standing,
            Event.LOG_SHORTENED,
            f"log:{floor.organization_id}",
            label=f"{walked.count} entries up to {floor.sequence}",
            first=start[0] + 1,
            last=floor.sequence,
            reason=floor.reason,
        )


def _keep(floor: AuditFloor) -> bool:
    """False where another worker was quicker."""
    signature = Signer.parse(settings.LATCHKEY_AUDIT_PRIVATE_KEYS).sign(floor.statement)
    signed = {"key_id": signature.key_id, "signature": signature.value}
    if floor.pk:
        return bool(AuditFloor.objects.filter(pk=floor.pk, signature="").update(**signed))
    _row, made = AuditFloor.objects.get_or_create(
        organization_id=floor.organization_id,
        sequence=floor.sequence,
        defaults=signed
        | {"digest": floor.digest, "asked_at": floor.asked_at, "reason": floor.reason},
    )
    return made


def _empty(floor: AuditFloor) -> None:
    """A batch at a time, so that nobody waits for it; killed in between, it goes on the next time."""
    if not _is_ours(floor):
        return
    below = AuditEvent.objects.filter(
        organization_id=floor.organization_id, sequence__lte=floor.sequence
    )
    while some := list(below.order_by("sequence").values_list("pk", flat=True)[:BATCH]):
        AuditEvent.objects.filter(pk__in=some).delete()
    AuditFloor.objects.filter(pk=floor.pk).update(emptied_at=timezone.now())
