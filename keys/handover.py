"""The one sight of a new secret: sealed for one browser, for ten minutes (design part 4).

The box opens with two halves: a cookie that only this browser has, and the hand-over's random id, which is also
in the page's address. The database alone, or the address alone, shows nothing.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from environments.models import User
from keys.crypto import SecretText, length_prefixed
from keys.models import Handover, Secret

COOKIE_AGE = 24 * 3600
NONCE_BYTES = 12


class CannotShow(Exception):
    """Another browser, or the box was closed."""


def cookie_name() -> str:
    return "__Host-browser" if settings.SESSION_COOKIE_SECURE else "browser"


@dataclass(frozen=True, slots=True, repr=False)
class Browser:
    """One browser of a person, known by a cookie of its own."""

    token: str

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        known = request.COOKIES.get(cookie_name(), "")
        return cls(
            known if 40 <= len(known) <= 64 and known.isascii() else secrets.token_urlsafe(32)
        )

    def remember(self, response: HttpResponseBase) -> None:
        """Lax, not Strict: Strict is not sent after the redirect that follows a sign-in."""
        response.set_cookie(
            cookie_name(),
            self.token,
            max_age=COOKIE_AGE,
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Lax",
        )


def form_hash(once: str) -> str:
    return hashlib.sha256(once.encode()).hexdigest()


def earlier(user: User, once: str) -> Handover | None:
    """What this very form has made already: a replayed POST makes nothing."""
    return Handover.objects.visible_to(user).filter(form_hash=form_hash(once)).first()


def keep(text: SecretText, secret: Secret, *, user: User, browser: Browser, once: str) -> Handover:
    public_id = secrets.token_urlsafe(24)
    nonce = secrets.token_bytes(NONCE_BYTES)
    box = _box(browser, public_id).encrypt(nonce, text.reveal().encode(), _about(user, secret))
    return Handover.objects.create(
        user=user, secret=secret, public_id=public_id, form_hash=form_hash(once), sealed=nonce + box
    )


def show(handover: Handover, browser: Browser, now: datetime) -> SecretText:
    if handover.sealed is None or handover.closed_at or handover.ends_at <= now:
        raise CannotShow
    sealed = bytes(handover.sealed)
    nonce, box = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    about = _about(handover.user, handover.secret)
    try:
        text = _box(browser, handover.public_id).decrypt(nonce, box, about)
    except InvalidTag:
        raise CannotShow from None
    return SecretText(text.decode())


def _box(browser: Browser, public_id: str) -> AESGCM:
    derive = HKDF(SHA256(), length=32, salt=public_id.encode(), info=b"latchkey hand-over 1")
    return AESGCM(derive.derive(browser.token.encode()))


def _about(user: User, secret: Secret) -> bytes:
    return length_prefixed("hand-over", str(user.pk), secret.public_id)
