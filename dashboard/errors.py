"""The pages for what went wrong. Each says what happened, whether anything was changed, and the way on."""

from math import ceil
from urllib.parse import urlencode

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from dashboard import patience, waiting
from environments.access import OrgScope, Refused, Scope
from environments.models import Organization
from environments.policy import (
    GRANTS,
    ORGANIZATION_GRANTS,
    SENTENCES,
    Action,
    OrgAction,
    OrganizationRole,
)
from environments.reauth import FactorFirst
from environments.second_factor import NeedsFactor

NAMES_SHOWN = 5


def reference() -> str:
    """What a person can quote and an operator can find in the log."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def _page(request: HttpRequest, status: int, facts: dict[str, object]) -> HttpResponse:
    response = render(request, f"{status}.html", {"reference": reference(), **facts}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@login_not_required
def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _page(request, 400, {})


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, NeedsFactor):
        return _gate(request, exception.organization)
    scope = getattr(request, "scope", None)
    if isinstance(exception, FactorFirst) and isinstance(scope, OrgScope):
        return _gate(request, scope.organization, act=waiting.act(scope.actor, request.path))
    facts: dict[str, object] = {"refusal": None}
    if isinstance(exception, Refused) and isinstance(scope, Scope | OrgScope):
        facts["refusal"] = _explain(scope, exception.action)
    return _page(request, 403, facts)


def _gate(request: HttpRequest, organization: Organization, act: str = "") -> HttpResponse:
    """Instead of every page of the organization, or of one act; the person may still sign out, ask, and see their account."""
    owners = organization.members.filter(role=OrganizationRole.OWNER).exclude(user=request.user.pk)
    named = owners.select_related("user").order_by("user__email")[:NAMES_SHOWN]
    owning = [member.user for member in named]
    facts = {"organization": organization, "owners": owning, "act": act}
    response = render(request, "dashboard/gate.html", facts, status=403)
    response.headers["Cache-Control"] = "no-store"
    return response


def _explain(scope: Scope | OrgScope, action: Action | OrgAction) -> dict[str, object]:
    """Which role the person has, which it takes, and who can give it."""
    roles: list[str]
    if isinstance(action, Action):
        roles = [role.value for role, granted in GRANTS.items() if action in granted]
    else:
        roles = [role.value for role, granted in ORGANIZATION_GRANTS.items() if action in granted]
    givers = (
        [OrganizationRole.OWNER]
        if isinstance(action, OrgAction)
        else [OrganizationRole.OWNER, OrganizationRole.ADMIN]
    )
    members = scope.organization.members.filter(role__in=givers)
    named = members.exclude(user=scope.actor).select_related("user").order_by("role", "user__email")
    return {
        "act": SENTENCES[action],
        "role": scope.role.value if scope.role else "",
        "place": scope.environment.name if isinstance(scope, Scope) else scope.organization.name,
        "needed": roles[0] if roles else "",
        "ask": _ask(scope, roles),
        "givers": [member.user for member in named[:NAMES_SHOWN]],
    }


def _ask(scope: Scope | OrgScope, roles: list[str]) -> str:
    """The page that asks for the role, filled in; only roles of environments are asked for."""
    if not isinstance(scope, Scope) or not roles:
        return ""
    wanted = urlencode({"environment": scope.environment.slug, "role": roles[0]})
    return f"{reverse('environments:ask_access', args=[scope.organization.slug])}?{wanted}"


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _page(request, 404, {})


@login_not_required
def too_many(request: HttpRequest) -> HttpResponse:
    """allauth asks for this page where one of its limits is full."""
    ends = patience.next_try(request)
    response = _page(request, 429, {"ends": ends})
    if ends:
        response.headers["Retry-After"] = str(ceil((ends - timezone.now()).total_seconds()))
    return response


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _page(request, 403, {"ended": True})


@login_not_required
def server_error(_request: HttpRequest) -> HttpResponse:
    """No database, no session, no context: whatever broke must not break this page too."""
    page = render_to_string("500.html", {"reference": reference()})
    return HttpResponse(page, status=500, headers={"Cache-Control": "no-store"})
