"""Asking for a role, and the word of those who give it."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.approval_forms import AccessForm, WhyForm
from environments.guard import SignedInRequest, in_organization
from environments.models import AccessRequest
from environments.policy import EnvironmentRole, OrgAction
from environments.reauth import fresh_sign_in
from environments.services import access_requests
from environments.services.access_requests import HeldAlready, Over, seen_by
from environments.services.roles import may_reach
from environments.views.asking import asks_first

DECIDED = "It was decided or withdrawn meanwhile. Nothing was changed."
HELD = "They have this role there by now, or one that holds more: granting it would take that away. Decline it instead."


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.ASK_ACCESS)
def ask(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    places = list(scope.organization.environments.current())
    said = request.POST if request.method == "POST" else None
    wanted = {name: request.GET[name] for name in ("environment", "role") if name in request.GET}
    form = AccessForm(said, places=places, initial=wanted)
    if form.is_valid():
        wish = form.cleaned_data
        try:
            asked = access_requests.ask_access(
                scope,
                environment=wish["environment"],
                role=EnvironmentRole(wish["role"]),
                reason=wish["why"],
            )
        except HeldAlready:
            form.add_error("role", "You have this role there, or one that holds more.")
        else:
            messages.success(request, "Asked. Those who can give it were told.")
            return _back(scope, asked.pk)
    own = scope.organization.access_requests.open().filter(member=scope.member)
    facts = {"scope": scope, "form": form, "open": own.select_related("environment")}
    status = 422 if form.errors else 200
    return render(request, "environments/ask_access.html", facts, status=status)


def _found(scope: OrgScope, pk: int) -> AccessRequest:
    found = seen_by(scope).filter(pk=pk).first()
    if found is None:
        raise Http404("No such request.")
    return found


@require_safe
@in_organization(OrgAction.VIEW)
def access_request(request: SignedInRequest, scope: OrgScope, access: int) -> HttpResponse:
    return _page(request, scope, _found(scope, access), WhyForm())


def _page(
    request: SignedInRequest, scope: OrgScope, asked: AccessRequest, form: WhyForm, said: str = ""
) -> HttpResponse:
    own = asked.member_id == scope.member.pk
    held = asked.member.environment_grants.filter(environment=asked.environment).first()
    reach = may_reach(scope, asked.member, OrgAction.MANAGE_ENVIRONMENT_ROLES)
    facts = {
        "scope": scope,
        "asked": asked,
        "held": held.role.capitalize() if held else "",
        "own": own,
        "may_decide": reach and not own and not asked.ended_at,
        "form": form,
        "said": said,
    }
    status = 409 if said else 422 if form.errors else 200
    return render(request, "environments/access_request.html", facts, status=status)


def _back(scope: OrgScope, pk: int) -> HttpResponse:
    return redirect("environments:access_request", scope.organization.slug, pk)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.MANAGE_ENVIRONMENT_ROLES)
@fresh_sign_in
@asks_first()
def grant(request: SignedInRequest, scope: OrgScope, access: int) -> HttpResponseBase:
    """Roles are given with a fresh sign-in; afterwards the person is back at the request."""
    asked = _found(scope, access)
    access_requests.refuse_who_may_not(scope, asked)
    if request.method != "POST":
        return _page(request, scope, asked, WhyForm())
    try:
        access_requests.grant_access(scope, access)
    except Over:
        return _page(request, scope, _found(scope, access), WhyForm(), DECIDED)
    except HeldAlready:
        return _page(request, scope, asked, WhyForm(), HELD)
    messages.success(request, f"{asked.member} is {asked.role} in {asked.environment} now.")
    return _back(scope, access)


@require_POST
@in_organization(OrgAction.MANAGE_ENVIRONMENT_ROLES)
def decline(request: SignedInRequest, scope: OrgScope, access: int) -> HttpResponse:
    asked = _found(scope, access)
    access_requests.refuse_who_may_not(scope, asked)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _page(request, scope, asked, form)
    try:
        access_requests.decline_access(scope, access, form.cleaned_data["why"])
    except Over:
        return _page(request, scope, _found(scope, access), WhyForm(), DECIDED)
    messages.success(request, "Declined. They were told why.")
    return _back(scope, access)


@require_POST
@in_organization(OrgAction.ASK_ACCESS)
def withdraw(request: SignedInRequest, scope: OrgScope, access: int) -> HttpResponse:
    try:
        access_requests.withdraw_access(scope, access)
    except Over:
        return _page(request, scope, _found(scope, access), WhyForm(), DECIDED)
    messages.success(request, "Withdrawn.")
    return _back(scope, access)
