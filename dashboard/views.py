"""Home, overview, search, the page of error codes, the account and the theme."""

import zoneinfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard import finding, first_steps, horizon, look, overview
from dashboard.context import THEMES
from dashboard.error_codes import CODES
from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization, vouched_for
from environments.models import User
from environments.policy import OrgAction

YEAR = 365 * 24 * 3600
QUERY_LENGTH = 100
ZONES = ["UTC", *sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone)]


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """One organization: straight there. Several: choose. None: say what to do."""
    here = request.user.memberships.filter(organization__deletion__begun_at=None)
    own = here.select_related("organization").order_by("organization__name")
    only = vouched_for(request)
    memberships = list(own.filter(organization=only) if only else own)
    if len(memberships) == 1:
        return redirect("overview", org=memberships[0].organization.slug)
    return render(request, "dashboard/home.html", {"memberships": memberships})


@require_safe
@in_organization(OrgAction.VIEW)
def overview_page(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    now = timezone.now()
    seen = overview.look(scope, now)
    facts = {
        "scope": scope,
        "seen": seen,
        "weeks": horizon.weeks(overview.keys_of(scope), now) if seen.counted else [],
        "steps": first_steps.left(request, scope, now),
    }
    return render(request, "dashboard/overview.html", facts)


@require_POST
@in_organization(OrgAction.EDIT)
def put_away_first_steps(request: SignedInRequest, scope: OrgScope) -> HttpResponse:  # noqa: ARG001  # the door's signature
    """In this browser, for this person in this organization."""
    response = redirect("overview", org=scope.organization.slug)
    response.set_cookie(
        first_steps.cookie(scope),
        "away",
        max_age=YEAR,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_safe
@in_organization(OrgAction.VIEW)
def search(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    words = request.GET.get("q", "").replace("\x00", "").strip()[:QUERY_LENGTH]
    found = finding.search(scope, words)
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        response: HttpResponse = JsonResponse(_places(scope, found))
    else:
        facts = {"scope": scope, "words": words, "found": found}
        response = render(request, "dashboard/search.html", facts)
    patch_vary_headers(response, ["Accept"])
    return response


def _places(scope: OrgScope, found: finding.Found) -> dict[str, list[dict[str, str]]]:
    """What was found, for the palette: name, address and a word to tell it by."""
    org = scope.organization.slug
    return {
        "Keys": [
            _place(
                key.name,
                key.environment.name,
                "keys:detail",
                org,
                key.environment.slug,
                key.client_id,
            )
            for key in found.keys
        ],
        "Teams": [
            _place(team.name, team.purpose, "environments:team", org, team.slug)
            for team in found.teams
        ],
        "People": [
            _place(str(member.user), member.user.email, "environments:person", org, member.pk)
            for member in found.people
        ],
    }


def _place(name: str, about: str, page: str, *values: object) -> dict[str, str]:
    return {"name": name, "about": about, "href": reverse(page, args=values)}


@require_safe
@login_not_required
def error_codes(request: HttpRequest) -> HttpResponse:
    """Where `error_uri` of the token service leads, so it is open to anyone."""
    return render(request, "dashboard/error_codes.html", {"codes": CODES})


class ProfileForm(forms.ModelForm[User]):
    timezone = forms.ChoiceField(
        choices=[("UTC", "As the browser says"), *((zone, zone) for zone in ZONES[1:])],
        label="Time zone",
        help_text="Times on every page are shown in this zone.",
    )

    class Meta:
        model = User
        fields = ["name", "timezone"]
        labels = {"name": "Name"}
        help_texts = {"name": "Shown to the other members of your organizations."}


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: SignedInRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Profile saved.")
        return redirect("account")
    facts = {"form": form, "looks": look.CHOICES}
    return render(request, "dashboard/account.html", facts)


@require_POST
@login_not_required
def theme(request: HttpRequest) -> HttpResponse:
    """The choice lives in a cookie, so that the server renders it and nothing flashes."""
    chosen, back = request.POST.get("theme", ""), request.POST.get("next", "/")
    safe = back.startswith("/") and url_has_allowed_host_and_scheme(
        back, {request.get_host()}, require_https=request.is_secure()
    )
    response = HttpResponseRedirect(back if safe else reverse("home"))
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=YEAR, secure=settings.HTTPS, httponly=True, samesite="Lax"
        )
    return response


@require_POST
def choose_look(request: SignedInRequest) -> HttpResponse:
    """Contrast, room and dates, in this browser."""
    response = redirect("account")
    for name, values in look.CHOICES.items():
        chosen = request.POST.get(name, "")
        if chosen == next(iter(values)):
            response.delete_cookie(name, samesite="Lax")
        elif chosen in values:
            response.set_cookie(
                name, chosen, max_age=YEAR, secure=settings.HTTPS, httponly=True, samesite="Lax"
            )
    messages.success(request, "Saved how pages look in this browser.")
    return response


@require_POST
def shortcuts(request: SignedInRequest) -> HttpResponse:
    """Shortcuts of a single key can be switched off, in this browser: speech input may type them."""
    on = request.POST.get("shortcuts") == "on"
    messages.success(
        request, f"Shortcuts of a single key are {'on' if on else 'off'} in this browser."
    )
    response = redirect("account")
    if on:
        response.delete_cookie("shortcuts", samesite="Lax")
    else:
        response.set_cookie(
            "shortcuts", "off", max_age=YEAR, secure=settings.HTTPS, httponly=True, samesite="Lax"
        )
    return response
