"""One-time links: for a person into an organization, and for the first person into the installation.

The link's token is kept as a hash and works once; nobody can hand out more than they hold.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import OrgScope, Refused
from environments.approvals import Gain
from environments.events import Event
from environments.models import EnvironmentGrant, Invitation, Member, Team, TeamMember, User
from environments.origin import Origin
from environments.policy import EnvironmentRole, OrgAction, OrganizationRole, TeamRole, grantable
from environments.services.teams import spend_for_lead

LINK_LIFE = timedelta(days=7)
SETUP_LIFE = timedelta(days=1)


class LinkEnded(Exception):
    """Used, withdrawn, run out, or never made: one answer for all."""


class WrongPerson(Exception):
    """The link was made for another address."""


class AlreadyMember(Exception):
    """The person is in the organization already; the link stays unspent."""


class HasAccount(Exception):
    """Somebody signs in with this address: a link never makes or changes their password."""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Welcome:
    """What an invitation gives: a role here, roles in environments (by their address), a place in a team."""

    role: OrganizationRole = OrganizationRole.MEMBER
    environment_roles: Mapping[str, EnvironmentRole] = field(default_factory=dict)
    team: Team | None = None
    team_role: TeamRole = TeamRole.MEMBER
    note: str = ""

    @classmethod
    def of(cls, invitation: Invitation) -> "Welcome":
        """As an earlier one had it, for a new link to the same person."""
        roles = {slug: EnvironmentRole(role) for slug, role in invitation.environment_roles.items()}
        return cls(
            OrganizationRole(invitation.role),
            roles,
            invitation.team,
            TeamRole(invitation.team_role or TeamRole.MEMBER),
            invitation.note,
        )


def _may_give(scope: OrgScope, welcome: Welcome, subject: str) -> None:
    """Nobody hands out more than they could give to a member."""
    scope.require(OrgAction.INVITE, subject)
    if welcome.role not in grantable(scope.role):
        raise Refused(OrgAction.MANAGE_ROLES, subject)
    if welcome.environment_roles:
        scope.require(OrgAction.MANAGE_ENVIRONMENT_ROLES, subject)
    if welcome.team:
        scope.require(OrgAction.MANAGE_TEAMS, subject)


@transaction.atomic
def invite(scope: OrgScope, *, email: str, welcome: Welcome) -> tuple[Invitation, str]:
    """Make a one-time link for an address; an earlier open one for the same address ends."""
    email = email.strip().lower()
    _may_give(scope, welcome, f"invitation:{email}")
    if scope.organization.members.filter(user__email=email).exists():
        raise AlreadyMember
    now = timezone.now()
    theirs = scope.organization.invitations.open(now).filter(email=email)
    theirs.update(revoked_at=now)
    spent = _spend_for(scope, email, welcome, now)
    token = secrets.token_urlsafe(32)
    team = scope.organization.teams.current().get(pk=welcome.team.pk) if welcome.team else None
    invitation = Invitation.objects.create(
        organization=scope.organization,
        email=email,
        role=welcome.role,
        environment_roles=dict(welcome.environment_roles),
        team=team,
        team_role=welcome.team_role if team else "",
        note=welcome.note,
        token_hash=_hash(token),
        made_by=scope.actor,
        made_at=now,
        expires_at=now + LINK_LIFE,
    )
    audit.record(
        scope,
        Event.INVITATION_MADE,
        f"invitation:{invitation.pk}",
        label=email,
        role=welcome.role,
        environment_roles=dict(welcome.environment_roles),
        team=team.slug if team else "",
        **spent,
    )
    return invitation, token


def _spend_for(scope: OrgScope, email: str, welcome: Welcome, now: datetime) -> dict[str, Any]:
    """A role that a link gives takes the approvals that it would take to give it to a member."""
    subject = f"invitation:{email}"
    spent: dict[str, Any] = {}
    for place in scope.organization.environments.current().filter(
        slug__in=welcome.environment_roles
    ):
        gain = Gain(subject, email, place, None, welcome.environment_roles[place.slug])
        spent |= approvals.spend_for_role(scope, gain, now)
    if welcome.team and welcome.team_role is TeamRole.LEAD:
        spent |= spend_for_lead(scope, welcome.team, email, None)
    gain = Gain(subject, email, None, OrganizationRole.MEMBER, welcome.role)
    return spent | approvals.spend_for_role(scope, gain, now)


@transaction.atomic
def invite_all(
    scope: OrgScope, *, emails: Sequence[str], welcome: Welcome
) -> list[tuple[Invitation, str]]:
    """A link for each address, or for none."""
    return [invite(scope, email=email, welcome=welcome) for email in emails]


@transaction.atomic
def invite_again(scope: OrgScope, pk: int) -> tuple[Invitation, str]:
    """A new link that gives the same; the former is void. Not for one that was taken."""
    scope.require(OrgAction.INVITE, f"invitation:{pk}")
    earlier = scope.organization.invitations.select_related("team").get(pk=pk, used_at=None)
    return invite(scope, email=earlier.email, welcome=Welcome.of(earlier))


def void_those_of(scope: OrgScope, maker: User, role: OrganizationRole | None) -> None:
    """Links made by somebody who has left (None), or could no longer make them, give nothing any more."""
    now = timezone.now()
    able = [each.value for each in grantable(role)] if role else []
    theirs = scope.organization.invitations.open(now).filter(made_by=maker).exclude(role__in=able)
    for invitation in theirs.select_for_update(of=("self",)):
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
        subject = f"invitation:{invitation.pk}"
        audit.record(scope, Event.INVITATION_REVOKED, subject, label=invitation.email)


@transaction.atomic
def revoke_invitation(scope: OrgScope, pk: int) -> None:
    scope.require(OrgAction.INVITE, f"invitation:{pk}")
    now = timezone.now()
    mine = scope.organization.invitations.open(now)
    invitation = mine.select_for_update(of=("self",)).get(pk=pk)
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    audit.record(scope, Event.INVITATION_REVOKED, f"invitation:{pk}", label=invitation.email)


def find_invitation(token: str) -> Invitation:
    """The open link with this token; the set-up link has no organization."""
    found = (
        Invitation.objects.open(timezone.now())
        .select_related("organization", "made_by", "team")
        .filter(token_hash=_hash(token))
        .first()
    )
    if found is None:
        raise LinkEnded
    return found


@transaction.atomic
def join(user: User, token: str, origin: Origin) -> Member:
    """Spend the link: the person it was made for becomes a member, with the role it names."""
    invitation = _spend(token)
    if invitation.organization is None:
        raise LinkEnded
    if invitation.email != user.email:
        raise WrongPerson
    member, new = invitation.organization.members.get_or_create(
        user=user, defaults={"role": invitation.role}
    )
    if not new:
        raise AlreadyMember
    scope = OrgScope(user, invitation.organization, member, origin=origin)
    given = _give(member, invitation)
    audit.record(
        scope,
        Event.MEMBER_JOINED,
        f"member:{member.pk}",
        label=user.email,
        role=invitation.role,
        given=given,
    )
    return member


def _give(member: Member, invitation: Invitation) -> dict[str, Any]:
    """The roles that the link names, as far as their places are still there; for the log."""
    places = member.organization.environments.current().filter(
        slug__in=invitation.environment_roles
    )
    roles = {place: invitation.environment_roles[place.slug] for place in places}
    EnvironmentGrant.objects.bulk_create(
        EnvironmentGrant(member=member, environment=place, role=role)
        for place, role in roles.items()
    )
    team = invitation.team
    if team:
        TeamMember.objects.create(team=team, member=member, role=invitation.team_role)
    return {
        "environment_roles": {place.slug: role for place, role in roles.items()},
        "team": team.slug if team else "",
        "invited_by": invitation.made_by.email if invitation.made_by else "",
    }


@transaction.atomic
def sign_up_and_join(token: str, *, password: str | None, name: str, origin: Origin) -> User:
    """For a person without an account: make one for the very address of the link, and join."""
    invitation = find_invitation(token)
    if invitation.organization is None:
        raise LinkEnded
    if User.objects.filter(email=invitation.email).exists():
        raise HasAccount
    user = new_person(invitation.email, password, name=name)
    join(user, token, origin)
    return user


def new_person(email: str, password: str | None, *, name: str) -> User:
    """A user who can sign in at once: allauth wants the address noted as verified."""
    user = User.objects.create_user(email, password, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _spend(token: str) -> Invitation:
    """One UPDATE that must change one row: two who race for a link cannot both have it."""
    invitation = find_invitation(token)
    now = timezone.now()
    if not Invitation.objects.open(now).filter(pk=invitation.pk).update(used_at=now):
        raise LinkEnded
    return invitation


@transaction.atomic
def make_setup_link() -> str | None:
    """A token for the first person of a new installation, or None once there is a person; the former ends."""
    if User.objects.exists():
        return None
    now = timezone.now()
    Invitation.objects.open(now).filter(organization=None).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    Invitation.objects.create(token_hash=_hash(token), made_at=now, expires_at=now + SETUP_LIFE)
    audit.record(audit.Installation(), Event.SETUP_LINK_MADE, "installation")
    return token


@transaction.atomic
def set_up(token: str, *, email: str, password: str, name: str, origin: Origin) -> User:
    """Make the first person; works once, and only while nobody is there."""
    invitation = _spend(token)
    if invitation.organization is not None or User.objects.exists():
        raise LinkEnded
    user = new_person(email, password, name=name)
    audit.record(
        audit.Installation(user, origin), Event.SETUP_DONE, f"user:{user.pk}", label=user.email
    )
    return user
