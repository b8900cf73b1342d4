"""What people effectively may do, and where each right comes from: role, team, place. Read from `policy`, told in words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from environments.models import Environment, Member, Organization
from environments.policy import (
    GRANTS,
    ORGANIZATION_GRANTS,
    SENTENCES,
    Action,
    EnvironmentRole,
    OrgAction,
    TeamRole,
    team_grants,
)

type Right = OrgAction | Action
type Sources = Mapping[Right, list[str]]


@dataclass(frozen=True, slots=True)
class Reach:
    """One person's rights in one place (None: on the organization itself)."""

    place: Environment | None
    sources: Sources

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """(what they may do, from where), in the order of the table of rights."""
        return [
            (words, ", ".join(self.sources[right]))
            for right, words in SENTENCES.items()
            if right in self.sources
        ]


def with_roles(members: QuerySet[Member]) -> QuerySet[Member]:
    """Members with all that `reaches` reads, in a fixed number of statements."""
    return members.select_related("user").prefetch_related(
        "environment_grants", "team_memberships__team__issues_in"
    )


def owning(organization: Organization) -> frozenset[tuple[int, int]]:
    """(team, environment) wherever a team has living keys."""
    pairs = organization.teams.filter(keys__deleted_at=None).exclude(keys=None)
    return frozenset(pairs.values_list("pk", "keys__environment"))


def reaches(
    member: Member, places: Iterable[Environment], owned: frozenset[tuple[int, int]]
) -> list[Reach]:
    """Everything that one person may do; places where they hold nothing are left out."""
    role = member.organization_role
    on_it: Sources = {right: [role.value] for right in ORGANIZATION_GRANTS[role]}
    inside = [Reach(place, _sources(member, place, owned)) for place in places]
    return [Reach(None, on_it), *(reach for reach in inside if reach.sources)]


def _sources(member: Member, place: Environment, owned: frozenset[tuple[int, int]]) -> Sources:
    found: dict[Right, list[str]] = defaultdict(list)
    for grant in member.environment_grants.all():
        if grant.environment_id == place.pk:
            _add(found, GRANTS[EnvironmentRole(grant.role)], grant.role)
    for held in member.team_memberships.all():
        if held.team.archived_at:
            continue
        issues = place in held.team.issues_in.all()
        if issues or (held.team_id, place.pk) in owned:
            granted = team_grants(TeamRole(held.role), may_issue=issues)
            _add(found, granted, f"{held.role} of {held.team.name}, for its keys")
    return found


def _add(found: dict[Right, list[str]], granted: Iterable[Action], source: str) -> None:
    for right in granted:
        found[right].append(source)


def who_can(
    organization: Organization, right: Right, place: Environment | None
) -> list[tuple[Member, str]]:
    """Everybody who holds a right in a place, and why."""
    members = with_roles(organization.members.order_by("user__name", "user__email"))
    owned = owning(organization)
    standing = (
        (member, reach)
        for member in members
        for reach in reaches(member, [place] if place else [], owned)
    )
    return [
        (member, ", ".join(reach.sources[right]))
        for member, reach in standing
        if reach.place == place and right in reach.sources
    ]
