"""The log: who did what to what, when, from where. Newest first."""

import json
from collections.abc import Mapping

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from environments import audit, policy
from environments.access import OrgScope
from environments.events import SENTENCES, Event
from environments.guard import SignedInRequest, in_organization
from environments.models import AuditEvent
from environments.policy import OrgAction

ROWS = 50
LARGEST = 2**63 - 1
ACTIONS: Mapping[str, str] = {str(action): words for action, words in policy.SENTENCES.items()}
EVENTS: Mapping[str, str] = {str(event): words for event, words in SENTENCES.items()}


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.READ_LOG)
def log(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """Pages by sequence, so that what is written meanwhile moves nothing."""
    events = audit.within(scope).order_by("-sequence")
    before = _number(request.GET.get("before", ""))
    chosen = request.GET.get("event", "")
    if chosen in EVENTS:
        events = events.filter(event=chosen)
    else:
        chosen = ""
    if before is not None:
        events = events.filter(sequence__lt=before)
    rows = list(events[: ROWS + 1])
    facts = {
        "rows": [_row(event) for event in rows[:ROWS]],
        "older": rows[ROWS - 1].sequence if len(rows) > ROWS else None,
        "before": before,
        "chosen": chosen,
        "events": [(str(event), _title(event)) for event in Event if not _elsewhere(event)],
    }
    return render(request, "environments/log.html", facts)


def _number(text: str) -> int | None:
    """A position that the address names, or none that can be read."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        return None
    return min(int(text), LARGEST)


def _elsewhere(event: Event) -> bool:
    """What happens at the installation's door is in a chain of its own."""
    return event.value.partition(".")[0] in {"sign-in", "password", "setup-link", "setup"}


def _title(event: Event) -> str:
    noun, _, verb = event.value.partition(".")
    return f"{noun} {verb}".replace("-", " ").capitalize()


def _row(event: AuditEvent) -> dict[str, object]:
    return {
        "event": event,
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
