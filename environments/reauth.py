"""Sign in again before an act that matters: asked on GET, before a form is filled in; no POST body is ever parked."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, cast
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from environments import second_factor
from environments.access import OrgScope, Refused, Scope
from environments.guard import SignedInRequest, vouched_for
from environments.policy import OrgAction

USUAL = timedelta(minutes=15)
IN_PRODUCTION = timedelta(minutes=5)

BY_FACTOR = "mfa_reauthenticate"
"""What the names of allauth's ways by a second factor begin with."""


class FactorFirst(Refused):
    """The act takes a second factor, the organization asks everybody for one, and this person has none."""


type ScopedView[S, **P] = Callable[Concatenate[SignedInRequest, S, P], HttpResponseBase]


def signed_in_lately(request: SignedInRequest, within: timedelta) -> bool:
    """Whether the last sign-in or re-authentication is young enough."""
    records = get_authentication_records(request, request.user)
    return bool(records) and time.time() - records[-1]["at"] < within.total_seconds()


def confirmed_by_factor(request: SignedInRequest, within: timedelta) -> bool:
    """Whether a second factor was shown so short a time ago, at the sign-in or since."""
    records = get_authentication_records(request, request.user)
    shown = [each["at"] for each in records if each["method"] == "mfa"]
    return bool(shown) and time.time() - shown[-1] < within.total_seconds()


def ask(request: SignedInRequest, *, by: str = "") -> HttpResponse:
    """To the strongest way that this person has of confirming, and then back to this page."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    ways = [way for way in ways if way["id"].startswith(by)]
    page = ways[0]["url"] if ways else reverse("account_reauthenticate")
    back = request.get_full_path() if request.method == "GET" else request.path
    return redirect(f"{page}?{urlencode({'next': back})}")


def fresh_sign_in[S: Scope | OrgScope, **P](view: ScopedView[S, P]) -> ScopedView[S, P]:
    """Send a person whose sign-in is old to re-authenticate, and back to this page's form."""

    @wraps(view)
    def asked(
        request: SignedInRequest, scope: S, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        within = IN_PRODUCTION if _in_production(scope) else USUAL
        if signed_in_lately(request, within):
            return view(request, scope, *args, **kwargs)
        return ask(request)

    return cast("ScopedView[S, P]", _mark(asked))


def by_second_factor[**P](view: ScopedView[OrgScope, P]) -> ScopedView[OrgScope, P]:
    """For what goes past everybody else: a fresh sign-in alone is not enough for who has a second factor.

    Who has none sets one up first where the organization asks everybody for one, be its day still to come. How
    carefully its own provider asks is its own affair, here as at the gate."""
    fresh = fresh_sign_in(view)

    @wraps(view)
    def asked(
        request: SignedInRequest, scope: OrgScope, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        if second_factor.has_one(request.user):
            if confirmed_by_factor(request, USUAL):
                return view(request, scope, *args, **kwargs)
            return ask(request, by=BY_FACTOR)
        due = scope.organization.second_factor_from
        if due is not None and vouched_for(request) is None:
            raise FactorFirst(OrgAction.APPROVE, f"page:{request.path}"[:120])
        return fresh(request, scope, *args, **kwargs)

    asked.by_factor = True  # type: ignore[attr-defined]  # the page of confirmation then offers no other way
    return cast("ScopedView[OrgScope, P]", _mark(asked))


def fresh_in_production[**P](view: ScopedView[Scope, P]) -> ScopedView[Scope, P]:
    """The same, but only where the environment is production: for creating a key."""
    always = fresh_sign_in(view)

    @wraps(view)
    def asked(
        request: SignedInRequest, scope: Scope, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        return (always if _in_production(scope) else view)(request, scope, *args, **kwargs)

    return cast("ScopedView[Scope, P]", _mark(asked))


def _mark[F](view: F) -> F:
    view.fresh = True  # type: ignore[attr-defined]  # a test asks that each has its words in dashboard/waiting.py
    return view


def _in_production(scope: Scope | OrgScope) -> bool:
    return isinstance(scope, Scope) and scope.environment.production
