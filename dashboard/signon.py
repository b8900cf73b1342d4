"""allauth's adapters: nobody signs up by themselves, each act at the door is in the installation's log, seeds rest sealed."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, ClassVar
from urllib.parse import urlencode

from allauth.account import views as account_views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import views as mfa_views
from allauth.mfa.webauthn import views as webauthn_views
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import date as formatted
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from dashboard import known, patience, seeds, waiting
from dashboard.doorbook import note, note_failure, signed_in_by
from environments import reauth
from environments.events import Event
from environments.guard import vouched_for
from environments.models import User
from environments.models.session import ONLY
from keys import handover

TOO_MANY = "Too many wrong passwords. Try again after {at}."
FROM_ANYWHERE = "Too many tries for this address today. Sign in with a passkey, or in a browser that you have used here before."

WAYS: Mapping[str, str] = {
    "sso": "Use your organization's sign-on",
    "mfa_reauthenticate:webauthn": "Use a passkey",
    "mfa_reauthenticate": "Use a code",
    "reauthenticate": "Use your password",
}
"""Ways to confirm who one is, the strongest first; the others are offered beside it."""

type View = Callable[[HttpRequest], HttpResponse]


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **facts: Any) -> HttpResponse:
        voucher = (facts.get("signal_kwargs") or {}).get("vouched_for")
        request.session.pop(ONLY, None)
        if voucher:
            request.session[ONLY] = voucher
        note(request, Event.SIGNED_IN, user, user.email, by=signed_in_by(request, user))
        response: HttpResponse = super().post_login(request, user, **facts)
        if not voucher:
            known.remember(request, response, user.email)
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: object) -> str:
        """Whose tries are counted together: so that a stranger's do not lock the person out."""
        email = str(credentials.get("email") or "").strip().lower()
        where = known.name_of(request, email) or ratelimit.get_ip(request)
        return f"{email} {where}"

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **facts: Any) -> None:
        """Whoever has come by a letter has proven more than any guess."""
        super()._delete_login_attempts_cached_email(request, **facts)
        email = str(facts.get("email") or "").strip().lower()
        ratelimit.clear(request, app=patience.APP, action="guesses", key=email)

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """A lockout says when it ends. Guesses from many addresses are counted together, known browsers left out."""
        email = str(credentials.get("email") or "").strip().lower()
        stranger = not known.name_of(request, email)
        if stranger and not ratelimit.consume(
            request, app=patience.APP, action="guesses", key=email
        ):
            raise ValidationError(FROM_ANYWHERE)
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            ends = patience.until(request, "login_failed", key)
            if ends is None:
                raise
            at = formatted(timezone.localtime(ends), "H:i:s T")
            raise ValidationError(TOO_MANY.format(at=at), code=error.code) from None

    def authentication_failed(self, request: HttpRequest, **credentials: object) -> None:
        if request.user.is_authenticated:
            return  # a re-authentication, which notes its own refusal
        tried = str(credentials.get("email") or "")
        about = User.objects.filter(email=tried.strip().lower()).first()
        note_failure(request, about, tried)

    def is_reauthentication_required(self, *, app: str, **facts: object) -> bool:
        """A fresh sign-in counts as a confirmation, on allauth's pages as on ours."""
        return not reauth.signed_in_lately(context.request, reauth.USUAL)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        ways = {way["id"]: way["url"] for way in super().get_reauthentication_methods(user)}
        only = vouched_for(context.request)
        if only and user.is_authenticated:
            for each in user.memberships.filter(organization=only):
                ways["sso"] = reverse("sso", args=[each.organization.slug])
        return [
            {"id": way, "description": text, "url": ways[way]}
            for way, text in WAYS.items()
            if way in ways
        ]

    def send_notification_mail(self, *args: object, **kwargs: object) -> None:
        """After the commit: no letter of what was rolled back, and no mail server waited for inside."""
        transaction.on_commit(partial(super().send_notification_mail, *args, **kwargs))

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            note(request, Event.SIGNED_OUT, user, user.email)
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        """Whoever is signed in changes it; who is not has come by a letter. Every other browser is signed out."""
        changed = self.request.user.is_authenticated
        with transaction.atomic():
            super().set_password(user, password)
            user.sessions.exclude(pk=self.request.session.session_key).delete()
            event = Event.PASSWORD_CHANGED if changed else Event.PASSWORD_RESET
            note(self.request, event, user, user.email)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Authenticator seeds and recovery codes rest sealed with the web processes' own key."""

    error_messages: ClassVar[dict[str, str]] = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That did not work. A code lives for a minute and works once.",
        "cannot_generate_recovery_codes": "Add an authenticator app or a passkey first.",
    }

    def encrypt(self, text: str) -> str:
        return seeds.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return seeds.open(encrypted_text)


def _confirming(view: View) -> View:
    """allauth's page: told which act waits, and a refusal noted, whichever way was tried."""

    @wraps(view)
    def confirm(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return view(request)
        page = request.POST.get("next") or request.GET.get("next", "")
        waits = waiting.act(user, page)
        before = len(get_authentication_records(request, user))
        response = view(request)
        if response.status_code == 302 and response.headers["Location"] == reverse("account_login"):
            # allauth sends a refused passkey away, and forgets which act waits.
            response = redirect(f"{request.path}?{urlencode({'next': page})}")
        if request.method == "POST" and len(get_authentication_records(request, user)) == before:
            note(request, Event.NOT_CONFIRMED, user, waits or "an act")
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["waits"] = waits
            _leave_out(response.context_data, page)
        return response

    return confirm


def _leave_out(facts: dict[str, Any], page: str) -> None:
    """Other ways are offered beside this one, but none that would only lead back here."""
    if waiting.takes_factor(page):
        ways = facts.get("reauthentication_alternatives", [])
        shown = [way for way in ways if way["id"].startswith(reauth.BY_FACTOR)]
        facts["reauthentication_alternatives"] = shown


reauthenticate = _confirming(account_views.reauthenticate)
reauthenticate_by_code = _confirming(mfa_views.reauthenticate)
reauthenticate_by_passkey = _confirming(webauthn_views.reauthenticate_webauthn)


@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    """allauth's page; after it this browser can open no hand-over any more."""
    response: HttpResponse = account_views.logout(request)
    if request.method == "POST":
        response.delete_cookie(handover.cookie_name(), samesite="Lax")
    return response
