"""Teams: who is in them, and where they may issue keys."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from environments.access import OrgScope, Refused
from environments.forms import (
    NOT_IN_TEAM,
    IssuingForm,
    LimitForm,
    NewTeamForm,
    TeamForm,
    TeamMemberForm,
)
from environments.guard import SignedInRequest, in_organization
from environments.models import Member, Team
from environments.policy import OrgAction, OrganizationRole, TeamRole
from environments.reauth import fresh_sign_in
from environments.services import teams as verbs
from environments.services.teams import TeamHasKeys
from environments.views.asking import asks_first

PER_PAGE = 50
PAGE = ["GET", "HEAD", "POST"]


def _team(scope: OrgScope, slug: str) -> Team:
    return get_object_or_404(scope.organization.teams, slug=slug)


def _at_work(scope: OrgScope, slug: str) -> Team:
    """Nothing is set for an archived team: it is brought back first."""
    return get_object_or_404(scope.organization.teams.current(), slug=slug)


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.VIEW)
def teams(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    listed = scope.organization.teams.prefetch_related("issues_in").annotate(
        people=Count("members", distinct=True),
        live=Count("keys", filter=Q(keys__deleted_at=None), distinct=True),
    )
    own = scope.member.team_memberships.values_list("team_id", flat=True)
    facts = {
        "teams": listed.current(),
        "archived": listed.exclude(archived_at=None),
        "can": scope.can,
        "own": set(own),
    }
    return render(request, "environments/teams.html", facts)


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
def new_team(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    form = NewTeamForm(request.POST or None, organization=scope.organization)
    if request.method == "POST" and form.is_valid():
        try:
            team = verbs.create_team(scope, **form.cleaned_data)
        except IntegrityError:  # two who make the same team at once
            form.add_error("slug", form.slug_taken)
        else:
            messages.success(
                request, f"{team.name} is made. Say who is in it and where it may issue."
            )
            return redirect("environments:team", scope.organization.slug, team.slug)
    return render(request, "environments/new_team.html", {"form": form})


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.VIEW)
def team(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = _team(scope, team)
    places = {place.pk for place in found.issues_in.all()}
    members = found.members.select_related("member__user").order_by("role", "member__user__email")
    facts = {
        "team": found,
        "page": Paginator(members, PER_PAGE).get_page(request.GET.get("page")),
        **_keys_of(scope, found),
        "issuing_title": f"May issue keys in{', once it is back' if found.archived_at else ''}",
        "issuing": [
            (place, place.pk in places) for place in scope.organization.environments.current()
        ],
        "can": scope.can,
        "may_appoint": scope.may_appoint(found),
    }
    return render(request, "environments/team.html", facts)


def _keys_of(scope: OrgScope, team: Team) -> dict[str, int]:
    """How many keys the team owns, and how many of them this person may see; the list itself is upstairs."""
    keys = team.keys.filter(deleted_at=None)
    owned = keys.count()
    if scope.member.team_memberships.filter(team=team).exists():
        return {"owned": owned, "seen": owned}
    held = scope.member.environment_grants.values("environment")
    return {"owned": owned, "seen": keys.filter(environment__in=held).count()}


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
def edit(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = _at_work(scope, team)
    held = {"name": found.name, "purpose": found.purpose, "contact": found.contact}
    form = TeamForm(request.POST or None, initial=held, organization=scope.organization, team=found)
    if request.method == "POST" and form.is_valid():
        try:
            if form.has_changed():
                verbs.edit_team(scope, found.slug, **form.cleaned_data)
        except IntegrityError:
            form.add_error("name", "Another team has this name.")
        else:
            messages.success(request, "Team saved.")
            return redirect("environments:team", scope.organization.slug, found.slug)
    return render(request, "environments/edit_team.html", {"form": form, "team": found})


@require_http_methods(PAGE)
@in_organization(OrgAction.VIEW)
@fresh_sign_in
@asks_first("member", "role")
def team_member(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    """Put a person in, change their role, take them out. A lead may do so in the own team."""
    found = _at_work(scope, team)
    if not scope.may_appoint(found):
        raise Refused(OrgAction.MANAGE_TEAMS, f"team:{found.slug}")
    roles = list(TeamRole) if scope.may(OrgAction.MANAGE_TEAMS) else [TeamRole.MEMBER]
    form = TeamMemberForm(
        request.POST or None,
        initial={
            "member": request.GET.get("member", ""),
            "role": request.GET.get("role", TeamRole.MEMBER),
        },
        members=_appointable(scope, found),
        roles=roles,
    )
    if request.method == "POST" and form.is_valid():
        role = form.cleaned_data["role"]
        verbs.set_team_role(
            scope,
            found.slug,
            form.cleaned_data["member"],
            None if role == NOT_IN_TEAM else TeamRole(role),
        )
        messages.success(request, "Team members saved.")
        return redirect("environments:team", scope.organization.slug, found.slug)
    return render(request, "environments/team_member.html", {"form": form, "team": found})


def _appointable(scope: OrgScope, team: Team) -> QuerySet[Member]:
    """Those whom the verb would accept: it asks again."""
    people = scope.organization.members.select_related("user")
    people = people.order_by("user__name", "user__email")
    if scope.role is OrganizationRole.OWNER:
        return people
    if scope.may(OrgAction.MANAGE_TEAMS):
        return people.exclude(pk=scope.member.pk).exclude(role=OrganizationRole.OWNER)
    return people.exclude(team_memberships__in=team.members.filter(role=TeamRole.LEAD))


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
@fresh_sign_in
@asks_first("environments")
def issuing(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = _at_work(scope, team)
    form = IssuingForm(
        request.POST if request.method == "POST" else None,
        initial={
            "environments": request.GET.getlist("environments")
            or list(found.issues_in.current().values_list("slug", flat=True))
        },
        environments=scope.organization.environments.current(),
    )
    if request.method == "POST" and form.is_valid():
        verbs.set_issuing(scope, found.slug, form.cleaned_data["environments"])
        messages.success(request, "Saved where the team may issue keys.")
        return redirect("environments:team", scope.organization.slug, found.slug)
    return render(request, "environments/issuing.html", {"form": form, "team": found})


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
def limit(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    """A limit below what the team has is looked at once more before it is saved."""
    found = _at_work(scope, team)
    owned = _keys_of(scope, found)["owned"]
    form = LimitForm(request.POST or None, initial={"most_keys": found.most_keys})
    facts = {"form": form, "team": found, "owned": owned, "short": False}
    if request.method == "POST" and form.is_valid():
        most = form.cleaned_data["most_keys"]
        facts["short"] = most is not None and most < owned
        if not facts["short"] or "confirmed" in request.POST:
            if verbs.set_limit(scope, found.slug, most):
                messages.success(request, "Saved how many keys the team may own.")
            return redirect("environments:team", scope.organization.slug, found.slug)
    return render(request, "environments/team_limit.html", facts)


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
@fresh_sign_in
@asks_first()
def bring_back(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = _team(scope, team)
    if request.method == "POST":
        if verbs.bring_back_team(scope, found.slug):
            messages.success(request, f"{found.name} is back. Its people have again what it gives.")
        return redirect("environments:team", scope.organization.slug, found.slug)
    facts = {"team": found, "places": [place.name for place in found.issues_in.all()]}
    return render(request, "environments/bring_back_team.html", facts)


@require_http_methods(PAGE)
@in_organization(OrgAction.MANAGE_TEAMS)
def delete(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = _team(scope, team)
    if request.method == "POST":
        try:
            verbs.delete_team(scope, found.slug)
        except TeamHasKeys:
            messages.error(request, f"{found.name} owns keys. Move them to another team first.")
            return redirect("environments:team", scope.organization.slug, found.slug)
        messages.success(request, f"{found.name} is deleted.")
        return redirect("environments:teams", scope.organization.slug)
    return render(request, "environments/delete_team.html", {"team": found})
