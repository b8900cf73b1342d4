"""Exports of the log that are too large for one answer, and checks of a chain, one after the other."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from environments import audit, exporting, notices, verifying
from environments.chain import Walked
from environments.exported import Heading
from environments.inquiry import Inquiry, Reach
from environments.models import LogCheck, LogExport, LogExportPart, Organization, Topic, User
from environments.models.log_work import LEASE
from environments.policy import OrganizationRole
from environments.signing import Verifier, instant

KEPT = timedelta(days=3)
CHECKS_KEPT = timedelta(days=90)
CHECKED_EVERY = timedelta(days=1)
SOME = 20
NOTHING = Walked(0, "", 0, 0)

log = structlog.get_logger(__name__)


def make_exports(now: datetime) -> int:
    """Those that wait, oldest first; how many were finished."""
    waiting = LogExport.objects.due(now).order_by("asked_at").values_list("pk", flat=True)
    made = 0
    for pk in list(waiting[:SOME]):
        mine = LogExport.objects.claim(pk, timezone.now())
        made += mine is not None and _make(mine)
    return made


def _make(export: LogExport) -> bool:
    """Begun anew when another worker was killed over it; False once somebody else took it over."""
    export.parts.all().delete()
    for number, data in enumerate(exporting.packed(_lines(export))):
        with transaction.atomic():
            if not _still_mine(export):
                return False
            LogExportPart.objects.create(export=export, number=number, data=data)
    mine = LogExport.objects.filter(pk=export.pk, attempt=export.attempt, finished_at=None)
    return bool(mine.update(finished_at=timezone.now(), leased_until=None))


def _still_mine(export: LogExport) -> bool:
    rows = LogExport.objects.filter(pk=export.pk, attempt=export.attempt, finished_at=None)
    return bool(rows.update(leased_until=timezone.now() + LEASE))


def _lines(export: LogExport) -> Iterator[str]:
    organization = export.organization
    span = exporting.SignedRange.of(organization.pk) if not export.query else None
    if span is not None:
        return span.lines(organization.name)
    asked = Inquiry.read(QueryDict(export.query))
    heading = Heading(
        organization=organization.pk,
        name=organization.name,
        whole=False,
        made_at=instant(timezone.now()),
        asked=export.query,
    )
    lines = asked.narrow(Reach.of(organization, asked), export.asked_at)
    return exporting.selection(export.form, lines, heading)


def ask_for_checks(now: datetime) -> None:
    """Each chain once a day, whether somebody asks or not."""
    lately = LogCheck.objects.filter(asked_at__gt=now - CHECKED_EVERY)
    known = lately.exclude(organization=None).values("organization")
    for organization in Organization.objects.exclude(pk__in=known)[:SOME]:
        LogCheck.objects.create(organization=organization, asked_at=now)
    if not lately.filter(organization=None).exists():
        LogCheck.objects.create(organization=None, asked_at=now)


def check_logs(now: datetime) -> int:
    """Those that wait; how many were finished."""
    waiting = LogCheck.objects.due(now).order_by("asked_at").values_list("pk", flat=True)
    done = 0
    for pk in list(waiting[:SOME]):
        mine = LogCheck.objects.claim(pk, timezone.now())
        done += mine is not None and _check(mine)
    return done


def _check(check: LogCheck) -> bool:
    chain = check.organization_id or audit.INSTALLATION
    verifier = Verifier.parse(settings.LATCHKEY_AUDIT_PUBLIC_KEYS)
    report = verifying.verify(verifier, timezone.now(), only=chain)
    walked = report.chains.get(chain, NOTHING)
    said = [*([str(walked.fault)] if walked.fault else []), *report.problems]
    with transaction.atomic():
        mine = LogCheck.objects.filter(pk=check.pk, attempt=check.attempt, finished_at=None)
        kept = mine.update(
            finished_at=timezone.now(),
            leased_until=None,
            count=walked.count,
            signed=walked.signed,
            fault="; ".join(said)[:300],
        )
        if kept and said:
            log.error("the log is not what was written", organization=chain)
            if check.organization:
                _tell_owners(check.organization, said[0])
    return bool(kept)


def _tell_owners(organization: Organization, fault: str) -> None:
    owners = User.objects.filter(
        memberships__organization=organization, memberships__role=OrganizationRole.OWNER
    )
    news = notices.News(
        organization.pk,
        f"log-fault:{fault}",
        "The log is not what was written",
        f"A check of the chain found: {fault}. Somebody changed the database. "
        "Whoever runs Latchkey finds more by `manage.py verify_audit`.",
        f"/o/{organization.slug}/log/",
        tone="bad",
        topic=Topic.SECURITY,
    )
    notices.tell(owners, news)


def forget_log_work(now: datetime) -> None:
    LogExport.objects.filter(asked_at__lt=now - KEPT).delete()
    LogCheck.objects.filter(asked_at__lt=now - CHECKS_KEPT).delete()
