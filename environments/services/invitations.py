"""One-time links: for a person into an organization, and for the first person into the installation.

The link's token is kept as a hash and works once; nobody can hand out more than they hold.
"""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import OrgScope, Refused
from environments.events import Event
from environments.models import Invitation, Member, User
from environments.origin import Origin
from environments.policy import OrgAction, OrganizationRole, grantable

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


@transaction.atomic
def invite(scope: OrgScope, *, email: str, role: OrganizationRole) -> tuple[Invitation, str]:
    """Make a one-time link for an address; an earlier open one for the same address ends."""
    subject = f"invitation:{email}"
    scope.require(OrgAction.INVITE, subject)
    if role not in grantable(scope.role):
        raise Refused(OrgAction.MANAGE_ROLES, subject)
    email = email.strip().lower()
    if scope.organization.members.filter(user__email=email).exists():
        raise AlreadyMember
    now = timezone.now()
    theirs = scope.organization.invitations.open(now).filter(email=email)
    theirs.update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organization=scope.organization,
        email=email,
        role=role,
        token_hash=_hash(token),
        made_by=scope.actor,
        made_at=now,
        expires_at=now + LINK_LIFE,
    )
    audit.record(
        scope, Event.INVITATION_MADE, f"invitation:{invitation.pk}", label=email, role=role
    )
    return invitation, token


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
        .select_related("organization", "made_by")
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
    audit.record(
        scope, Event.MEMBER_JOINED, f"member:{member.pk}", label=user.email, role=invitation.role
    )
    return member


@transaction.atomic
def sign_up_and_join(token: str, *, password: str, name: str, origin: Origin) -> User:
    """For a person without an account: make one for the very address of the link, and join."""
    invitation = find_invitation(token)
    if invitation.organization is None:
        raise LinkEnded
    if User.objects.filter(email=invitation.email).exists():
        raise HasAccount
    user = new_person(invitation.email, password, name=name)
    join(user, token, origin)
    return user


def new_person(email: str, password: str, *, name: str) -> User:
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
