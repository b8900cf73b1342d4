"""WHO MAY DO WHAT: the only page that says it. The code, the tests and the screens read these constants.

Organization role and environment role are independent; neither implies the other. What a person may do to a
key is the union of what their environment role and their team role give (design part 3).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class OrganizationRole(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"


class EnvironmentRole(StrEnum):
    VIEWER = "viewer"
    SUPPORT = "support"
    ENGINEER = "engineer"


class TeamRole(StrEnum):
    MEMBER = "member"
    LEAD = "lead"


class OrgAction(StrEnum):
    VIEW = "organization:view"
    EDIT = "organization:edit"
    DELETE = "organization:delete"
    VIEW_ROLES = "roles:view"
    MANAGE_ROLES = "roles:manage"
    MANAGE_SIGN_ON = "sign-on:manage"
    INVITE = "members:invite"
    MANAGE_ENVIRONMENT_ROLES = "environment-roles:manage"
    MANAGE_TEAMS = "teams:manage"
    READ_LOG = "log:read"
    APPROVE = "approvals:decide"
    ASK_ACCESS = "access:ask"


class Action(StrEnum):
    VIEW = "key:view"
    TEST = "key:test"
    CREATE = "key:create"
    ROTATE = "key:rotate"
    EDIT = "key:edit"
    DISABLE = "key:disable"
    REVOKE = "key:revoke"
    MOVE = "key:move"
    DELETE = "key:delete"
    ADD_ENDPOINT = "endpoint:add"
    APPROVE = "key:approve"
    READ_LOG = "key:log"


class Act(StrEnum):
    """What an environment's policy may ask approvals for."""

    CREATE = "create"
    ROTATE = "rotate"
    DELETE = "delete"
    ROLES = "roles"
    POLICY = "policy"


_ORG_MEMBER = frozenset({OrgAction.VIEW, OrgAction.ASK_ACCESS})
_ORG_ADMIN = _ORG_MEMBER | {
    OrgAction.VIEW_ROLES,
    OrgAction.INVITE,
    OrgAction.MANAGE_ENVIRONMENT_ROLES,
    OrgAction.MANAGE_TEAMS,
}
_ORG_OWNER = _ORG_ADMIN | {
    OrgAction.EDIT,
    OrgAction.DELETE,
    OrgAction.MANAGE_ROLES,
    OrgAction.MANAGE_SIGN_ON,
    OrgAction.READ_LOG,
    OrgAction.APPROVE,
}

_VIEWER = frozenset({Action.VIEW})
_SUPPORT = _VIEWER | {Action.TEST, Action.READ_LOG}
_ENGINEER = _SUPPORT | {
    Action.CREATE,
    Action.ROTATE,
    Action.EDIT,
    Action.DISABLE,
    Action.REVOKE,
    Action.MOVE,
    Action.DELETE,
    Action.ADD_ENDPOINT,
    Action.APPROVE,
}

_TEAM_MEMBER = frozenset({Action.VIEW, Action.TEST, Action.READ_LOG})
_TEAM_LEAD = _TEAM_MEMBER | {
    Action.CREATE,
    Action.ROTATE,
    Action.EDIT,
    Action.DISABLE,
    Action.REVOKE,
}

ORGANIZATION_GRANTS: Mapping[OrganizationRole, frozenset[OrgAction]] = {
    OrganizationRole.MEMBER: _ORG_MEMBER,
    OrganizationRole.ADMIN: _ORG_ADMIN,
    OrganizationRole.OWNER: _ORG_OWNER,
}
GRANTS: Mapping[EnvironmentRole, frozenset[Action]] = {
    EnvironmentRole.VIEWER: _VIEWER,
    EnvironmentRole.SUPPORT: _SUPPORT,
    EnvironmentRole.ENGINEER: _ENGINEER,
}
TEAM_GRANTS: Mapping[TeamRole, frozenset[Action]] = {
    TeamRole.MEMBER: _TEAM_MEMBER,
    TeamRole.LEAD: _TEAM_LEAD,
}

ABOUT_KEYS: Mapping[Act, Action] = {
    Act.CREATE: Action.CREATE,
    Act.ROTATE: Action.ROTATE,
    Act.DELETE: Action.DELETE,
}
"""The acts on keys, and what asking for each takes. Whoever may approve keys decides these, owners decide the rest."""

KEY_APPROVERS = frozenset(role for role, held in GRANTS.items() if Action.APPROVE in held)
APPROVERS = frozenset(
    role for role, held in ORGANIZATION_GRANTS.items() if OrgAction.APPROVE in held
)
MOST_APPROVALS = 5

NEEDS_ISSUING = frozenset({Action.CREATE, Action.ROTATE})
"""What a team role gives only in the environments where the team may issue."""

WHILE_ARCHIVED = frozenset({Action.VIEW, Action.READ_LOG})
"""What is left of anybody's rights in an environment that was archived: its history stays readable."""

NOTHING: frozenset[Action] = frozenset()


def team_grants(role: TeamRole, *, may_issue: bool) -> frozenset[Action]:
    """What a team role gives for the own team's keys in an environment."""
    return TEAM_GRANTS[role] if may_issue else TEAM_GRANTS[role] - NEEDS_ISSUING


def grantable(role: OrganizationRole) -> Sequence[OrganizationRole]:
    """The organization roles this one may hand out: nobody gives more than they hold."""
    ranked = list(OrganizationRole)
    may = OrgAction.INVITE in ORGANIZATION_GRANTS[role]
    return ranked[: ranked.index(role) + 1] if may else []


SENTENCES: Mapping[OrgAction | Action, str] = {
    OrgAction.VIEW: "View the organization, names of people and teams",
    OrgAction.EDIT: "Edit profile, environments, policies and webhooks",
    OrgAction.DELETE: "Delete the organization",
    OrgAction.VIEW_ROLES: "View organization roles",
    OrgAction.MANAGE_ROLES: "Manage organization roles",
    OrgAction.MANAGE_SIGN_ON: "Manage sign-on",
    OrgAction.INVITE: "Invite and remove members",
    OrgAction.MANAGE_ENVIRONMENT_ROLES: "Manage environment roles",
    OrgAction.MANAGE_TEAMS: "Manage teams",
    OrgAction.READ_LOG: "Read and export the whole audit log",
    OrgAction.APPROVE: "Approve what is not about keys; break glass",
    OrgAction.ASK_ACCESS: "Ask for access",
    Action.VIEW: "View keys, tests and usage",
    Action.TEST: "Test keys",
    Action.CREATE: "Create keys",
    Action.ROTATE: "Rotate secrets",
    Action.EDIT: "Edit name, note, expiry and doors",
    Action.DISABLE: "Disable and enable keys",
    Action.REVOKE: "Revoke a proof, report a leak",
    Action.MOVE: "Move keys to another team",
    Action.DELETE: "Delete keys",
    Action.ADD_ENDPOINT: "Add a token endpoint",
    Action.APPROVE: "Approve what is about keys",
    Action.READ_LOG: "Read the environment's audit log",
}
"""Each action in words, in the order of the table that screens show."""
