"""The selects of roles: one for each person and place, each with the role that was seen when it was drawn."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import BadRequest
from django.http import QueryDict

from environments.access import OrgScope
from environments.forms import NO_ROLE
from environments.models import Environment, Member
from environments.policy import EnvironmentRole, OrgAction, OrganizationRole
from environments.services.role_changes import Wanted
from environments.services.roles import may_reach

ORGANIZATION = "@"
"""Stands where an environment's address would: no address holds it."""
MOST_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Cell:
    member: Member
    place: Environment | None
    held: str
    changeable: bool

    @property
    def name(self) -> str:
        return f"{self.member.pk}-{self.place.slug if self.place else ORGANIZATION}"

    @property
    def label(self) -> str:
        return f"{self.place.name if self.place else 'Organization'} role"

    @property
    def where(self) -> str:
        return self.place.name if self.place else "Organization"

    @property
    def word(self) -> str:
        return self.held.capitalize() or "–"

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """(value, words, whether it is held)."""
        kinds = EnvironmentRole if self.place else OrganizationRole
        named = [(role.value, role.value.capitalize()) for role in kinds]
        if self.place:
            named.insert(0, (NO_ROLE, "No role"))
        return [(value, words, value == (self.held or NO_ROLE)) for value, words in named]


def cells(scope: OrgScope, member: Member, places: Iterable[Environment]) -> list[Cell]:
    """One person's roles, organization first."""
    inside = may_reach(scope, member, OrgAction.MANAGE_ENVIRONMENT_ROLES)
    held = {grant.environment_id: grant.role for grant in member.environment_grants.all()}
    on_it = Cell(member, None, member.role, may_reach(scope, member, OrgAction.MANAGE_ROLES))
    return [on_it, *(Cell(member, place, held.get(place.pk, ""), inside) for place in places)]


def read(posted: QueryDict) -> list[Wanted]:
    """The cells that the person changed: `role-<member>-<place>` beside `was-<member>-<place>`."""
    found = []
    for name in posted:
        if not name.startswith("role-"):
            continue
        cell = name.removeprefix("role-")
        member, _, place = cell.partition("-")
        role, was = posted.get(name, ""), posted.get(f"was-{cell}", "")
        if role != was:
            found.append(_wanted(member, "" if place == ORGANIZATION else place, was, role))
    return found


def _wanted(member: str, place: str, was: str, role: str) -> Wanted:
    known = [kind.value for kind in (EnvironmentRole if place else OrganizationRole)]
    if place:
        known.append(NO_ROLE)
    number = member.isascii() and member.isdigit() and len(member) <= MOST_DIGITS
    if not number or role not in known or was not in known or "\x00" in place:
        raise BadRequest("These are no roles.")
    return Wanted(int(member), place, *("" if r == NO_ROLE else r for r in (was, role)))
