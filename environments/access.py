"""A person standing in a place becomes one value, and every verb asks it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Subquery

from environments.models import (
    Environment,
    EnvironmentGrant,
    Member,
    Organization,
    Team,
    TeamMember,
    User,
)
from environments.origin import NOWHERE, Origin
from environments.policy import (
    GRANTS,
    NOTHING,
    ORGANIZATION_GRANTS,
    TEAM_GRANTS,
    WHILE_ARCHIVED,
    Action,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
    TeamRole,
    team_grants,
)


class Refused(PermissionDenied):
    """The person stands here but lacks the right: 403, and a line in the log."""

    def __init__(self, action: OrgAction | Action, subject: str = "") -> None:
        super().__init__(action)
        self.action = action
        self.subject = subject


class HasTeam(Protocol):
    @property
    def team_id(self) -> int | None: ...


def _words(
    actions: frozenset[Action] | frozenset[OrgAction], of: type[Action | OrgAction]
) -> dict[str, bool]:
    return {action.name.lower(): action in actions for action in of}


@dataclass(frozen=True, slots=True)
class OrgScope:
    """A person standing in an organization, and all they may do to it."""

    actor: User
    organization: Organization
    member: Member
    leads: frozenset[int] = frozenset()
    origin: Origin = NOWHERE

    @property
    def role(self) -> OrganizationRole:
        return self.member.organization_role

    @property
    def actions(self) -> frozenset[OrgAction]:
        return ORGANIZATION_GRANTS[self.role]

    @property
    def can(self) -> dict[str, bool]:
        """For templates: `scope.can.invite`. It only hides; the verb refuses."""
        return _words(self.actions, OrgAction)

    @property
    def organization_id(self) -> int:
        return self.organization.pk

    @property
    def environment_slug(self) -> str:
        return ""

    def may(self, action: OrgAction) -> bool:
        return action in self.actions

    def require(self, action: OrgAction, subject: str = "") -> None:
        if not self.may(action):
            raise Refused(action, subject)

    def may_appoint(self, team: Team) -> bool:
        """A lead appoints members of the own team, not leads."""
        return self.may(OrgAction.MANAGE_TEAMS) or team.pk in self.leads


@dataclass(frozen=True, slots=True)
class Scope:
    """A person standing in one environment, and all they may do there."""

    actor: User
    environment: Environment
    actions: frozenset[Action]
    team_actions: Mapping[int, frozenset[Action]] = field(default_factory=dict)
    role: EnvironmentRole | None = None
    origin: Origin = NOWHERE

    @property
    def organization(self) -> Organization:
        return self.environment.organization

    @property
    def organization_id(self) -> int:
        return self.environment.organization_id

    @property
    def environment_slug(self) -> str:
        return self.environment.slug

    def actions_on(self, key: HasTeam) -> frozenset[Action]:
        return self.actions | self.team_actions.get(key.team_id or 0, NOTHING)

    def may(self, action: Action, key: HasTeam | None = None) -> bool:
        return action in (self.actions_on(key) if key else self.actions)

    def may_somewhere(self, action: Action) -> bool:
        return any(action in some for some in (self.actions, *self.team_actions.values()))

    def require_somewhere(self, action: Action) -> None:
        """What a page asks at its door; the verb asks again for the very key."""
        if not self.may_somewhere(action):
            raise Refused(action)

    def require(self, action: Action, key: HasTeam | None = None, subject: str = "") -> None:
        if not self.may(action, key):
            raise Refused(action, subject)

    def teams_granting(self, action: Action) -> frozenset[int]:
        return frozenset(team for team, theirs in self.team_actions.items() if action in theirs)

    @property
    def can(self) -> dict[str, bool]:
        """For templates: may the person do this to some key here."""
        return {action.name.lower(): self.may_somewhere(action) for action in Action}

    def can_on(self, key: HasTeam) -> dict[str, bool]:
        """For templates: may the person do this to this key."""
        return _words(self.actions_on(key), Action)


def enter_organization(user: User, organization: str, origin: Origin = NOWHERE) -> OrgScope | None:
    """None for a stranger, whether the place exists or not."""
    member = (
        Member.objects.select_related("organization__deletion", "user")
        .filter(user=user, organization__slug=organization, organization__deletion__begun_at=None)
        .first()
    )
    if member is None:
        return None
    held = TeamMember.objects.filter(member=member, role=TeamRole.LEAD, team__archived_at=None)
    leads = frozenset(held.values_list("team_id", flat=True))
    return OrgScope(user, member.organization, member, leads, origin)


def enter(
    user: User, organization: str, environment: str, origin: Origin = NOWHERE
) -> Scope | None:
    """None where the person holds nothing, whether the place exists or not."""
    grants = EnvironmentGrant.objects.filter(environment=OuterRef("pk"), member__user=user)
    place = (
        Environment.objects.filter(
            organization__slug=organization,
            slug=environment,
            organization__members__user=user,
            organization__deletion__begun_at=None,
        )
        .select_related("organization__deletion")
        .annotate(role_here=Subquery(grants.values("role")))
        .first()
    )
    if place is None:
        return None
    here: str | None = place.role_here  # type: ignore[attr-defined]  # annotated above
    teams = _teams_of(user, place)
    # Asked in full only of the few whom neither a role nor an issuing team lets in: their team may own keys here.
    stands = here or any(issues for _, issues in teams.values())
    if not stands and not Environment.objects.visible_to(user).filter(pk=place.pk).exists():
        return None
    held = EnvironmentRole(here) if here else None
    left = WHILE_ARCHIVED if place.archived_at else frozenset(Action)
    return Scope(
        actor=user,
        environment=place,
        actions=(GRANTS[held] if held else NOTHING) & left,
        team_actions={
            team: team_grants(role, may_issue=issues) & left
            for team, (role, issues) in teams.items()
        },
        role=held,
        origin=origin,
    )


def _teams_of(user: User, place: Environment) -> dict[int, tuple[TeamRole, bool]]:
    """The person's teams in the organization that are not archived: the role in each, and whether it may issue here."""
    issuing = Team.issues_in.through.objects.filter(environment=place, team=OuterRef("team"))
    memberships = (
        TeamMember.objects.filter(
            member__user=user, team__organization=place.organization_id, team__archived_at=None
        )
        .annotate(issues=Exists(issuing))
        .values_list("team_id", "role", "issues")
    )
    return {team: (TeamRole(role), issues) for team, role, issues in memberships}


def actions_anywhere(scope: OrgScope) -> frozenset[Action]:
    """What the person may do to some key of some environment here: what pages about all of them offer."""
    roles = EnvironmentGrant.objects.filter(member=scope.member).values_list("role", flat=True)
    held = [GRANTS[EnvironmentRole(role)] for role in roles]
    led = TeamMember.objects.filter(member=scope.member, team__archived_at=None)
    teams = led.values_list("role", flat=True)
    return NOTHING.union(*held, *(TEAM_GRANTS[TeamRole(role)] for role in teams))
