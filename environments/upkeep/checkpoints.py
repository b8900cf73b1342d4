"""The heads of all chains are signed every five minutes, idle or not, and told outside the database."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from environments import signing, witness
from environments.models import AuditCheckpoint, AuditHead, AuditSignedHead
from environments.signing import Head, Signer
from environments.witness import Witnessed

EVERY = timedelta(minutes=5)
EARLY = timedelta(seconds=10)  # the clock rings each minute, never to the second
AT_ONCE = 100
ALL_HEADS_EVERY = 12  # once an hour the witness gets a line that stands by itself

log = structlog.get_logger(__name__)


def sign_heads(now: datetime) -> AuditCheckpoint | None:
    """The next checkpoint, if it is time. Two workers cannot make the same one: its serial is unique."""
    last = AuditCheckpoint.objects.order_by("serial").last()
    # One from the future was not ours, or the clock was wrong: it stops nothing.
    if last is not None and abs(now - last.at) < EVERY - EARLY:
        return None
    # The signed ones first: a head written in between is then found changed.
    known = {each.organization_id: each.head for each in AuditSignedHead.objects.newest()}
    heads = _heads(known)
    statement = signing.Checkpoint(
        serial=last.serial + 1 if last else 1,
        at=signing.instant(now),
        count=len(heads),
        root=signing.root_of(heads),
        previous=last.statement.digest() if last else signing.NO_DIGEST,
    )
    changed = [head for head in heads if known.get(head.organization) != head]
    try:
        return _keep(statement, changed, now)
    except IntegrityError:
        log.info("checkpoint made by another worker", count=statement.serial)
        return None


def _heads(known: Mapping[int, Head]) -> list[Head]:
    """Of every organization that ever was, in the order of their numbers. What was signed is never taken back."""
    rows = AuditHead.objects.filter(sequence__gt=0)
    held = {row[0]: Head(*row) for row in rows.values_list("organization_id", "sequence", "digest")}
    for organization, signed in known.items():
        head = held.get(organization)
        if head != signed and (head is None or head.sequence <= signed.sequence):
            log.error("the head of a chain went back", organization=organization)
            held[organization] = signed
    return sorted(held.values())


@transaction.atomic
def _keep(statement: signing.Checkpoint, changed: list[Head], now: datetime) -> AuditCheckpoint:
    signature = Signer.parse(settings.LATCHKEY_AUDIT_PRIVATE_KEYS).sign(statement)
    made = AuditCheckpoint.objects.create(
        serial=statement.serial,
        at=now,
        count=statement.count,
        root=statement.root,
        previous=statement.previous,
        key_id=signature.key_id,
        signature=signature.value,
    )
    AuditSignedHead.objects.bulk_create(
        [
            AuditSignedHead(
                serial=statement.serial,
                organization_id=head.organization,
                sequence=head.sequence,
                digest=head.digest,
            )
            for head in changed
        ]
    )
    return made


def tell_witness(now: datetime) -> int:
    """Write outside what is not there yet, oldest first; how many. Killed in between, it writes a line twice."""
    url = settings.LATCHKEY_CHECKPOINT_LOG
    waiting = AuditCheckpoint.objects.filter(witnessed_at=None).order_by("serial")
    some = list(waiting[:AT_ONCE])
    if not some:
        return 0
    new = witness.is_new(url)
    told = [
        Witnessed(
            each.statement,
            each.signed,
            heads_at(each.serial)
            if (new and each is some[0]) or each.serial % ALL_HEADS_EVERY == 0
            else _changed_at(each.serial),
        )
        for each in some
    ]
    try:
        witness.write(url, told)
    except OSError as error:
        log.warning("checkpoints not written outside the database", cause=type(error).__name__)
        return 0
    AuditCheckpoint.objects.filter(pk__in=[each.pk for each in some]).update(witnessed_at=now)
    return len(some)


def heads_at(serial: int) -> list[Head]:
    """All heads that this checkpoint signed."""
    then = AuditSignedHead.objects.filter(serial__lte=serial).newest().order_by("organization_id")
    return [each.head for each in then]


def _changed_at(serial: int) -> list[Head]:
    rows = AuditSignedHead.objects.filter(serial=serial).order_by("organization_id")
    return [each.head for each in rows]
