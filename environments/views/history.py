"""The log: who did what to what, when, from where. Newest first."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from environments import audit, policy
from environments.access import OrgScope, Scope
from environments.events import SENTENCES, Event
from environments.forms import words_of
from environments.guard import SignedInRequest, in_environment, in_organization
from environments.models import AuditEvent, Team
from environments.policy import Action, OrgAction

ROWS = 25
LARGEST = 2**63 - 1
MACHINE = "Latchkey"
"""The actor of what a worker did by the clock."""
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
    }
)
"""What is done to the organization is not in an environment's part of the log."""
ACTIONS: Mapping[str, str] = {str(action): words for action, words in policy.SENTENCES.items()}
EVENTS: Mapping[str, str] = {str(event): words for event, words in SENTENCES.items()}


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.READ_LOG)
def log(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    return _page(request, scope, audit.within(scope), "Everything that happened here", DOOR)


@require_http_methods(["GET", "HEAD"])
@in_environment(Action.READ_LOG)
def environment_log(request: SignedInRequest, scope: Scope) -> HttpResponse:
    """All of the environment to whom its role gives that; else what befell the keys of the own teams."""
    lines = audit.within(scope)
    whose = "Everything that happened in this environment"
    if not scope.may(Action.READ_LOG):
        lines = lines.filter(subject__in=_own_keys(scope))
        whose = "What happened to your team's keys here"
    return _page(request, scope, lines, whose, DOOR | ORGANIZATION)


def _own_keys(scope: Scope) -> QuerySet[Team, str]:
    """As the log names them; by the team, since this floor knows no keys."""
    own = scope.organization.teams.filter(pk__in=scope.teams_granting(Action.READ_LOG))
    named = own.annotate(key_subject=Concat(Value("key:"), "keys__client_id"))
    return named.order_by().values_list("key_subject", flat=True)


def _page(
    request: SignedInRequest,
    scope: OrgScope | Scope,
    lines: QuerySet[AuditEvent],
    whose: str,
    absent: frozenset[str],
) -> HttpResponse:
    """Pages by sequence, so that what is written meanwhile moves nothing."""
    asked = Asked.read(request.GET)
    rows = list(asked.narrow(lines).order_by("-sequence")[: ROWS + 1])
    names = dict(scope.organization.environments.values_list("slug", "name"))
    facts = {
        "rows": [_row(event, names) for event in rows[:ROWS]],
        "older": rows[ROWS - 1].sequence if len(rows) > ROWS else None,
        "asked": asked,
        "whose": whose,
        "everywhere": absent is DOOR,
        "events": [
            (str(event), _title(event))
            for event in Event
            if event.value.partition(".")[0] not in absent
        ],
    }
    return render(request, "environments/log.html", facts)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address narrows the log to; what nobody could mean narrows nothing."""

    actor: str = ""
    about: str = ""
    event: str = ""
    before: int | None = None

    @classmethod
    def read(cls, query: QueryDict) -> "Asked":
        event = query.get("event", "")
        return cls(
            words_of(query.get("actor", "")),
            words_of(query.get("about", "")),
            event if event in EVENTS else "",
            _number(query.get("before", "")),
        )

    @property
    def narrowed(self) -> bool:
        return bool(self.actor or self.about or self.event)

    def narrow(self, lines: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        if self.event:
            lines = lines.filter(event=self.event)
        if self.actor.lower() == MACHINE.lower():
            lines = lines.filter(actor="")
        elif self.actor:
            lines = lines.filter(actor__icontains=self.actor)
        if self.about:
            lines = lines.filter(Q(label__icontains=self.about) | Q(subject__icontains=self.about))
        return lines if self.before is None else lines.filter(sequence__lt=self.before)


def _number(text: str) -> int | None:
    """A position that the address names, or none that can be read."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return min(int(text), LARGEST)


def _title(event: Event) -> str:
    noun, _, verb = event.value.partition(".")
    return f"{noun} {verb}".replace("-", " ").capitalize()


def _row(event: AuditEvent, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "event": event,
        "place": names.get(event.environment, event.environment),
        "sentence": EVENTS.get(event.event, event.event),
        "about": ACTIONS.get(event.label, event.label),
        "facts": [(_word(name), _shown(value)) for name, value in event.detail.items()],
    }


def _word(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(part) for part in value) or "none"
    return value if isinstance(value, str) else json.dumps(value)
