"""What a person may do and why, and what they have done: about themselves, for themselves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from environments import audit
from environments.access import OrgScope, Scope, enter, enter_organization
from environments.guard import SignedInRequest, vouched_for
from environments.models import AuditEvent, Organization, Team, User
from environments.policy import SENTENCES, Action, OrgAction
from environments.views.log_rows import ACTIONS, EVENTS

NEWEST = 50


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody may do by one role."""

    source: str
    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """One person in one organization: what they may do to it, and in each of its environments."""

    organization: Organization
    own: Right
    places: Sequence[tuple[str, Sequence[Right]]]


@dataclass(frozen=True, slots=True)
class Done:
    at: datetime
    sentence: str
    about: str
    place: str
    address: str
    refused: bool


@require_safe
def access(request: SignedInRequest) -> HttpResponse:
    standings = [_standing(scope) for scope in _everywhere(request)]
    return render(request, "dashboard/access.html", {"standings": standings})


@require_safe
def activity(request: SignedInRequest) -> HttpResponse:
    done = [each for scope in _everywhere(request) for each in _done_in(scope)]
    if vouched_for(request) is None:
        done += _done_at_the_door(request.user)
    done.sort(key=lambda each: each.at, reverse=True)
    return render(request, "dashboard/activity.html", {"done": done[:NEWEST]})


def _everywhere(request: SignedInRequest) -> Iterator[OrgScope]:
    only = vouched_for(request)
    own = Organization.objects.visible_to(request.user).order_by("name")
    for organization in own.filter(pk=only) if only else own:
        scope = enter_organization(request.user, organization.slug)
        if scope:
            yield scope


def _standing(scope: OrgScope) -> Standing:
    names = {team.pk: team for team in scope.organization.teams.all()}
    slugs = scope.organization.environments.current().values_list("slug", flat=True)
    places = [enter(scope.actor, scope.organization.slug, slug) for slug in slugs]
    return Standing(
        scope.organization,
        Right(scope.role.value.capitalize(), _said(scope.actions)),
        [(place.environment.name, _rights(place, names)) for place in places if place],
    )


def _rights(place: Scope, teams: dict[int, Team]) -> list[Right]:
    rights = [Right(place.role.value.capitalize(), _said(place.actions))] if place.role else []
    for team, actions in place.team_actions.items():
        more = actions - place.actions
        if more and team in teams:
            rights.append(Right(f"For keys of {teams[team]}", _said(more)))
    return rights


def _said(actions: Iterable[Action | OrgAction]) -> list[str]:
    """In the order of the table that says who may do what."""
    held = set(actions)
    return [words for action, words in SENTENCES.items() if action in held]


def _done_in(scope: OrgScope) -> list[Done]:
    names = dict(scope.organization.environments.values_list("slug", "name"))
    own = audit.within(scope).filter(actor_id=scope.actor.pk).order_by("-at", "-sequence")
    home = str(scope.organization)
    return [
        _done(each, f"{home}, {names[each.environment]}" if each.environment in names else home)
        for each in own[:NEWEST]
    ]


def _done_at_the_door(user: User) -> list[Done]:
    """Also who tried to sign in as this person, and could not."""
    about = Q(actor_id=user.pk) | Q(actor_id=None, subject=f"user:{user.pk}")
    own = audit.within(audit.Installation()).filter(about).order_by("-at", "-sequence")
    return [_done(each, "") for each in own[:NEWEST]]


def _done(event: AuditEvent, place: str) -> Done:
    return Done(
        event.at,
        EVENTS.get(event.event, event.event),
        ""
        if event.label == event.actor
        else ACTIONS.get(event.label, event.label) or event.subject,
        place,
        event.address,
        event.denied or event.event.endswith("failed"),
    )
