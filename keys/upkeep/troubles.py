"""An endpoint in trouble, and its end: what a test says about where it went. No key is judged by this."""

from datetime import datetime

from environments import audit
from environments.events import Event
from environments.models import Environment
from keys.models import TokenEndpoint
from keys.outcomes import Fault, Outcome

# About what one client may have, not about the endpoint: another key's test says the opposite.
_OF_ONE_CLIENT = frozenset({Outcome.INVALID_SCOPE, Outcome.SCOPE_NARROWED, Outcome.RATE_LIMITED})


def note(endpoint: TokenEndpoint | None, outcome: Outcome, now: datetime) -> Event | None:
    """Write its state; the event if this was a change. One UPDATE decides it among many workers."""
    if endpoint is None or outcome in _OF_ONE_CLIENT:
        return None
    row = TokenEndpoint.objects.filter(pk=endpoint.pk)
    if outcome.fault in {Fault.ENDPOINT, Fault.NETWORK}:
        began = row.filter(troubled_since=None).update(troubled_since=now, trouble=outcome)
        if not began:
            row.exclude(trouble=outcome).update(trouble=outcome)
        return Event.ENDPOINT_TROUBLED if began else None
    # A refusal, too, is the answer of an endpoint that is well.
    if outcome is Outcome.WORKS or outcome.fault is Fault.CREDENTIAL:
        ended = row.exclude(troubled_since=None).update(troubled_since=None, trouble="")
        return Event.ENDPOINT_RECOVERED if ended else None
    return None


def record(event: Event, endpoint: TokenEndpoint, where: Environment, outcome: Outcome) -> None:
    place = audit.Machine(where.organization_id, where.slug)
    audit.record(
        place, event, f"endpoint:{endpoint.public_id}", label=endpoint.name, outcome=outcome
    )
