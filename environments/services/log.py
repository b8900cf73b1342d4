"""People's verbs on the log: take it along, have it checked, say how long it is kept."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from environments import audit, exporting
from environments.access import OrgScope
from environments.events import Event
from environments.exported import Heading
from environments.exporting import SignedRange
from environments.inquiry import Inquiry, Reach
from environments.models import LogCheck, LogExport
from environments.policy import OrgAction
from environments.signing import instant

LARGE = 50_000
"""More entries than this are put together by a worker."""
AT_ONCE = 3


class NotSigned(Exception):
    """The whole log proves itself by its signed heads, and there is none yet."""


class TooMany(Exception):
    """Several large exports are being made for this organization."""


class Wanted:
    """An export that may be asked for: which entries, how many."""

    def __init__(self, reach: Reach, asked: Inquiry, form: str, now: datetime) -> None:
        self.reach, self.form = reach, form
        self.whole = not asked and form == LogExport.Form.LINES
        self.asked = asked.until_now(now)
        self.now = now

    @property
    def query(self) -> str:
        return "" if self.whole else self.asked.query()

    def span(self, scope: OrgScope) -> SignedRange | None:
        return SignedRange.of(scope.organization_id) if self.whole else None

    def count(self, scope: OrgScope) -> int:
        if not self.whole:
            return self.asked.narrow(self.reach, self.now).count()
        span = self.span(scope)
        return span.count if span else 0

    def lines(self, scope: OrgScope) -> Iterator[str]:
        organization = scope.organization
        span = self.span(scope)
        if span is not None:
            return span.lines(organization.name)
        heading = Heading(
            organization=organization.pk,
            name=organization.name,
            whole=False,
            made_at=instant(self.now),
            asked=self.query,
        )
        return exporting.selection(self.form, self.asked.narrow(self.reach, self.now), heading)


@transaction.atomic
def export_log(scope: OrgScope, wanted: Wanted) -> LogExport | None:
    """None where the file is small enough to be sent at once; else the row of a worker's task."""
    scope.require(OrgAction.READ_LOG)
    if wanted.whole and wanted.span(scope) is None:
        raise NotSigned
    count = wanted.count(scope)
    made = _row(scope, wanted, count) if count > LARGE else None
    audit.record(
        scope,
        Event.LOG_EXPORTED,
        f"log-export:{made.public_id}" if made else f"log-export:{wanted.form}",
        label=f"{count} entries",
        form=wanted.form,
        whole=wanted.whole,
        filter=wanted.query,
        entries=count,
    )
    return made


def _row(scope: OrgScope, wanted: Wanted, count: int) -> LogExport:
    if LogExport.objects.within(scope).due(wanted.now).count() >= AT_ONCE:
        raise TooMany
    return LogExport.objects.create(
        organization=scope.organization,
        asked_by=scope.actor,
        form=LogExport.Form(wanted.form),
        query=wanted.query,
        count=count,
    )


@transaction.atomic
def download_export(scope: OrgScope, made: LogExport) -> None:
    scope.require(OrgAction.READ_LOG)
    audit.record(
        scope,
        Event.LOG_DOWNLOADED,
        f"log-export:{made.public_id}",
        label=f"{made.count} entries",
    )


@transaction.atomic
def check_log(scope: OrgScope) -> LogCheck:
    """A worker walks the chain; one that waits already is enough."""
    scope.require(OrgAction.READ_LOG)
    waiting = LogCheck.objects.within(scope).due(timezone.now()).first()
    if waiting is not None:
        return waiting
    made = LogCheck.objects.create(organization=scope.organization, asked_by=scope.actor)
    place = scope.organization
    audit.record(scope, Event.LOG_CHECKED, f"organization:{place.slug}", label=place.name)
    return made
