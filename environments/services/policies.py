"""People's verb on the policy of an environment: how long secrets live, how long both work, how often keys are tested."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import OrgScope
from environments.approvals import Change
from environments.events import Event
from environments.models import Environment, Organization
from environments.policy import ABOUT_KEYS, MOST_APPROVALS, Act, OrgAction

LONGEST_GRACE = timedelta(days=90)
SHORTEST_INTERVAL, LONGEST_INTERVAL = timedelta(minutes=1), timedelta(hours=24)
SIGNING_ALGORITHMS = ("ES256", "RS256", "EdDSA")
UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)))


class BadPolicy(Exception):
    """Its parts do not fit together; the form says so at the field."""


class TooFewApprovers(Exception):
    """So many approvals could not be had; `who` could give one, `act` is what they were asked for."""

    def __init__(self, act: Act, asked: int, who: list[str]) -> None:
        super().__init__(act)
        self.act, self.asked, self.who = act, asked, who

    def __str__(self) -> str:
        roles = "engineers of this environment" if self.act in ABOUT_KEYS else "owners"
        could = ", ".join(self.who) or "nobody"
        return f"{_approvals(self.asked)} take {self.asked + 1} {roles}, so that each of them may ask. Now that is {could}."


def _approvals(number: int) -> str:
    return "1 approval" if number == 1 else f"{number} approvals"


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
    approvals_create: int = 0
    approvals_rotate: int = 0
    approvals_delete: int = 0
    approvals_roles: int = 0
    approvals_policy: int = 0

    @classmethod
    def of(cls, place: Environment) -> "Policy":
        return cls(**{name: getattr(place, name) for name in WORDS})

    @property
    def fits(self) -> bool:
        return (
            timedelta() <= self.grace_default <= self.grace_max <= LONGEST_GRACE
            and self.signing_algorithm in SIGNING_ALGORITHMS
            and SHORTEST_INTERVAL <= self.test_interval <= LONGEST_INTERVAL
            and all(0 <= self.approvals_for(act) <= MOST_APPROVALS for act in Act)
        )

    def approvals_for(self, act: Act) -> int:
        asked: int = getattr(self, f"approvals_{act}")
        return asked

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
    "approvals_create": "Approvals before a key is made",
    "approvals_rotate": "Approvals before a secret is rotated",
    "approvals_delete": "Approvals before a key is deleted",
    "approvals_roles": "Approvals before a role is given",
    "approvals_policy": "Approvals before this policy is changed",
}


def _said(value: timedelta | bool | str | int | None) -> str:  # noqa: FBT001  # a value to be worded
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return spoken_span(value) if isinstance(value, timedelta) else str(value)


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
    place = scope.organization.environments.current().select_for_update().get(slug=slug)
    old = Policy.of(place)
    if policy == old:
        return False
    if not policy.fits:
        raise BadPolicy
    refuse_too_many(scope.organization, place, old, policy)
    changed = [name for name in WORDS if getattr(policy, name) != getattr(old, name)]
    before, after = ({name: each.said()[name] for name in changed} for each in (old, policy))
    now = timezone.now()
    worded = ({WORDS[name]: each[name] for name in changed} for each in (before, after))
    change = Change(Act.POLICY, subject, place.name, place, *worded)
    spent = approvals.spend(scope, change, now)
    approvals.overtake(scope, subject, place, [Act.POLICY], now)
    for name in changed:
        setattr(place, name, getattr(policy, name))
    place.save(update_fields=changed)
    audit.record(
        scope,
        Event.POLICY_CHANGED,
        subject,
        label=place.name,
        before=before,
        after=after,
        **spent,
    )
    return True


def refuse_too_many(
    organization: Organization, place: Environment, old: Policy, new: Policy
) -> None:
    """Nobody approves their own request, so there must be one person more than approvals."""
    for act in Act:
        asked = new.approvals_for(act)
        if asked <= old.approvals_for(act):
            continue
        who = [str(each.user) for each in approvals.approvers(organization, act, place)]
        if len(who) <= asked:
            raise TooFewApprovers(act, asked, who)
