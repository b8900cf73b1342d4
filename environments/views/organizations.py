"""Making an organization, and what its owners set."""

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.forms import (
    EnvironmentForm,
    NewEnvironmentForm,
    NewOrganizationForm,
    OrganizationForm,
)
from environments.guard import SignedInRequest, in_organization, origin_of
from environments.models import Kind
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.archiving import bring_back_environment
from environments.services.organizations import (
    MOST_ENVIRONMENTS,
    TooManyEnvironments,
    add_environment,
    create_organization,
    edit_organization,
    move_environment,
    rename_environment,
)
from environments.views.asking import asks_first


@require_http_methods(["GET", "HEAD", "POST"])
def new_organization(request: SignedInRequest) -> HttpResponse:
    """Anybody with an account may make one, and owns it."""
    form = NewOrganizationForm(request.POST or None, initial={"timezone": request.user.timezone})
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            scope = create_organization(
                request.user,
                name=facts["name"],
                slug=facts["slug"],
                timezone=facts["timezone"],
                origin=origin_of(request),
            )
        except IntegrityError:  # somebody took the address in between
            form.add_error("slug", form.slug_taken)
        else:
            messages.success(
                request, f"{scope.organization.name} is made, with three environments."
            )
            return redirect("overview", scope.organization.slug)
    return render(request, "environments/new_organization.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
def settings(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    organization = scope.organization
    held = {"name": organization.name, "timezone": organization.timezone}
    form = OrganizationForm(request.POST or None, initial=held)
    if request.method == "POST" and form.is_valid():
        if form.has_changed():
            edit_organization(scope, **form.cleaned_data)
        messages.success(request, "Settings saved.")
        return redirect("environments:settings", organization.slug)
    return render(
        request, "environments/settings.html", {"form": form, "organization": organization}
    )


@require_safe
@in_organization(OrgAction.EDIT)
def environments(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    places = list(scope.organization.environments.all())
    facts = {
        "organization": scope.organization,
        "places": [place for place in places if not place.archived_at],
        "archived": [place for place in places if place.archived_at],
        "full": len(places) >= MOST_ENVIRONMENTS,
    }
    return render(request, "environments/environments.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
def new_environment(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    form = NewEnvironmentForm(request.POST or None, organization=scope.organization)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            place = add_environment(
                scope, name=facts["name"], slug=facts["slug"], kind=Kind(facts["kind"])
            )
        except IntegrityError:  # somebody took the address in between
            form.add_error("slug", form.slug_taken)
        except TooManyEnvironments:
            form.add_error(None, f"An organization has {MOST_ENVIRONMENTS} environments at most.")
        else:
            messages.success(request, f"{place.name} is made. You are its first engineer.")
            return redirect("environments:environments", scope.organization.slug)
    facts = {"form": form, "organization": scope.organization}
    return render(request, "environments/new_environment.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
def edit_environment(request: SignedInRequest, scope: OrgScope, place: str) -> HttpResponse:
    found = get_object_or_404(scope.organization.environments.current(), slug=place)
    form = EnvironmentForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and form.is_valid():
        rename_environment(scope, found.slug, form.cleaned_data["name"])
        messages.success(request, "Environment saved.")
        return redirect("environments:environments", scope.organization.slug)
    facts = {"form": form, "place": found, "organization": scope.organization}
    return render(request, "environments/edit_environment.html", facts)


@require_POST
@in_organization(OrgAction.EDIT)
def order_environment(request: SignedInRequest, scope: OrgScope, place: str) -> HttpResponse:
    move_environment(scope, place, up="up" in request.POST)
    return redirect("environments:environments", scope.organization.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@fresh_sign_in
@asks_first()
def bring_back(request: SignedInRequest, scope: OrgScope, place: str) -> HttpResponse:
    found = get_object_or_404(scope.organization.environments, slug=place)
    if request.method == "POST":
        if bring_back_environment(scope, found.slug):
            messages.success(
                request, f"{found.name} is back, with the roles that people had there."
            )
        return redirect("environments:environments", scope.organization.slug)
    facts = {"place": found, "organization": scope.organization}
    return render(request, "environments/bring_back_environment.html", facts)
