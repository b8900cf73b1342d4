"""When a limit on tries lets the next one through, to the second."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from allauth.core.internal.ratelimit import get_cache_key, get_rates
from django.core.cache import cache
from django.http import HttpRequest

APP = "allauth.account"
LIMITS: Mapping[str, str] = {
    "account_login": "login",
    "account_signup": "signup",
    "account_reauthenticate": "reauthenticate",
    "mfa_reauthenticate": "reauthenticate",
    "mfa_reauthenticate_webauthn": "reauthenticate",
    "account_email": "manage_email",
    "account_change_password": "change_password",
    "account_set_password": "change_password",
    "account_reset_password": "reset_password",
    "account_reset_password_from_key": "reset_password_from_key",
}
"""Which limit stands before which page."""


def next_try(request: HttpRequest) -> datetime | None:
    """For the page that was refused; None where no limit of ours is known to be full."""
    match = request.resolver_match
    action = LIMITS.get(match.view_name, "") if match else ""
    return until(request, action, str(request.POST.get("email") or "").strip().lower())


def until(request: HttpRequest, action: str, key: str = "") -> datetime | None:
    """The end of the longest wait among the limits of this kind that are full."""
    ends = [end for end in _ends(request, action, key) if end > time.time()]
    return datetime.fromtimestamp(max(ends), UTC) if ends else None


def _ends(request: HttpRequest, action: str, key: str) -> Iterable[float]:
    for rate in get_rates(app=APP, action=action):
        if rate.per == "user" and not request.user.is_authenticated:
            continue
        where = get_cache_key(request, app=APP, action=action, rate=rate, key=key)
        tries = [at for at in cache.get(where, []) if at > time.time() - rate.duration]
        if len(tries) >= rate.amount:
            yield tries[rate.amount - 1] + rate.duration
