"""The audit chain: one named event per act, hash-chained per organization, written in the act's own transaction."""

from dataclasses import dataclass
from typing import Protocol

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments import chain
from environments.chain import Entry
from environments.events import Event
from environments.models import AuditEvent, AuditFloor, AuditHead, User
from environments.origin import NOWHERE, Origin
from environments.signing import instant

INSTALLATION = 0
"""The chain of events that belong to no organization: set-up, sign-in, reset."""


class Standing(Protocol):
    """Who acted and where: a Scope, an OrgScope, or one of the two values below."""

    @property
    def actor(self) -> User | None: ...
    @property
    def organization_id(self) -> int: ...
    @property
    def environment_slug(self) -> str: ...
    @property
    def origin(self) -> Origin: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """A worker acting for the clock."""

    organization_id: int
    environment_slug: str = ""
    actor: User | None = None
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Installation:
    """Somebody at the door of the installation, perhaps not signed in."""

    actor: User | None = None
    origin: Origin = NOWHERE
    organization_id: int = INSTALLATION
    environment_slug: str = ""


def record(
    standing: Standing,
    event: Event,
    subject: str,
    *,
    label: str = "",
    denied: bool = False,
    **detail: object,
) -> AuditEvent:
    """Append one event; the last statement of the act's transaction, so that chains never deadlock.

    Detail holds short plain values, never a secret: `before` and `after` are mappings of what changed.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "an event is written in its act's own transaction"
        )
    head, _ = AuditHead.objects.get_or_create(organization_id=standing.organization_id)
    head = AuditHead.objects.select_for_update().get(pk=head.pk)
    actor = standing.actor
    event_row = AuditEvent(
        organization_id=standing.organization_id,
        sequence=head.sequence + 1,
        at=timezone.now(),
        event=event,
        denied=denied,
        actor_id=actor.pk if actor else None,
        actor=actor.email if actor else "",
        environment=standing.environment_slug,
        subject=subject[:120],
        label=label[:254],
        detail=detail,
        address=standing.origin.address,
        request_id=standing.origin.request_id[:64],
        previous=head.digest,
    )
    event_row.digest = digest(event_row)
    event_row.save(force_insert=True)
    AuditHead.objects.filter(pk=head.pk).update(
        sequence=event_row.sequence, digest=event_row.digest
    )
    return event_row


def let_go(organization_id: int, reason: str) -> None:
    """After the last entry of an organization that was deleted: a worker signs that its chain may go, and removes it."""
    head = AuditHead.objects.get(organization_id=organization_id)
    AuditFloor.objects.create(
        organization_id=organization_id,
        sequence=head.sequence,
        digest=head.digest,
        asked_at=timezone.now(),
        reason=reason,
    )


def within(standing: Standing) -> QuerySet[AuditEvent]:
    """The log as far as a place reaches: of the organization, or of the one environment stood in."""
    lines = AuditEvent.objects.filter(organization_id=standing.organization_id)
    here = standing.environment_slug
    return lines.filter(environment=here) if here else lines


def digest(event: AuditEvent) -> str:
    return chain.digest(entry(event))


def entry(event: AuditEvent) -> Entry:
    """The row as it is hashed."""
    values = {name: getattr(event, name) for name in Entry._fields if name != "organization"}
    facts = {"at": instant(event.at), "event": str(event.event)}
    return Entry(organization=event.organization_id, **values | facts)
