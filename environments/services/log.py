"""People's verbs on the log: take it along, have it checked, say how long it is kept."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from environments import audit, exporting, notices
from environments.access import OrgScope
from environments.events import Event
from environments.exported import Heading
from environments.exporting import SignedRange
from environments.inquiry import Inquiry, Reach
from environments.models import LogCheck, LogExport, Organization, Topic
from environments.policy import OrgAction, OrganizationRole
from environments.signing import instant

LARGE = 50_000
"""More entries than this are put together by a worker."""
AT_ONCE = 3
RETENTIONS: Mapping[str, tuple[str, timedelta | None]] = {
    "all": ("Everything", None),
    "2555": ("Seven years", timedelta(days=2555)),
    "730": ("Two years", timedelta(days=730)),
    "365": ("One year", timedelta(days=365)),
    "90": ("90 days", timedelta(days=90)),
}


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


@transaction.atomic
def set_retention(scope: OrgScope, kept: timedelta | None) -> bool:
    """False when nothing changed. A worker deletes what is too old once the change has settled."""
    scope.require(OrgAction.EDIT)
    place = Organization.objects.select_for_update().get(pk=scope.organization_id)
    before = place.log_kept
    if kept == before:
        return False
    place.log_kept = kept
    place.save(update_fields=["log_kept"])
    event = audit.record(
        scope,
        Event.LOG_RETENTION_CHANGED,
        f"organization:{place.slug}",
        label=place.name,
        before={"days": before.days if before else None},
        after={"days": kept.days if kept else None},
    )
    _tell_owners(scope, kept, event.sequence)
    return True


def _tell_owners(scope: OrgScope, kept: timedelta | None, entry: int) -> None:
    """All of them: whoever would hide an act could begin here."""
    span = f"for {kept.days} days only" if kept else "as a whole"
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER).select_related("user")
    news = notices.News(
        scope.organization_id,
        f"log-retention:{entry}",
        f"The log is kept {span}",
        f"{scope.actor} changed it. Nothing is deleted in the next 24 hours: until then it can be taken back.",
        f"/o/{scope.organization.slug}/log/?entry={entry}",
        topic=Topic.SECURITY,
    )
    notices.tell([owner.user for owner in owners], news)
