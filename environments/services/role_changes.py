"""People's verb on several roles at once: looked over first, then done all or not at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments import approvals
from environments.access import OrgScope
from environments.approvals import Gain
from environments.models import Environment, Member
from environments.policy import (
    GRANTS,
    NOTHING,
    ORGANIZATION_GRANTS,
    SENTENCES,
    Action,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
)
from environments.services import roles


class ChangedMeanwhile(Exception):
    """Somebody else set one of these roles after the page was drawn."""


class ReasonMissing(Exception):
    """A change in production is explained."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One role that shall change; `place` is an environment's address, empty for the organization."""

    member: int
    place: str
    was: str
    """The role that the person saw when they chose; empty: none."""
    role: str


@dataclass(frozen=True, slots=True)
class Change:
    """What it means: rights gained, lost and kept."""

    wanted: Wanted
    member: Member
    place: Environment | None
    held: str

    @property
    def stale(self) -> bool:
        return self.held != self.wanted.was

    @property
    def gained(self) -> list[str]:
        return _said(_granted(self.place, self.wanted.role) - _granted(self.place, self.held))

    @property
    def lost(self) -> list[str]:
        return _said(_granted(self.place, self.held) - _granted(self.place, self.wanted.role))

    @property
    def kept(self) -> list[str]:
        return _said(_granted(self.place, self.held) & _granted(self.place, self.wanted.role))

    @property
    def gain(self) -> Gain:
        before, after = _role(self.place, self.held), _role(self.place, self.wanted.role)
        return Gain(f"member:{self.member.pk}", self.member.user.email, self.place, before, after)

    @property
    def in_production(self) -> bool:
        return self.place is not None and self.place.production


def _role(place: Environment | None, role: str) -> EnvironmentRole | OrganizationRole | None:
    if not role:
        return None
    return EnvironmentRole(role) if place else OrganizationRole(role)


def _granted(place: Environment | None, role: str) -> frozenset[Action | OrgAction]:
    if not role:
        return NOTHING
    return GRANTS[EnvironmentRole(role)] if place else ORGANIZATION_GRANTS[OrganizationRole(role)]


def _said(rights: frozenset[Action | OrgAction]) -> list[str]:
    return [words for right, words in SENTENCES.items() if right in rights]


def look(scope: OrgScope, wanted: Iterable[Wanted]) -> list[Change]:
    """What would change, in the order asked for; refused if one of them is not for this person to change."""
    asked = list(wanted)
    members = {
        member.pk: member
        for member in scope.organization.members.select_related("user")
        .prefetch_related("environment_grants")
        .filter(pk__in={each.member for each in asked})
    }
    places = {place.slug: place for place in scope.organization.environments.current()}
    found = []
    for each in asked:
        if each.member not in members or (each.place and each.place not in places):
            raise Member.DoesNotExist
        member, place = members[each.member], places.get(each.place)
        action = OrgAction.MANAGE_ENVIRONMENT_ROLES if place else OrgAction.MANAGE_ROLES
        roles.within_reach(scope, member, action)
        held = _held(member, place)
        if held != each.role:
            found.append(Change(each, member, place, held))
    return found


def _held(member: Member, place: Environment | None) -> str:
    if place is None:
        return member.role
    held = [g.role for g in member.environment_grants.all() if g.environment_id == place.pk]
    return held[0] if held else ""


@transaction.atomic
def change_roles(scope: OrgScope, wanted: Iterable[Wanted], *, reason: str = "") -> int:
    """All of it or nothing; how many roles changed."""
    asked = list(wanted)
    if not all(each.place for each in asked):
        roles.hold_owners(scope)
    # Whoever changes one of these people too waits here, and then sees what was done.
    theirs = scope.organization.members.filter(pk__in={each.member for each in asked})
    list(theirs.order_by("pk").select_for_update())
    changes = look(scope, asked)
    if any(change.stale for change in changes):
        raise ChangedMeanwhile
    if not reason.strip() and any(change.in_production for change in changes):
        raise ReasonMissing
    covered = approvals.spend_for_roles(scope, [each.gain for each in changes], timezone.now())
    # First who becomes an owner, then who ceases to be one.
    for change in sorted(changes, key=lambda each: each.wanted.role != OrganizationRole.OWNER):
        _set(scope, change, reason, covered)
    return len(changes)


def _set(scope: OrgScope, change: Change, reason: str, covered: Mapping[str, Any] | None) -> None:
    member = change.member.pk
    role = _role(change.place, change.wanted.role)
    if change.place is not None:
        given = None if role is None else EnvironmentRole(role)
        roles.set_environment_role(
            scope, member, change.place.slug, given, reason=reason, covered=covered
        )
    elif role is not None:
        roles.set_organization_role(
            scope, member, OrganizationRole(role), reason=reason, covered=covered
        )
