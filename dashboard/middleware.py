"""Small steps around every page: which charset, whose clock, and where an ended session leads."""

import zoneinfo
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone

from dashboard import look
from environments.addresses import as_address, believed_address
from environments.guard import vouched_for


class Utf8Request(WSGIRequest):
    """Every page is UTF-8. A header that names another charset is passed over: Django would try to read by it,
    and break on those that are no charset of a text, before any page of errors can say so."""

    def _set_content_type_params(self, meta: Mapping[str, str]) -> None:
        self.content_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        self.content_params = {}


type Next = Callable[[HttpRequest], HttpResponse]


class AddressMiddleware:
    """Behind proxies of ours a request comes from where they say: once, for the log, the sessions and the limits alike."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        direct = str(request.META.get("REMOTE_ADDR") or "")
        told = request.META.get("HTTP_X_FORWARDED_FOR", "")
        believed = believed_address(told, direct, settings.LATCHKEY_PROXIES)
        request.META["REMOTE_ADDR"] = believed if as_address(believed) else direct
        return self.get_response(request)


class ZoneMiddleware:
    """Show times in the person's zone; who chose none gets the browser's, which a script keeps in a cookie. Dates in words
    or numbers, as this browser likes them."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        in_numbers = look.numbers.set(look.of(request.COOKIES)["dates"] == "numbers")
        try:
            with timezone.override(None):
                return self.get_response(request)
        finally:
            look.numbers.reset(in_numbers)

    def process_view(self, request: HttpRequest, *_: object) -> None:
        name = request.COOKIES.get("zone", "")
        if request.user.is_authenticated and request.user.timezone != settings.TIME_ZONE:
            name = request.user.timezone
        try:
            timezone.activate(zoneinfo.ZoneInfo(name)) if name else timezone.deactivate()
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            timezone.deactivate()  # a cookie may say anything


class SignInRedirectMiddleware:
    """A part of a page whose session has ended must not be painted over with the sign-in form: the whole page goes."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.login = resolve_url(settings.LOGIN_URL)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        htmx = getattr(request, "htmx", None)
        if (
            not htmx
            or urlsplit(response.headers.get("Location", "")).path.startswith("/accounts/") is False
        ):
            return response
        target = urlsplit(response.headers["Location"]).path
        page = htmx.current_url_abs_path or "/"
        return HttpResponse(
            status=204, headers={"HX-Redirect": f"{target}?{urlencode({'next': page})}"}
        )


class OwnProofMiddleware:
    """Whom an organization's provider has vouched for does not touch what opens other doors: passwords, factors,
    links, other browsers. Else whoever runs the provider could make themselves a way into them."""

    OPEN: Final = frozenset(
        {
            "account_logout",
            "account_reauthenticate",
            "mfa_reauthenticate",
            "mfa_reauthenticate_webauthn",
            "sso",
            "sso_start",
            "sso_callback",
        }
    )
    SHUT: Final = frozenset(
        {
            *("sessions", "end_session", "end_other_sessions"),
            *("links", "link", "confirm_link", "unlink", "provider", "remove_provider"),
            *("join", "environments:new_organization", "environments:sign_on"),
        }
    )

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse | None:
        match = request.resolver_match
        if match is None:
            return None
        name = match.view_name
        shut = name in self.SHUT or (match.route.startswith("accounts/") and name not in self.OPEN)
        if not shut or vouched_for(request) is None:
            return None
        return render(request, "dashboard/own_proof.html", status=403)
