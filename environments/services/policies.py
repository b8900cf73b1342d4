"""People's verb on the policy of an environment: how long secrets live, how long both work, how often keys are tested."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from environments import audit
from environments.access import OrgScope
from environments.events import Event
from environments.models import Environment
from environments.policy import OrgAction

LONGEST_GRACE = timedelta(days=90)
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(hours=24)
SIGNING_ALGORITHMS = ("ES256", "RS256", "EdDSA")
UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


class BadPolicy(Exception):
    """Its parts do not fit together; the form says so at the field."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What owners set for an environment; None: no limit, never."""

    secret_max_age: timedelta | None
    grace_default: timedelta
    grace_max: timedelta
    expiry_required: bool
    test_interval: timedelta
    idle_after: timedelta | None
    redox_doors: bool
    signing_algorithm: str

    @classmethod
    def of(cls, place: Environment) -> "Policy":
        return cls(**{name: getattr(place, name) for name in WORDS})

    @property
    def fits(self) -> bool:
        return (
            timedelta() <= self.grace_default <= self.grace_max <= LONGEST_GRACE
            and self.signing_algorithm in SIGNING_ALGORITHMS
            and SHORTEST_INTERVAL <= self.test_interval <= LONGEST_INTERVAL
        )

    def said(self) -> dict[str, str]:
        """For the log and the review: each part in words."""
        return {name: _said(getattr(self, name)) for name in WORDS}


WORDS = {
    "secret_max_age": "Maximum age of a secret",
    "grace_default": "Usual grace period",
    "grace_max": "Longest grace period",
    "expiry_required": "Every key must expire",
    "test_interval": "Keys are tested every",
    "idle_after": "Idle warning after",
    "signing_algorithm": "Tokens are signed by",
    "redox_doors": "Keys may use the doors for clients of Redox",
}


def _said(value: timedelta | bool | str | None) -> str:  # noqa: FBT001  # a value to be worded
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return spoken_span(value)


def spoken_span(span: timedelta) -> str:
    """In the largest unit that says it exactly: 90 days, 36 hours, 15 minutes."""
    unit, size = next((pair for pair in UNITS if not span % pair[1]), UNITS[-1])
    count = span // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


@transaction.atomic
def set_policy(scope: OrgScope, slug: str, policy: Policy) -> bool:
    """False when nothing changed. What runs goes on as it was begun; nothing is cut."""
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    place = scope.organization.environments.select_for_update().get(slug=slug)
    old = Policy.of(place)
    if policy == old:
        return False
    if not policy.fits:
        raise BadPolicy
    changed = [name for name in WORDS if getattr(policy, name) != getattr(old, name)]
    for name in changed:
        setattr(place, name, getattr(policy, name))
    place.save(update_fields=changed)
    before, after = old.said(), policy.said()
    audit.record(
        scope,
        Event.POLICY_CHANGED,
        subject,
        label=place.name,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    return True
