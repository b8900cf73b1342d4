"""Making an organization, and what its owners set."""

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from environments.access import OrgScope
from environments.forms import NewOrganizationForm, OrganizationForm
from environments.guard import SignedInRequest, in_organization, origin_of
from environments.policy import OrgAction
from environments.services.organizations import create_organization, edit_organization


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
