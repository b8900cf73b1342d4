"""allauth's adapters: nobody signs up by themselves, each act at the door is in the installation's log, seeds rest sealed."""

import base64
from collections.abc import Callable
from functools import wraps

from allauth.account import views as account_views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import views as mfa_views
from allauth.mfa.webauthn import views as webauthn_views
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import date as formatted
from django.template.response import TemplateResponse
from django.utils import timezone

from dashboard import patience, waiting
from environments import audit
from environments.events import Event
from environments.guard import origin_of
from environments.models import User
from keys import handover
from keys.crypto import SecretText, SymmetricKeyring

SEED = "sign-in seed"
TOO_MANY = "Too many wrong passwords. Try again after {at}."

type View = Callable[[HttpRequest], HttpResponse]


def _note(request: HttpRequest, event: Event, user: User | None, label: str) -> None:
    with transaction.atomic():
        audit.record(
            audit.Installation(user, origin_of(request)),
            event,
            f"user:{user.pk}" if user else "user:unknown",
            label=label,
        )


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **facts: object) -> HttpResponse:
        _note(request, Event.SIGNED_IN, user, user.email)
        response: HttpResponse = super().post_login(request, user, **facts)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """A lockout says when it ends."""
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
        known = User.objects.filter(email=tried.strip().lower()).first()
        # The subject says whom it was about; the actor stays empty, since nobody has proved to be them.
        with transaction.atomic():
            audit.record(
                audit.Installation(None, origin_of(request)),
                Event.SIGN_IN_FAILED,
                f"user:{known.pk}" if known else "user:unknown",
                label=tried,
            )

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        if isinstance(user, User):
            _note(request, Event.SIGNED_OUT, user, user.email)
        super().logout(request)

    def set_password(self, user: User, password: str) -> None:
        """Whoever is signed in changes it; who is not has come by a letter."""
        changed = self.request.user.is_authenticated
        with transaction.atomic():
            super().set_password(user, password)
            event = Event.PASSWORD_CHANGED if changed else Event.PASSWORD_RESET
            _note(self.request, event, user, user.email)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Authenticator seeds and recovery codes rest sealed with the web processes' own key."""

    def encrypt(self, text: str) -> str:
        sealed = SymmetricKeyring.parse(settings.LATCHKEY_WEB_KEYS).seal(SecretText(text), SEED)
        return base64.b64encode(sealed).decode()

    def decrypt(self, encrypted_text: str) -> str:
        sealed = base64.b64decode(encrypted_text, validate=True)
        return SymmetricKeyring.parse(settings.LATCHKEY_WEB_KEYS).open(sealed, SEED).reveal()


def _confirming(view: View) -> View:
    """allauth's page: told which act waits, and a refusal noted, whichever way was tried."""

    @wraps(view)
    def confirm(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not isinstance(user, User):
            return view(request)
        waits = waiting.act(user, request.POST.get("next") or request.GET.get("next", ""))
        before = len(get_authentication_records(request, user))
        response = view(request)
        if request.method == "POST" and len(get_authentication_records(request, user)) == before:
            _note(request, Event.NOT_CONFIRMED, user, waits or "an act")
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["waits"] = waits
        return response

    return confirm


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
