"""The log: who did what to what, when, from where. Newest first, all filters in the address."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from environments.access import OrgScope, Scope
from environments.events import Event
from environments.exporting import SignedRange
from environments.guard import SignedInRequest, in_environment, in_organization
from environments.inquiry import (
    GROUPS,
    MACHINE,
    RESULTS,
    SPANS,
    Found,
    Inquiry,
    Reach,
    group_of,
    number,
)
from environments.models import LogCheck, Team
from environments.policy import Action, OrgAction
from environments.verifying import LATE
from environments.views.log_rows import ACTIONS, rows_of

ROWS = 15
"""Each brings everything about its entry along, folded away: more of them would make a page of more than 1,500 elements."""
DOOR = frozenset({"sign-in", "password", "setup-link", "setup"})
"""What happens at the installation's door is in a chain of its own."""
ORGANIZATION = frozenset(
    {
        "organization",
        "invitation",
        "member",
        "organization-role",
        "environment-role",
        "team",
        "team-member",
        "team-issuing",
        "log",
    }
)
"""What is done to the organization is not in an environment's part of the log."""

NOTHING_MORE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Place:
    """The part of the log that a page shows."""

    whose: str
    absent: frozenset[str]
    reach: Reach
    asked: Inquiry


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.READ_LOG)
def log(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    asked = Inquiry.read(request.GET)
    place = Place("Everything that happened here", DOOR, Reach.of(scope.organization, asked), asked)
    checks = LogCheck.objects.within(scope)
    health = {
        "organization": scope.organization,
        "check": checks.exclude(finished_at=None).order_by("-finished_at").first(),
        "asking": checks.due(timezone.now()).exists(),
    }
    return _page(request, scope, place, health)


@require_http_methods(["GET", "HEAD"])
@in_environment(Action.READ_LOG)
def environment_log(request: SignedInRequest, scope: Scope) -> HttpResponse:
    """All of the environment to whom its role gives that; else what befell the keys of the own teams."""
    asked = replace(Inquiry.read(request.GET), environment=scope.environment_slug)
    whose = "Everything that happened in this environment"
    only: tuple[Q, ...] = ()
    if not scope.may(Action.READ_LOG):
        whose = "What happened to your team's keys here"
        only = (Q(subject__in=_own_keys(scope)),)
    reach = Reach.of(scope.organization, asked, *only)
    return _page(request, scope, Place(whose, DOOR | ORGANIZATION, reach, asked))


def _own_keys(scope: Scope) -> QuerySet[Team, str]:
    """As the log names them; by the team, since this floor knows no keys."""
    own = scope.organization.teams.filter(pk__in=scope.teams_granting(Action.READ_LOG))
    named = own.annotate(key_subject=Concat(Value("key:"), "keys__client_id"))
    return named.order_by().values_list("key_subject", flat=True)


def _page(
    request: SignedInRequest,
    scope: OrgScope | Scope,
    place: Place,
    more: Mapping[str, object] = NOTHING_MORE,
) -> HttpResponse:
    """Pages begin at an entry, so that what is written meanwhile moves nothing."""
    now = timezone.now()
    before, entry = (number(request.GET.get(name, "")) for name in ("before", "entry"))
    span = SignedRange.of(scope.organization_id)
    facts: dict[str, Any] = {
        **more,
        "asked": place.asked,
        "before": before,
        "entry": entry,
        "whose": place.whose,
        "everywhere": place.absent is DOOR,
        "span": span,
        "late": span is not None and now - span.signed_at > LATE,
        "spans": SPANS.items(),
        "results": RESULTS.items(),
        "groups": list(_choices(place.absent)),
        "places": scope.organization.environments.all() if place.absent is DOOR else (),
        "query": place.asked.query() if place.absent is DOOR else "",
        "chips": chips_of(request.path, scope, place.asked),
    }
    if entry is None:
        found = place.asked.page(place.reach, now, rows=ROWS, before=before)
    else:
        found = _single(scope, place, entry)
    facts["found"] = found
    facts["rows"] = rows_of(scope, found.events, span.last if span else 0)
    return render(request, "environments/log.html", facts)


def _single(scope: OrgScope | Scope, place: Place, entry: int) -> Found:
    """The link to one entry; whoever may not read it finds none."""
    everything = Inquiry(environment=place.asked.environment if isinstance(scope, Scope) else "")
    event = everything.narrow(place.reach, timezone.now()).filter(sequence=entry).first()
    if event is None:
        raise Http404("Nothing here.")
    return Found([event], None, None)


def _choices(absent: frozenset[str]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """For the select: each group with its events."""
    for group in GROUPS:
        if group not in absent:
            events = [event for event in Event if group_of(event) == group]
            yield group, _title(group), [(e.value, _title(e.value)) for e in events]


def _title(name: str) -> str:
    return name.replace(".", " ").replace("-", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    value: str
    href: str


def chips_of(path: str, scope: OrgScope | Scope, asked: Inquiry) -> list[Chip]:
    """What the list is narrowed to, each with the address without it."""
    said = {
        "q": ("Text", asked.q),
        "actor": ("Who", asked.actor),
        "by": ("Who", _person(scope, asked.by)),
        "event": ("What", _title(asked.event)),
        "about": ("About", ACTIONS.get(asked.about, asked.about)),
        "environment": ("Environment", asked.environment),
        "result": ("Result", RESULTS.get(asked.result, "")),
        "address": ("From address", asked.address),
        "span": ("Time", SPANS[asked.span][0] if asked.span else ""),
        "since": ("Since", asked.since.replace("T", " ")),
        "until": ("Until", asked.until.replace("T", " ")),
    }
    if isinstance(scope, Scope):
        del said["environment"]
    return [
        Chip(label, value, f"{path}?{replace(asked, **{name: ''}).query()}")
        for name, (label, value) in said.items()
        if value
    ]


def _person(scope: OrgScope | Scope, by: str) -> str:
    if not by or by == "0":
        return MACHINE if by else ""
    member = scope.organization.members.filter(user=int(by)).select_related("user").first()
    return str(member.user) if member else f"person {by}"
