"""People's verbs on members and what they hold."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments import approvals, audit, notices
from environments.access import OrgScope, Refused
from environments.approvals import Gain
from environments.events import Event
from environments.models import Member, Organization, Topic, User
from environments.policy import EnvironmentRole, OrgAction, OrganizationRole
from environments.services.invitations import void_those_of


class LastOwner(Exception):
    """An organization keeps at least one owner."""

    WORDS = "This is the only owner with a password or passkey of their own. Make somebody else an owner first."


def within_reach(scope: OrgScope, member: Member, action: OrgAction) -> None:
    """An admin never touches an owner, nor the own roles (design part 3, footnote 2)."""
    scope.require(action, f"member:{member.pk}")
    if scope.role is OrganizationRole.OWNER:
        return
    if member.pk == scope.member.pk or member.organization_role is OrganizationRole.OWNER:
        raise Refused(action, f"member:{member.pk}")


def may_reach(scope: OrgScope, member: Member, action: OrgAction) -> bool:
    """The same question for a page that shows or hides a form."""
    try:
        within_reach(scope, member, action)
    except Refused:
        return False
    return True


def _locked(scope: OrgScope, member: int) -> Member:
    return (
        scope.organization.members.select_related("user")
        .select_for_update(of=("self",))
        .get(pk=member)
    )


@transaction.atomic
def set_environment_role(
    scope: OrgScope,
    member_id: int,
    environment: str,
    role: EnvironmentRole | None,
    *,
    reason: str = "",
    covered: Mapping[str, Any] | None = None,
) -> bool:
    """Give or take one person's role in one environment; false when nothing changed."""
    member = _locked(scope, member_id)
    within_reach(scope, member, OrgAction.MANAGE_ENVIRONMENT_ROLES)
    place = scope.organization.environments.current().get(slug=environment)
    held = member.environment_grants.filter(environment=place).first()
    before = held.role if held else None
    if before == role:
        return False
    gain = Gain(
        f"member:{member.pk}",
        member.user.email,
        place,
        EnvironmentRole(before) if before else None,
        role,
    )
    spent = approvals.spend_for_role(scope, gain, timezone.now(), covered=covered)
    if role is None:
        member.environment_grants.filter(environment=place).delete()
    else:
        member.environment_grants.update_or_create(environment=place, defaults={"role": role})
    audit.record(
        scope,
        Event.ENVIRONMENT_ROLE_CHANGED,
        f"member:{member.pk}",
        label=member.user.email,
        environment=place.slug,
        before={"role": before},
        after={"role": role},
        reason=reason,
        **spent,
    )
    return True


@transaction.atomic
def set_organization_role(
    scope: OrgScope,
    member_id: int,
    role: OrganizationRole,
    *,
    reason: str = "",
    covered: Mapping[str, Any] | None = None,
) -> bool:
    hold_owners(scope)
    member = _locked(scope, member_id)
    within_reach(scope, member, OrgAction.MANAGE_ROLES)
    before = member.organization_role
    if before is role:
        return False
    if before is OrganizationRole.OWNER:
        _keep_an_owner(scope, member)
    gain = Gain(f"member:{member.pk}", member.user.email, None, before, role)
    spent = approvals.spend_for_role(scope, gain, timezone.now(), covered=covered)
    member.role = role
    member.save(update_fields=["role"])
    void_those_of(scope, member.user, role)
    if role is OrganizationRole.OWNER:
        _tell_owners(scope, member)
    audit.record(
        scope,
        Event.ORGANIZATION_ROLE_CHANGED,
        f"member:{member.pk}",
        label=member.user.email,
        before={"role": before},
        after={"role": role},
        reason=reason,
        **spent,
    )
    return True


@transaction.atomic
def remove_member(scope: OrgScope, member_id: int) -> None:
    """End a membership with every role in it; the keys they made stay."""
    hold_owners(scope)
    member = _locked(scope, member_id)
    within_reach(scope, member, OrgAction.INVITE)
    if member.organization_role is OrganizationRole.OWNER:
        _keep_an_owner(scope, member)
    subject, label = f"member:{member.pk}", member.user.email
    approvals.let_fall(member, timezone.now())
    member.delete()
    void_those_of(scope, member.user, None)
    _end_sessions(member.user)
    audit.record(scope, Event.MEMBER_REMOVED, subject, label=label)


def _end_sessions(user: User) -> None:
    """Who belongs nowhere any more is signed out everywhere; elsewhere they stay signed in, and find nothing here."""
    if not user.memberships.exists():
        user.sessions.all().delete()


def hold_owners(scope: OrgScope) -> None:
    """Of two owners who go at once the second sees that the first has gone, and stays.

    One lock for all of them, before that of any member: who held the own row and waited for the other's, waited for ever."""
    own = Organization.objects.visible_to(scope.actor)
    own.select_for_update(of=("self",), no_key=True).get(pk=scope.organization_id)


def _keep_an_owner(scope: OrgScope, leaving: Member) -> None:
    """One who comes by single sign-on alone does not count: a fault of the provider would lock everybody out."""
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER)
    others = owners.exclude(pk=leaving.pk).select_related("user")
    if not any(owner.user.has_own_way() for owner in others):
        raise LastOwner


def _tell_owners(scope: OrgScope, member: Member) -> None:
    """A new owner can do everything: those who were owners before hear of it at once."""
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER).exclude(pk=member.pk)
    news = notices.News(
        organization_id=scope.organization_id,
        once=f"owner:{member.pk}:{timezone.now():%Y-%m-%dT%H:%M:%S.%f}",
        title=f"{member.user} is now an owner",
        text=f"{scope.actor} made {member.user} ({member.user.email}) an owner of {scope.organization}.",
        path=f"/o/{scope.organization.slug}/members/{member.pk}/",
        topic=Topic.SECURITY,
    )
    notices.tell([owner.user for owner in owners.select_related("user")], news)
