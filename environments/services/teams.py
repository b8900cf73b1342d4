"""People's verbs on teams: who is in them, and where they may issue keys."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import RestrictedError
from django.utils import timezone

from environments import approvals, audit, rights
from environments.access import OrgScope, Refused
from environments.approvals import TeamGain
from environments.events import Event
from environments.models import Member, Team
from environments.policy import OrgAction, OrganizationRole, TeamRole


class TeamHasKeys(Exception):
    """A team that owns keys, deleted ones included, stays."""


def _locked(scope: OrgScope, slug: str) -> Team:
    """One that is at work: nothing is set for an archived one."""
    return scope.organization.teams.current().select_for_update().get(slug=slug)


def _whatever_state(scope: OrgScope, slug: str) -> Team:
    return scope.organization.teams.select_for_update().get(slug=slug)


@transaction.atomic
def create_team(scope: OrgScope, *, name: str, slug: str, purpose: str, contact: str) -> Team:
    scope.require(OrgAction.MANAGE_TEAMS)
    team = Team.objects.create(
        organization=scope.organization, name=name, slug=slug, purpose=purpose, contact=contact
    )
    audit.record(scope, Event.TEAM_CREATED, f"team:{slug}", label=name)
    return team


@transaction.atomic
def edit_team(scope: OrgScope, slug: str, *, name: str, purpose: str, contact: str) -> None:
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team = _locked(scope, slug)
    before = {"name": team.name, "purpose": team.purpose, "contact": team.contact}
    team.name, team.purpose, team.contact = name, purpose, contact
    team.save(update_fields=["name", "purpose", "contact"])
    after = {"name": name, "purpose": purpose, "contact": contact}
    audit.record(scope, Event.TEAM_EDITED, f"team:{slug}", label=name, before=before, after=after)


@transaction.atomic
def set_limit(scope: OrgScope, slug: str, most: int | None) -> bool:
    """So many keys the team may own; what it has above that it keeps. False when nothing changed."""
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team = _locked(scope, slug)
    before = team.most_keys
    if before == most:
        return False
    team.most_keys = most
    team.save(update_fields=["most_keys"])
    audit.record(
        scope,
        Event.TEAM_LIMIT_CHANGED,
        f"team:{slug}",
        label=team.name,
        before={"keys_allowed": before},
        after={"keys_allowed": most},
    )
    return True


@transaction.atomic
def delete_team(scope: OrgScope, slug: str) -> None:
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team = _whatever_state(scope, slug)
    try:
        team.delete()
    except RestrictedError:
        raise TeamHasKeys from None
    audit.record(scope, Event.TEAM_DELETED, f"team:{slug}", label=team.name)


@transaction.atomic
def archive_team(scope: OrgScope, slug: str, **moved: Any) -> None:
    """Without live keys, it stops giving its people anything. `moved`: for the log, what was done about its keys."""
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team, now = _locked(scope, slug), timezone.now()
    if team.keys.filter(deleted_at=None).exists():
        raise TeamHasKeys
    team.archived_at = now
    team.save(update_fields=["archived_at"])
    approvals.overtake_everywhere(scope, f"team:{slug}", now)
    audit.record(scope, Event.TEAM_ARCHIVED, f"team:{slug}", label=team.name, **moved)


@transaction.atomic
def bring_back_team(scope: OrgScope, slug: str) -> bool:
    """Its people have again what it gave them, which takes the approvals that giving it to them would take."""
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team, now = _whatever_state(scope, slug), timezone.now()
    if team.archived_at is None:
        return False
    spent: dict[str, Any] = {}
    gain = TeamGain(team.name, {"may_issue": "no, archived"}, {"may_issue": "yes, as before"})
    for place in team.issues_in.all():
        spent |= approvals.spend_for_team(scope, team, place, gain, now)
    team.archived_at = None
    team.save(update_fields=["archived_at"])
    audit.record(scope, Event.TEAM_BROUGHT_BACK, f"team:{slug}", label=team.name, **spent)
    return True


@transaction.atomic
def set_issuing(scope: OrgScope, slug: str, environments: Collection[str]) -> bool:
    """Say in which environments the team may issue keys; false when nothing changed."""
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team = _locked(scope, slug)
    before = sorted(team.issues_in.current().values_list("slug", flat=True))
    places = list(scope.organization.environments.current().filter(slug__in=environments))
    after = sorted(place.slug for place in places)
    if before == after:
        return False
    spent: dict[str, Any] = {}
    for place in places:
        if place.slug not in before:
            gain = TeamGain(team.name, {"may_issue": "no"}, {"may_issue": "yes"})
            spent |= approvals.spend_for_team(scope, team, place, gain, timezone.now())
    team.issues_in.set([*places, *team.issues_in.exclude(archived_at=None)])
    audit.record(
        scope,
        Event.TEAM_ISSUING_CHANGED,
        f"team:{slug}",
        label=team.name,
        before=before,
        after=after,
        **spent,
    )
    return True


def spend_for_lead(
    scope: OrgScope, team: Team, email: str, before: TeamRole | None
) -> dict[str, Any]:
    """A lead makes and rotates keys wherever the team may issue, and ends them wherever it has some."""
    places = {place.pk for place in team.issues_in.all()}
    places |= {pk for owner, pk in rights.owning(scope.organization) if owner == team.pk}
    spent: dict[str, Any] = {}
    for place in scope.organization.environments.filter(pk__in=places):
        gain = TeamGain(email, {"team_role": before}, {"team_role": TeamRole.LEAD})
        spent |= approvals.spend_for_team(scope, team, place, gain, timezone.now())
    return spent


@transaction.atomic
def set_team_role(scope: OrgScope, slug: str, member_id: int, role: TeamRole | None) -> bool:
    """Put a person into the team, change their role there, or take them out; false when nothing changed."""
    team = _locked(scope, slug)
    member = scope.organization.members.select_related("user").get(pk=member_id)
    held = team.members.filter(member=member).first()
    before = TeamRole(held.role) if held else None
    _may_set(scope, team, member, before, role)
    if before is role:
        return False
    leads = role is TeamRole.LEAD
    spent = spend_for_lead(scope, team, member.user.email, before) if leads else {}
    if role is None:
        team.members.filter(member=member).delete()
    else:
        team.members.update_or_create(member=member, defaults={"role": role})
    audit.record(
        scope,
        Event.TEAM_MEMBER_REMOVED if role is None else Event.TEAM_MEMBER_ADDED,
        f"team:{slug}",
        label=team.name,
        member=member.user.email,
        before={"role": before},
        after={"role": role},
        **spent,
    )
    return True


def _may_set(
    scope: OrgScope, team: Team, member: Member, before: TeamRole | None, after: TeamRole | None
) -> None:
    """A lead appoints members, not leads; an admin touches neither an owner nor the own team roles."""
    subject = f"team:{team.slug}"
    if scope.role is OrganizationRole.OWNER:
        return
    if scope.may(OrgAction.MANAGE_TEAMS):
        allowed = (
            member.pk != scope.member.pk and member.organization_role is not OrganizationRole.OWNER
        )
    else:
        allowed = team.pk in scope.leads and TeamRole.LEAD not in {before, after}
    if not allowed:
        raise Refused(OrgAction.MANAGE_TEAMS, subject)
