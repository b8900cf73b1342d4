"""The link between a person and who they are at their organization's provider: seen, made, taken back by themselves."""

import time
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.flow import Purpose
from dashboard.sso import ANOTHER, FOUND, leave
from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.models import IdentityProvider
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services import identities
from environments.services.identities import LinkedAlready, LinkedToAnother

LIFE = 600


@require_safe
def links(request: SignedInRequest) -> HttpResponse:
    """The organizations of this person that have a provider, and whether they are linked there."""
    memberships = request.user.memberships.filter(organization__provider__isnull=False)
    own = {each.organization_id: each for each in request.user.identities.all()}
    rows = [
        {"organization": each.organization, "identity": own.get(each.organization_id)}
        for each in memberships.select_related("organization__provider")
    ]
    return render(request, "dashboard/links.html", {"rows": rows})


@require_safe
@never_cache
@in_organization(OrgAction.VIEW)
@fresh_sign_in
def link(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    return leave(request, _provider(scope), Purpose.LINK)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@in_organization(OrgAction.VIEW)
@fresh_sign_in
def confirm_link(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """What the provider has said, to be looked at: a stranger's page may have led this browser through a stranger's account."""
    found = _found(request, scope)
    if found is None:
        messages.error(request, "That took too long. Begin again.")
        return redirect("links")
    if request.method != "POST":
        facts = {"found": found, "provider": _provider(scope), "organization": scope.organization}
        return render(request, "dashboard/confirm_link.html", facts)
    request.session.pop(FOUND)
    try:
        identities.link(
            scope, issuer=found["issuer"], subject=found["subject"], shown=found["shown"]
        )
        messages.success(request, f"Linked. You can sign in to {scope.organization} with it.")
    except LinkedToAnother:
        messages.error(request, ANOTHER)
    except LinkedAlready:
        messages.error(request, "You are linked with another account there. Unlink it first.")
    return redirect("links")


@require_POST
@in_organization(OrgAction.VIEW)
def unlink(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    if identities.unlink(scope):
        messages.success(request, "Unlinked. It signs you in no longer.")
    return redirect("links")


def _provider(scope: OrgScope) -> IdentityProvider:
    provider = IdentityProvider.objects.within(scope).select_related("organization").first()
    if provider is None:
        raise Http404("No provider here.")
    return provider


def _found(request: SignedInRequest, scope: OrgScope) -> dict[str, Any] | None:
    found: dict[str, Any] = request.session.get(FOUND) or {}
    mine = (found.get("organization"), found.get("user")) == (
        scope.organization_id,
        request.user.pk,
    )
    return found if mine and time.time() < found["at"] + LIFE else None
