"""The only doors into an organization's and an environment's pages.

A stranger gets 404, a person without the right 403; what was refused is written to the log here, after the
act's own transaction has been rolled back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from environments import audit, second_factor
from environments.access import OrgScope, Refused, Scope, enter, enter_organization
from environments.events import Event
from environments.models import Organization, User
from environments.models.session import ONLY
from environments.origin import Origin
from environments.policy import Action, OrgAction

log = structlog.get_logger(__name__)


class SignedInRequest(HttpRequest):
    """What a view behind a door receives."""

    user: User
    htmx: HtmxDetails
    scope: Scope | OrgScope


type EnvironmentView[**P] = Callable[Concatenate[SignedInRequest, Scope, P], HttpResponseBase]
type OrganizationView[**P] = Callable[Concatenate[SignedInRequest, OrgScope, P], HttpResponseBase]
type View = Callable[..., HttpResponseBase]


def origin_of(request: HttpRequest) -> Origin:
    bound = structlog.contextvars.get_contextvars()
    return Origin(str(request.META.get("REMOTE_ADDR") or "")[:45], str(bound.get("request_id", "")))


def vouched_for(request: HttpRequest) -> int | None:
    """The organization whose provider has vouched for this person; None: they came by a way of their own.

    Pages for what went wrong are made for requests, too, that were refused before anybody looked for a session."""
    session = getattr(request, "session", None)
    only: int | None = None if session is None else session.get(ONLY)
    return only


def _is_shut(request: SignedInRequest, organization: int) -> bool:
    """A session from one organization's provider opens that organization alone."""
    return vouched_for(request) not in {None, organization}


def _pass_gate(request: SignedInRequest, organization: Organization) -> None:
    """How carefully the own provider asks is the organization's own affair."""
    if vouched_for(request) is None:
        second_factor.pass_gate(organization, request.user, timezone.now())


def in_environment[**P](action: Action) -> Callable[[EnvironmentView[P]], View]:
    """Open the page to a person who may do `action` to some key here; the verb asks again for the very key."""

    def guarded(view: EnvironmentView[P]) -> View:
        @wraps(view)
        def door(
            request: SignedInRequest, org: str, env: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            scope = enter(request.user, org, env, origin_of(request))
            if scope is None or _is_shut(request, scope.organization_id):
                raise _nothing_here(request)
            _pass_gate(request, scope.organization)
            with _inside(request, scope):
                scope.require_somewhere(action)
                return view(request, scope, *args, **kwargs)

        return _mark(door, "environment", action)

    return guarded


def in_organization[**P](action: OrgAction) -> Callable[[OrganizationView[P]], View]:
    """Open the page to a member of the organization who may do `action`."""

    def guarded(view: OrganizationView[P]) -> View:
        @wraps(view)
        def door(
            request: SignedInRequest, org: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            scope = enter_organization(request.user, org, origin_of(request))
            if scope is None or _is_shut(request, scope.organization_id):
                raise _nothing_here(request)
            _pass_gate(request, scope.organization)
            with _inside(request, scope):
                scope.require(action)
                return view(request, scope, *args, **kwargs)

        return _mark(door, "organization", action)

    return guarded


@contextmanager
def _inside(request: SignedInRequest, scope: Scope | OrgScope) -> Iterator[None]:
    """What is refused in here is recorded once its transaction has been rolled back."""
    request.scope = scope
    try:
        yield
    except Refused as refusal:
        _record_refusal(request, scope, refusal)
        raise
    except ObjectDoesNotExist as gone:
        # A verb looks within the scope: what it does not find is not here, or was taken away meanwhile.
        log.info("nothing_there_for_the_verb", path=request.path, cause=type(gone).__name__)
        raise Http404("Nothing here.") from gone


def _mark(door: View, place: str, action: Action | OrgAction) -> View:
    door.door = (place, action)  # type: ignore[attr-defined]  # read by test_doors
    return door


def _nothing_here(request: SignedInRequest) -> Http404:
    log.info("stranger_at_the_door", path=request.path, user_id=request.user.pk)
    return Http404("Nothing here.")


def _record_refusal(request: SignedInRequest, scope: Scope | OrgScope, refusal: Refused) -> None:
    with transaction.atomic():
        audit.record(
            scope,
            Event.DENIED,
            refusal.subject or f"page:{request.path}",
            label=str(refusal.action),
            denied=True,
            action=str(refusal.action),
            method=request.method or "",
            path=request.path[:200],
        )
