"""Permits: an approved request is the right to do one exact change once, and the verb of that change spends it.

Nothing is executed by an approval, and no secret waits for one. See docs/decisions/permits.md.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from django.db.models import QuerySet

from environments.access import OrgScope, Refused, Scope
from environments.models import Environment, Member, Organization, Permit, PermitQuerySet, Team
from environments.policy import (
    ABOUT_KEYS,
    APPROVERS,
    KEY_APPROVERS,
    Act,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
)


@dataclass(frozen=True, slots=True)
class Change:
    """What exactly would be done, in short plain values and never with a secret."""

    act: Act
    subject: str
    label: str
    environment: Environment | None
    """None: of the organization."""
    before: Mapping[str, str | None] = field(default_factory=dict)
    after: Mapping[str, str | None] = field(default_factory=dict)

    def digest(self, organization_id: int) -> str:
        place = self.environment.pk if self.environment else 0
        facts = [organization_id, place, self.act, self.subject, self.label]
        said = [*facts, dict(self.before), dict(self.after)]
        return sha256(json.dumps(said, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class NeedsApproval(Refused):
    """The policy asks for approvals, and this person has no permit for exactly this change."""

    def __init__(self, change: Change, needed: int) -> None:
        super().__init__(ABOUT_KEYS.get(change.act, OrgAction.APPROVE), change.subject)
        self.change = change
        self.needed = needed


class Spent(NamedTuple):
    """For the log line of the act: by which permit it was done, and whether glass was broken for it."""

    approval: str
    broken_glass: bool

    @property
    def told(self) -> dict[str, Any]:
        return {"approval": self.approval} | ({"broken_glass": True} if self.broken_glass else {})


def needed(organization: Organization, act: Act, place: Environment | None) -> int:
    """For an organization role as many as the strictest environment asks: an owner may change each of them."""
    if place is not None:
        return place.approvals_for(act)
    return max((each.approvals_for(act) for each in organization.environments.current()), default=0)


def spend(scope: Scope | OrgScope, change: Change, now: datetime) -> dict[str, Any]:
    """In the act's own transaction: use up this person's permit for exactly this change, if the policy asks for one.

    Locked after what the act is about; what comes back belongs into the act's line in the log.
    """
    number = needed(scope.organization, change.act, change.environment)
    if not number:
        return {}
    mine = _exactly(scope, change, now)
    list(mine.select_for_update(of=("self",)).order_by("pk"))
    permit = usable(scope, change, now)
    if permit is None:
        raise NeedsApproval(change, number)
    permit.spent_at = now
    permit.save(update_fields=["spent_at"])
    return Spent(permit.public_id, permit.glass_broken_at is not None).told


def usable(scope: Scope | OrgScope, change: Change, now: datetime) -> Permit | None:
    """This person's permit for exactly this change, if it has what it takes."""
    number = needed(scope.organization, change.act, change.environment)
    return next(
        (
            permit
            for permit in _exactly(scope, change, now).with_given()
            if permit.given >= number or glass_counts(permit)  # type: ignore[attr-defined]  # annotated
        ),
        None,
    )


def glass_counts(permit: Permit) -> bool:
    """Broken glass is worth as much as an approval: it counts while the one who broke it may still approve."""
    breakers = permit.organization.members.filter(user=permit.asked_by_id, role__in=APPROVERS)
    return permit.glass_broken_at is not None and breakers.exists()


def _exactly(scope: Scope | OrgScope, change: Change, now: datetime) -> PermitQuerySet:
    exactly = change.digest(scope.organization_id)
    return scope.organization.permits.open(now).filter(asked_by=scope.actor, digest=exactly)


def approvers(organization: Organization, act: Act, place: Environment | None) -> QuerySet[Member]:
    """Who may decide it, if they did not ask for it themselves."""
    members = organization.members.filter(user__is_active=True).select_related("user")
    if act in ABOUT_KEYS:
        here = {
            "environment_grants__environment": place,
            "environment_grants__role__in": KEY_APPROVERS,
        }
        return members.filter(**here).order_by("user__email")
    return members.filter(role__in=APPROVERS).order_by("user__email")


def overtake(
    scope: Scope | OrgScope,
    subject: str,
    place: Environment | None,
    acts: Collection[Act],
    now: datetime,
) -> None:
    """A verb has changed what open requests are about: they can be neither approved nor used any more."""
    theirs = scope.organization.permits.open(now).filter(subject=subject, environment=place)
    theirs.filter(act__in=acts).update(overtaken_at=now)


def overtake_everywhere(scope: OrgScope, subject: str, now: datetime) -> None:
    """The same, whatever was asked for and wherever: what it is about gives nobody anything any more."""
    scope.organization.permits.open(now).filter(subject=subject).update(overtaken_at=now)


class Gain(NamedTuple):
    """A role that somebody would hold instead of another one."""

    subject: str
    email: str
    place: Environment | None
    before: EnvironmentRole | OrganizationRole | None
    after: EnvironmentRole | OrganizationRole | None

    @property
    def more(self) -> bool:
        ranks: list[str | None] = [
            None,
            *(OrganizationRole if self.place is None else EnvironmentRole),
        ]
        return ranks.index(self.after) > ranks.index(self.before)

    @property
    def change(self) -> Change:
        before, after = {"role": self.before}, {"role": self.after}
        return Change(Act.ROLES, self.subject, self.email, self.place, before, after)

    @property
    def cell(self) -> str:
        """What a request about several names it by; an environment's address stays when its name is changed."""
        return f"{self.email} in {self.place.slug if self.place else 'the organization'}"


class TeamGain(NamedTuple):
    """That a team may issue, or that somebody leads it: what is said of whom, before and after."""

    label: str
    before: Mapping[str, str | None]
    after: Mapping[str, str | None]


def spend_for_role(
    scope: OrgScope, gain: Gain, now: datetime, *, covered: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Only what gives more takes an approval: to take a role away must never wait.

    `covered`: what was spent for several at once, this one among them."""
    spent: dict[str, Any] = {}
    if gain.more:
        spent = spend(scope, gain.change, now) if covered is None else dict(covered)
    overtake(scope, gain.subject, gain.place, [Act.ROLES], now)
    _overtake_sets(scope.organization, gain.email, gain.cell, now)
    return spent


SEVERAL = "member:several"
NAMED = 3
"""People whom a request about several roles names; the values name them all."""


def spend_for_roles(scope: OrgScope, gains: Iterable[Gain], now: datetime) -> dict[str, Any] | None:
    """One permit for exactly these roles, where more than one of them would wait. None: each is asked about alone."""
    taking = [
        gain for gain in gains if gain.more and needed(scope.organization, Act.ROLES, gain.place)
    ]
    if sum(1 for gain in taking if usable(scope, gain.change, now) is None) < 2:
        return None
    places = {gain.place for gain in taking}
    place = places.pop() if len(places) == 1 else None
    people = sorted({gain.email for gain in taking})
    more = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    before = {gain.cell: gain.before for gain in taking}
    after = {gain.cell: gain.after for gain in taking}
    label = f"{', '.join(people[:NAMED])}{more}"
    # Of several places: as many approvals as the strictest environment asks, as for a role of the organization.
    return spend(scope, Change(Act.ROLES, SEVERAL, label[:254], place, before, after), now)


def _overtake_sets(organization: Organization, email: str, cell: str | None, now: datetime) -> None:
    """Requests about several roles, of which this one is no longer what it was; None: all of this person."""
    sets = organization.permits.open(now).filter(subject=SEVERAL)
    changed = [
        permit.pk
        for permit in sets
        if cell in permit.before
        or (cell is None and any(name.startswith(f"{email} in ") for name in permit.before))
    ]
    organization.permits.filter(pk__in=changed).update(overtaken_at=now)


def spend_for_team(
    scope: OrgScope, team: Team, place: Environment, what: TeamGain, now: datetime
) -> dict[str, Any]:
    """What a team may do in a place, or who leads it there, counts as a role (design part 3, footnote 3)."""
    subject = f"team:{team.slug}"
    change = Change(Act.ROLES, subject, what.label, place, what.before, what.after)
    spent = spend(scope, change, now)
    overtake(scope, subject, place, [Act.ROLES], now)
    return spent


def let_fall(member: Member, now: datetime) -> int:
    """Who leaves has asked for nothing. What they have approved stops counting by itself (`Decision.approvals`)."""
    own = member.organization.permits.open(now).filter(asked_by=member.user_id)
    asked = own.update(withdrawn_at=now)
    about = member.organization.permits.open(now).filter(subject=f"member:{member.pk}")
    about.update(overtaken_at=now)
    _overtake_sets(member.organization, member.user.email, None, now)
    return asked
