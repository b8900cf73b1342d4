"""An organization whose time has come is deleted: first its tokens are refused, then its rows go, a batch at a time.

Which tables it has rows in is read from the models, so that a new one is emptied without being named here. Killed in
between, it goes on where it was: what is gone is gone.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

import structlog
from django.db import models, transaction
from django.db.models import CASCADE, RESTRICT
from django.utils import timezone

from environments import audit, notices
from environments.events import Event
from environments.models import Deletion, Environment, Member, Organization, Session, Topic, User
from environments.models.deletion import LEASE
from environments.policy import OrganizationRole
from keys.models import Key

BATCH = 500
BATCHES = 200
"""So many in one go; the next one follows within a minute."""
SETTLED = timedelta(seconds=30)
"""So long after the first refusal every process has written down what it had noted."""
A_DAY = timedelta(days=1)

type Table = type[models.Model]

log = structlog.get_logger(__name__)


def delete_organizations(now: datetime) -> None:
    for asked in Deletion.objects.filter(due_at__lte=now + A_DAY, begun_at=None):
        _remind(asked)
    for pk in list(Deletion.objects.due(now).values_list("pk", flat=True)):
        mine = Deletion.objects.claim(pk, timezone.now())
        if mine is not None:
            _work_on(mine)


def _remind(asked: Deletion) -> None:
    owners = User.objects.filter(
        memberships__organization=asked.organization_id, memberships__role=OrganizationRole.OWNER
    )
    name, slug = asked.organization.name, asked.organization.slug
    news = notices.News(
        asked.organization_id,
        f"deletion:{asked.pk}:tomorrow",
        f"{name} will be deleted within a day",
        f"On {asked.due_at:%-d %B %Y, %H:%M} UTC. Until then any owner can cancel it.",
        f"/o/{slug}/settings/danger/",
        tone="bad",
        topic=Topic.SECURITY,
    )
    notices.tell(owners, news)


def _work_on(deletion: Deletion) -> None:
    now = timezone.now()
    if deletion.begun_at is None:
        _refuse_tokens(deletion, now)
    elif deletion.begun_at <= now - SETTLED and _empty(deletion):
        _finish(deletion)
        return
    mine = Deletion.objects.filter(pk=deletion.pk, leased_until=deletion.leased_until)
    mine.update(leased_until=None)


@transaction.atomic
def _refuse_tokens(deletion: Deletion, now: datetime) -> None:
    """In every process at once; nobody comes in any more, and the clock tests nothing."""
    begun = Deletion.objects.filter(pk=deletion.pk, begun_at=None).update(begun_at=now)
    if begun:
        Environment.objects.filter(organization=deletion.organization).update(archived_at=now)
        keys = Key.objects.filter(environment__organization=deletion.organization)
        keys.filter(disabled_at=None).update(disabled_at=now)
        lone = User.objects.filter(memberships__organization=deletion.organization).exclude(
            memberships__in=Member.objects.exclude(organization=deletion.organization)
        )
        Session.objects.filter(user__in=lone).delete()
        log.warning("an organization is being deleted", organization=deletion.organization_id)


def _empty(deletion: Deletion) -> bool:
    """Whether nothing is left but the organization's own row and the request."""
    for number, some in enumerate(_batches(deletion.organization_id)):
        if number == BATCHES or not _still_mine(deletion):
            return False
        some.delete()
    return True


def _still_mine(deletion: Deletion) -> bool:
    """The lease goes on; False where it had ended and another worker took over."""
    held = Deletion.objects.filter(pk=deletion.pk, leased_until=deletion.leased_until)
    deletion.leased_until = timezone.now() + LEASE
    return bool(held.update(leased_until=deletion.leased_until))


def _batches(organization: int) -> Iterator[models.QuerySet[Any]]:
    for table, way in tables():
        # Of no manager, which might leave some out.
        rows: models.QuerySet[Any] = models.QuerySet(table)
        mine = rows.filter(**{way: organization})
        while some := list(mine.values_list("pk", flat=True)[:BATCH]):
            yield rows.filter(pk__in=some)


@cache
def tables() -> list[tuple[Table, str]]:
    """Each table whose rows belong to an organization, with their way up to it; those that lean on others first."""
    ways: dict[Table, str] = {Organization: ""}
    reached: list[Table] = [Organization]
    for above in reached:
        for table, name in _leaning_on(above, CASCADE):
            if table not in ways:
                ways[table] = f"{name}__{ways[above]}".removesuffix("__")
                reached.append(table)
    first = {
        above: {table for table, _ in _leaning_on(above, CASCADE, RESTRICT)} & ways.keys() - {above}
        for above in reached
    }
    last = {Organization, Deletion}  # together, and not by batches
    ordered = TopologicalSorter(first).static_order()
    return [(table, ways[table]) for table in ordered if table not in last]


def _leaning_on(above: Table, *hows: object) -> Iterator[tuple[Table, str]]:
    """The tables with a foreign key to this one, and its name; hidden ones and those between two tables included."""
    for field in above._meta.get_fields(include_hidden=True):  # noqa: SLF001  # Django's documented way
        if isinstance(field, models.ManyToOneRel) and field.on_delete in hows:
            yield field.related_model, field.field.name


@transaction.atomic
def _finish(deletion: Deletion) -> None:
    """The organization's own row, with whatever a worker in the middle of its work has written meanwhile."""
    organization, by = deletion.organization, deletion.asked_by
    pk, name, subject = organization.pk, organization.name, f"organization:{organization.slug}"
    said: dict[str, Any] = {
        "asked_at": deletion.asked_at.isoformat(),
        "asked_by": by.email if by else "",
    }
    organization.delete()
    for standing in (audit.Machine(pk), audit.Installation()):
        audit.record(standing, Event.ORGANIZATION_DELETED, subject, label=name, **said)
    audit.let_go(pk, "the organization was deleted")
