"""Keys that nobody uses: only where use is measured, which it is not at an outside endpoint."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, DateTimeField, ExpressionWrapper, F, When
from django.db.models.functions import Coalesce

from keys.health import last_used_proof
from keys.models import Key, KeyQuerySet


@dataclass(frozen=True, slots=True)
class Use:
    """When a key was last used; `idle` says for how long it was not, once that is longer than the policy has it."""

    at: datetime | None = None
    measured: bool = True
    idle: str = ""
    by: str = ""
    """The hint of the secret that it was used by, or its kid."""


def use_of(key: Key, now: datetime) -> Use:
    if key.imported:
        return Use(measured=False)
    proof = last_used_proof(key)
    at = proof.last_used_at if proof else None
    rest = now - (at or key.created_at)
    longest = key.environment.idle_after
    # Who was disabled on purpose is not pointed out.
    idle = longest is not None and rest > longest and key.disabled_at is None
    return Use(at, idle=f"Idle {rest.days} d" if idle else "", by=str(proof or ""))


def with_idleness(keys: KeyQuerySet) -> KeyQuerySet:
    """`idle_from`: when a key becomes idle, or became; none where use is not measured or no policy minds."""
    moment = DateTimeField()
    from_then = F("rest_since") + F("environment__idle_after")
    return (
        keys.with_use()
        .annotate(rest_since=Coalesce("used_at", "created_at"))
        .annotate(idle_from=Case(When(endpoint=None, then=ExpressionWrapper(from_then, moment))))
    )
