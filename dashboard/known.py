"""Browsers in which a person has signed in before: strangers' guesses do not shut these out (a "device cookie").

The cookie holds, signed, a mark of the address and a random name of the browser; tries are counted by that name. In any
other browser they are counted by address and network, and together for the address.
"""

import hashlib
import secrets
from collections.abc import Mapping

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

AGE = 180 * 24 * 3600
PEOPLE = 5
"""So many are remembered in one browser, the last ones."""
SALT = "known browser"


def cookie_name() -> str:
    return "__Host-known" if settings.SESSION_COOKIE_SECURE else "known"


def name_of(request: HttpRequest, email: str) -> str:
    """This browser's name for a person who has signed in with it; empty for all others."""
    return _read(request).get(_mark(email), "")


def remember(request: HttpRequest, response: HttpResponseBase, email: str) -> None:
    held = dict(_read(request))
    name = held.pop(_mark(email), "") or secrets.token_urlsafe(12)
    kept = [*held.items()][-(PEOPLE - 1) :]
    response.set_cookie(
        cookie_name(),
        signing.dumps(dict([*kept, (_mark(email), name)]), salt=SALT),
        max_age=AGE,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> Mapping[str, str]:
    try:
        held = signing.loads(request.COOKIES.get(cookie_name(), ""), salt=SALT, max_age=AGE)
    except signing.BadSignature:
        return {}
    return held if isinstance(held, dict) else {}


def _mark(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode(errors="replace")).hexdigest()[:16]
