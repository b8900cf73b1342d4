"""How members sign in, as owners set it; whom it touches is shown before it is saved."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from environments import second_factor
from environments.access import OrgScope
from environments.forms import SecondFactorForm
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.sign_on import NoFactorYourself, require_second_factor

NAMED = 20
OWN_FIRST = "Set up a second factor for yourself first: you would be kept out as well."


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.MANAGE_SIGN_ON)
@fresh_sign_in
def sign_on(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """Three steps on one address: fill in, see whom it touches, save."""
    form = SecondFactorForm(request.POST or None, initial={"asked": _asked(scope)})
    if request.method != "POST" or not form.is_valid() or "back" in request.POST:
        return _page(request, scope, form)
    if form.cleaned_data["asked"] and not second_factor.has_one(scope.actor):
        form.add_error("asked", OWN_FIRST)
        return _page(request, scope, form)
    if form.cleaned_data["asked"] and "confirmed" not in request.POST:
        return _review(request, scope, form)
    days = timedelta(days=form.cleaned_data["days"])
    since = timezone.now() + days if form.cleaned_data["asked"] else None
    try:
        if require_second_factor(scope, since):
            messages.success(request, "Saved.")
    except NoFactorYourself:
        form.add_error("asked", OWN_FIRST)
        return _page(request, scope, form)
    return redirect("environments:sign_on", scope.organization.slug)


def _asked(scope: OrgScope) -> bool:
    return scope.organization.second_factor_from is not None


def _page(request: SignedInRequest, scope: OrgScope, form: SecondFactorForm) -> HttpResponse:
    due = scope.organization.second_factor_from
    facts = {
        "form": form,
        "organization": scope.organization,
        "ahead": due is not None and due > timezone.now(),
        "without": second_factor.without_one(scope.organization).count(),
        "own_first": not second_factor.has_one(scope.actor),
        "members": scope.organization.members.count(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "environments/sign_on.html", facts, status=status)


def _review(request: SignedInRequest, scope: OrgScope, form: SecondFactorForm) -> HttpResponse:
    without = second_factor.without_one(scope.organization)
    count = without.count()
    facts = {
        "form": form,
        "organization": scope.organization,
        "shuts_at": timezone.now() + timedelta(days=form.cleaned_data["days"]),
        "people": [member.user for member in without[:NAMED]],
        "count": count,
        "unnamed": max(count - NAMED, 0),
    }
    return render(request, "environments/sign_on_review.html", facts)
