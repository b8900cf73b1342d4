"""People's verbs on requests for access: ask for a role, grant it, decline it, withdraw it."""

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from environments import audit, notices
from environments.access import OrgScope, Refused
from environments.events import Event
from environments.models import AccessRequest, Environment, Member, Topic, User
from environments.notices import News
from environments.policy import (
    ORGANIZATION_GRANTS,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
)
from environments.services import roles

GIVERS = [
    role for role, held in ORGANIZATION_GRANTS.items() if OrgAction.MANAGE_ENVIRONMENT_ROLES in held
]


class Over(Exception):
    """Granted, declined or withdrawn already."""


class HeldAlready(Exception):
    """The person has this role, or one that holds more."""


@transaction.atomic
def ask_access(
    scope: OrgScope, *, environment: str, role: EnvironmentRole, reason: str
) -> AccessRequest:
    """One open request for each environment: asking again says what is wanted instead."""
    scope.require(OrgAction.ASK_ACCESS, f"environment:{environment}")
    place = scope.organization.environments.current().get(slug=environment)
    member = scope.organization.members.select_for_update(of=("self",)).get(pk=scope.member.pk)
    if _holds(member, place, role):
        raise HeldAlready
    asked = member.access_requests.open().filter(environment=place).first()
    if asked is not None and (asked.role, asked.reason) == (role, reason):
        return asked
    if asked is not None:
        asked.withdrawn_at = timezone.now()
        asked.save(update_fields=["withdrawn_at"])
    asked = AccessRequest.objects.create(
        organization=scope.organization, member=member, environment=place, role=role, reason=reason
    )
    title = f"{scope.actor} asks to be {role} in {place.name}"
    _tell(asked, _givers(scope), "asked", title, f"Why: {reason}")
    _record(scope, Event.ACCESS_ASKED, asked, reason=reason)
    return asked


@transaction.atomic
def grant_access(scope: OrgScope, pk: int) -> AccessRequest:
    """By the verb that gives roles, with all that it refuses; it may take an approval of others in turn."""
    asked = _to_decide(scope, pk)
    now = timezone.now()
    role = EnvironmentRole(asked.role)
    if _holds(asked.member, asked.environment, role):  # given meanwhile: this would take it away
        raise HeldAlready
    roles.set_environment_role(
        scope, asked.member_id, asked.environment.slug, role, reason=asked.reason
    )
    asked.granted_at, asked.decided_by = now, scope.actor
    asked.save(update_fields=["granted_at", "decided_by"])
    _tell(asked, [asked.member.user], "granted", f"You are {role} in {asked.environment.name} now", "", tone="ok")  # fmt: skip
    _record(scope, Event.ACCESS_GRANTED, asked)
    return asked


@transaction.atomic
def decline_access(scope: OrgScope, pk: int, why: str) -> AccessRequest:
    asked = _to_decide(scope, pk)
    asked.declined_at, asked.decided_by, asked.note = timezone.now(), scope.actor, why
    asked.save(update_fields=["declined_at", "decided_by", "note"])
    title = f"Not granted: {asked.words}"
    _tell(asked, [asked.member.user], "declined", title, f"{scope.actor}: {why}")
    _record(scope, Event.ACCESS_DECLINED, asked, reason=why)
    return asked


@transaction.atomic
def withdraw_access(scope: OrgScope, pk: int) -> AccessRequest:
    asked = _locked(scope, pk)
    if asked.member_id != scope.member.pk:
        raise Refused(OrgAction.ASK_ACCESS, f"access:{pk}")
    if asked.ended_at:
        raise Over
    asked.withdrawn_at = timezone.now()
    asked.save(update_fields=["withdrawn_at"])
    _record(scope, Event.ACCESS_WITHDRAWN, asked)
    return asked


def seen_by(scope: OrgScope) -> QuerySet[AccessRequest]:
    """The own ones; those who give roles see all."""
    every = scope.organization.access_requests.select_related(
        "member__user", "environment", "decided_by", "organization"
    )
    if scope.may(OrgAction.MANAGE_ENVIRONMENT_ROLES):
        return every
    return every.filter(member=scope.member)


def _locked(scope: OrgScope, pk: int) -> AccessRequest:
    return seen_by(scope).select_for_update(of=("self",)).get(pk=pk)


def _to_decide(scope: OrgScope, pk: int) -> AccessRequest:
    """Never the own one, and an admin none of an owner: as with every role (design part 3, footnote 2)."""
    scope.require(OrgAction.MANAGE_ENVIRONMENT_ROLES, f"access:{pk}")
    # The person's row before their request's: so takes them whoever removes the person, and their requests along.
    who = seen_by(scope).values_list("member", flat=True).get(pk=pk)
    scope.organization.members.select_for_update().get(pk=who)
    asked = _locked(scope, pk)
    refuse_who_may_not(scope, asked)
    if asked.ended_at:
        raise Over
    return asked


def refuse_who_may_not(scope: OrgScope, asked: AccessRequest) -> None:
    """Who cannot give the role, or asked for it."""
    roles.within_reach(scope, asked.member, OrgAction.MANAGE_ENVIRONMENT_ROLES)
    if asked.member_id == scope.member.pk:
        raise Refused(OrgAction.MANAGE_ENVIRONMENT_ROLES, f"access:{asked.pk}")


def _holds(member: Member, place: Environment, role: EnvironmentRole) -> bool:
    ranks = list(EnvironmentRole)
    held = member.environment_grants.filter(environment=place).first()
    return held is not None and ranks.index(EnvironmentRole(held.role)) >= ranks.index(role)


def _givers(scope: OrgScope) -> list[User]:
    """Who may give it: of an owner's request the other owners."""
    able = [OrganizationRole.OWNER] if scope.role is OrganizationRole.OWNER else GIVERS
    members = scope.organization.members.filter(role__in=able, user__is_active=True)
    return [each.user for each in members.exclude(pk=scope.member.pk).select_related("user")]


def _tell(
    asked: AccessRequest,
    people: list[User],
    once: str,
    title: str,
    text: str,
    *,
    tone: str = "warn",
) -> None:
    news = News(
        organization_id=asked.organization_id,
        once=f"access:{asked.pk}:{once}",
        title=title,
        text=text,
        path=reverse("environments:access_request", args=[asked.organization.slug, asked.pk]),
        environment=asked.environment.slug,
        tone=tone,
        topic=Topic.ASKED if once == "asked" else Topic.ANSWERS,
    )
    notices.tell(people, news)


def _record(scope: OrgScope, event: Event, asked: AccessRequest, *, reason: str = "") -> None:
    audit.record(
        scope,
        event,
        f"member:{asked.member_id}",
        label=asked.member.user.email,
        environment=asked.environment.slug,
        role=asked.role,
        reason=reason,
    )
