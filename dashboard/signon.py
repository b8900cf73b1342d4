"""allauth's adapters: nobody signs up by themselves, each act at the door is in the installation's log, seeds rest sealed."""

import base64

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.views import logout
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from environments import audit
from environments.events import Event
from environments.guard import origin_of
from environments.models import User
from keys import handover
from keys.crypto import SecretText, SymmetricKeyring

SEED = "sign-in seed"


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

    def authentication_failed(self, request: HttpRequest, **credentials: object) -> None:
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


@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    """allauth's page; after it this browser can open no hand-over any more."""
    response: HttpResponse = logout(request)
    if request.method == "POST":
        response.delete_cookie(handover.cookie_name(), samesite="Lax")
    return response
