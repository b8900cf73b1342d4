"""Members: who is here, what each holds, one-time links into the organization."""

from collections.abc import Iterable, Mapping

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from environments import member_filter, policy, rights, second_factor
from environments.access import OrgScope
from environments.forms import words_of
from environments.guard import SignedInRequest, in_organization
from environments.models import Environment, Member
from environments.policy import OrgAction, OrganizationRole
from environments.reauth import USUAL, signed_in_lately
from environments.role_form import cells
from environments.services.roles import may_reach

PER_PAGE = 50


def _members(scope: OrgScope) -> QuerySet[Member]:
    return (
        scope.organization.members.select_related("user")
        .prefetch_related("environment_grants", "team_memberships__team")
        .order_by("user__name", "user__email", "pk")
    )


def _words_for(
    member: Member, environments: Iterable[Environment]
) -> list[tuple[Environment, str]]:
    held = {
        grant.environment_id: grant.role.capitalize() for grant in member.environment_grants.all()
    }
    return [(place, held.get(place.pk, "–")) for place in environments]


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.VIEW)
def members(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    environments = list(scope.organization.environments.current())
    words = words_of(request.GET.get("q", ""))
    found = _members(scope)
    if words:
        found = found.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
    asked, shown = request.GET.get("show", ""), []
    if scope.can["view_roles"]:
        shown = member_filter.choices(scope)
        found = member_filter.narrowed(scope, found, asked, timezone.now())
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    facts = {
        "scope": scope,
        "can": scope.can,
        "environments": environments,
        "page": page,
        "words": words,
        "asked": asked if asked in dict(shown) else "",
        "shown": shown,
        "no_factor": set(
            second_factor.without_one(scope.organization).values_list("pk", flat=True)
        ),
        "total": scope.organization.members.count(),
        "rows": [{"member": each, "roles": _words_for(each, environments)} for each in page],
        "owners": scope.organization.members.filter(role=OrganizationRole.OWNER).count(),
        "open_links": scope.organization.invitations.open(timezone.now()).count()
        if scope.can["invite"]
        else 0,
    }
    return render(request, "environments/members.html", facts)


@require_safe
@in_organization(OrgAction.VIEW_ROLES)
def person(request: SignedInRequest, scope: OrgScope, member: int) -> HttpResponse:
    """What one person holds, what it comes to, and where from; changes are looked over on the next page."""
    found = get_object_or_404(rights.with_roles(scope.organization.members.all()), pk=member)
    places = list(scope.organization.environments.current())
    facts = {
        "member": found,
        "cells": cells(scope, found, places),
        "may_change": may_reach(scope, found, OrgAction.MANAGE_ENVIRONMENT_ROLES),
        "may_remove": may_reach(scope, found, OrgAction.INVITE),
        "may_read_log": scope.can["read_log"],
        "fresh": signed_in_lately(request, USUAL),
        "itself": found.pk == scope.member.pk,
        "second_factor": second_factor.has_one(found.user),
        "reaches": rights.reaches(found, places, rights.owning(scope.organization)),
    }
    return render(request, "environments/person.html", facts)


@require_http_methods(["GET", "HEAD"])
@in_organization(OrgAction.VIEW)
def matrix(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """Who may do what, read from the very constants that the code asks."""
    on_keys = {role.value.capitalize(): granted for role, granted in policy.GRANTS.items()}
    on_keys |= {f"Team {role.value}": granted for role, granted in policy.TEAM_GRANTS.items()}
    tables = [
        (
            "On the organization",
            *_table(policy.OrgAction, _capitalized(policy.ORGANIZATION_GRANTS)),
        ),
        ("On keys", *_table(policy.Action, on_keys)),
    ]
    return render(request, "environments/matrix.html", {"tables": tables, "scope": scope})


def _capitalized[T](grants: Mapping[OrganizationRole, T]) -> dict[str, T]:
    return {role.value.capitalize(): granted for role, granted in grants.items()}


def _table[T: (policy.Action, policy.OrgAction)](
    actions: Iterable[T], grants: Mapping[str, frozenset[T]]
) -> tuple[list[str], list[tuple[str, list[bool]]]]:
    rows = [
        (policy.SENTENCES[action], [action in granted for granted in grants.values()])
        for action in actions
    ]
    return list(grants), rows
