"""What the log is asked: read from the address, so that a copied address asks the same; answered page by page.

Each condition that stands alone is served by an index, newest first, at a million entries as at a hundred. Conditions
together, and free text, are looked for among so many entries at a time; the page says how far back that was.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from environments.events import Event
from environments.models import LARGEST, AuditEvent, Organization

WINDOW: Final = 20_000
"""Entries looked at for one page when no index answers alone."""
LENGTH: Final = 100
MACHINE: Final = "Latchkey"
"""The actor of what a worker did by the clock."""
SPANS: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}
RESULTS: Final = {"allowed": "Allowed", "refused": "Refused"}
GROUPS: Final = tuple(dict.fromkeys(event.value.partition(".")[0] for event in Event))


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What nobody could mean asks for nothing."""

    q: str = ""
    actor: str = ""
    by: str = ""
    """The number of a person; 0 is Latchkey itself."""
    event: str = ""
    """One kind of event, or a group of them, as in `key`."""
    about: str = ""
    """Text of a name; or, with a colon, exactly this object, as in `key:ck_…`."""
    environment: str = ""
    result: str = ""
    address: str = ""
    span: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> "Inquiry":
        given = {each.name: _words(query.get(each.name, "")) for each in fields(cls)}
        for name, known in _KNOWN.items():
            given[name] = given[name] if given[name] in known else ""
        given["by"] = "" if number(given["by"]) is None else given["by"]
        if given["actor"].lower() == MACHINE.lower():
            given["actor"], given["by"] = "", "0"
        for name in ("since", "until"):
            given[name] = given[name] if _instant(given[name]) else ""
        return cls(**given)

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def until_now(self, now: datetime) -> "Inquiry":
        """The same with its times fixed: what is counted now is what is fetched later."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        since = _instant(self.since)
        if self.span and since is None:
            since = now - SPANS[self.span][1]
        until = min(_instant(self.until) or now, now)
        times = {"since": since and _written(since), "until": _written(until), "span": ""}
        return Inquiry(**values | {name: text or "" for name, text in times.items()})

    def query(self, **more: str) -> str:
        """As the address writes it."""
        asked = QueryDict(mutable=True)
        for each in fields(self):
            if value := getattr(self, each.name):
                asked[each.name] = value
        asked.update({name: value for name, value in more.items() if value})
        return asked.urlencode()

    def narrow(self, reach: "Reach", now: datetime) -> QuerySet[AuditEvent]:
        """All that was asked."""
        served, rest = self._conditions(reach)
        return reach.lines.filter(self._times(now), *served, *rest)

    def _times(self, now: datetime) -> Q:
        since, until = _instant(self.since), _instant(self.until)
        if self.span and since is None:
            since = now - SPANS[self.span][1]
        return (Q(at__gte=since) if since else Q()) & (Q(at__lt=until) if until else Q())

    def _conditions(self, reach: "Reach") -> tuple[list[Q], list[Q]]:
        """Those that an index serves, the choosiest first; and the others."""
        exactly = {
            "subject": self.about if ":" in self.about else "",
            "address": self.address,
            "actor_id": int(self.by or 0),
            "event": self.event if "." in self.event else "",
            "environment": self.environment,
        }
        served = [Q(**{name: value}) for name, value in exactly.items() if value]
        served += [Q(actor_id=None)] if self.by == "0" else []
        served += [Q(denied=True)] if self.result == "refused" else []
        return served, [*reach.only, *self._looked_for(reach.called)]

    def _looked_for(self, called: frozenset[int]) -> list[Q]:
        found = []
        if self.result == "allowed":
            found.append(Q(denied=False))
        if self.event and "." not in self.event:
            found.append(Q(event__in=[e.value for e in Event if group_of(e) == self.event]))
        if self.actor:
            found.append(Q(actor__icontains=self.actor) | Q(actor_id__in=called))
        if self.about and ":" not in self.about:
            found.append(Q(label__icontains=self.about) | Q(subject__icontains=self.about))
        if self.q:
            found.append(_anywhere(self.q) | Q(actor_id__in=called))
        return found

    def page(
        self, reach: "Reach", now: datetime, *, rows: int, before: int | None = None
    ) -> "Found":
        """The newest, or the newest before this entry."""
        lines = reach.lines.filter(self._times(now)).order_by("-at", "-sequence")
        if before is not None:
            at = reach.lines.filter(sequence=before).values_list("at", flat=True).first()
            if at is None:  # gone below a floor, and so is all that was older
                return Found([], None, None)
            lines = lines.filter(at__lte=at).exclude(at=at, sequence__gte=before)
        served, rest = self._conditions(reach)
        end = None
        if rest or len(served) > 1:
            lines = lines.filter(*served[:1])
            end = lines.values_list("at", "sequence")[WINDOW - 1 : WINDOW].first()
            if end is not None:
                lines = lines.filter(at__gte=end[0]).exclude(at=end[0], sequence__lt=end[1])
        found = list(lines.filter(*served, *rest)[: rows + 1])
        if len(found) > rows:
            return Found(found[:rows], found[rows - 1].sequence, None)
        return Found(found, *((end[1], end[0]) if end else (None, None)))


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose entries are asked for, and by whom."""

    lines: QuerySet[AuditEvent]
    """Of the whole organization."""
    only: tuple[Q, ...] = ()
    """What else the reader may not leave."""
    called: frozenset[int] = frozenset()
    """The people whose name the typed text is a part of."""

    @classmethod
    def of(cls, organization: Organization, asked: Inquiry, *only: Q) -> "Reach":
        words = asked.actor or asked.q
        called: frozenset[int] = frozenset()
        if words:
            members = organization.members.filter(user__name__icontains=words)
            called = frozenset(members.values_list("user_id", flat=True))
        lines = AuditEvent.objects.filter(organization_id=organization.pk)
        return cls(lines, only, called)


@dataclass(frozen=True, slots=True)
class Found:
    events: list[AuditEvent]
    older: int | None
    """The entry before which the next page begins."""
    searched_to: datetime | None
    """Where the search stopped without filling the page; None: there is nothing more, or the page is full."""


_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "event": frozenset({*GROUPS, *(event.value for event in Event)}),
    "result": frozenset(RESULTS),
    "span": frozenset(SPANS),
}


def group_of(event: Event) -> str:
    return event.value.partition(".")[0]


def _anywhere(text: str) -> Q:
    found = Q()
    for name in ("actor", "label", "subject", "address", "request_id"):
        found |= Q(**{f"{name}__icontains": text})
    return found


def _words(text: str) -> str:
    """As text that a database can be asked for."""
    return text.replace("\x00", "").encode(errors="ignore").decode().strip()[:LENGTH]


def _instant(text: str) -> datetime | None:
    """As a form writes it, in the reader's time zone; or with its own."""
    try:
        at = parse_datetime(text)
        return None if at is None else at if timezone.is_aware(at) else timezone.make_aware(at)
    except (ValueError, OverflowError):
        return None


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def number(text: str) -> int | None:
    """A number that the address names, or none that can be read."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return min(int(text), LARGEST)
