"""What cannot be undone afterwards: the end of an organization, seven days ahead."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.forms import TypedNameForm
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.deletion import DELAY, AskedAlready, ask_deletion, cancel_deletion


def _figures(scope: OrgScope) -> dict[str, int]:
    organization = scope.organization
    keys = organization.environments.filter(keys__deleted_at=None).exclude(keys=None)
    return {
        "people": organization.members.count(),
        "environments": organization.environments.count(),
        "teams": organization.teams.count(),
        "keys": keys.values("keys").count(),
    }


@require_safe
@in_organization(OrgAction.DELETE)
def danger(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    asked = getattr(scope.organization, "deletion", None)
    facts = {"scope": scope, "organization": scope.organization, "days": DELAY.days}
    facts["deletion"] = asked
    return render(request, "environments/danger.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.DELETE)
@fresh_sign_in
def delete_organization(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    page = redirect("environments:danger", scope.organization.slug)
    if hasattr(scope.organization, "deletion"):
        return page
    said = request.POST if request.method == "POST" else None
    form = TypedNameForm(said, name=scope.organization.name)
    if form.is_valid():
        try:
            ask_deletion(scope)
        except AskedAlready:
            messages.info(request, "Somebody else has asked for it at this moment.")
        return page
    facts = {
        "scope": scope,
        "form": form,
        "days": DELAY.days,
        "organization": scope.organization,
        "figures": _figures(scope),
    }
    status = 422 if form.is_bound else 200
    return render(request, "environments/delete_organization.html", facts, status=status)


@require_POST
@in_organization(OrgAction.DELETE)
def keep_organization(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    if cancel_deletion(scope):
        messages.success(request, f"{scope.organization.name} stays. Its owners are told.")
    return redirect("environments:danger", scope.organization.slug)
