"""Lists of keys: of one environment, and of all that the person sees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from environments.access import OrgScope, Scope, actions_anywhere
from environments.guard import SignedInRequest, in_environment, in_organization
from environments.policy import Action, OrgAction
from keys.filters import EXPIRY, HEALTH, USED, Filters, seen_everywhere, teams_of
from keys.health import Health, health, public_keys, shown_proof, signs_alone, tones, unended
from keys.idleness import Use, use_of
from keys.models import Key, KeyQuerySet, PublicKey, Secret
from keys.services import bulk
from keys.snippets import token_address
from keys.views.common import minutes_between_tests

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    key: Key
    health: Health
    tones: list[str]
    use: Use
    newest: Secret | PublicKey | None
    secrets: int
    public: int
    signs: bool
    follows: bool
    """Its public keys are taken from an address."""


def _row(key: Key, now: datetime) -> Row:
    recent = getattr(key, "recent", [])
    shown = shown_proof(key)
    public = sum(not each.ended_by(now) for each in public_keys(key))
    secrets = len(unended(key, now))
    return Row(
        key,
        health(key, now),
        tones(recent),
        use_of(key, now),
        shown,
        secrets,
        public,
        signs_alone(key),
        hasattr(key, "key_set"),
    )


def _listed(request: SignedInRequest, keys: KeyQuerySet, filters: Filters) -> dict[str, Any]:
    now = timezone.now()
    page = Paginator(filters.apply(keys, now).for_table(), PER_PAGE).get_page(
        request.GET.get("page")
    )
    return {
        "rows": [_row(key, now) for key in page],
        "page": page,
        "total": keys.existing().count(),
        "filters": filters,
        "health_choices": HEALTH.items(),
        "expiry_choices": EXPIRY.items(),
        "used_choices": USED.items(),
        "cards": filters.cards(keys, now),
        "headings": _headings(filters),
    }


def _headings(filters: Filters) -> dict[str, dict[str, str]]:
    """For each sortable column: what the next press sorts by, and what aria-sort says now."""
    now = filters.sort
    said = {True: "descending", False: "ascending"}
    return {
        name: {
            "next": f"-{name}" if now == name else name,
            "sorted": said[now.startswith("-")] if now.removeprefix("-") == name else "none",
        }
        for name in ("name", "team", "expires")
    }


@require_safe
@in_organization(OrgAction.VIEW)
def everywhere(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    keys, places, filters = seen_everywhere(scope, request.GET)
    may = actions_anywhere(scope)
    context = {
        "scope": scope,
        "places": places,
        "can": {action.name.lower(): action in may for action in bulk.NEEDS.values()},
        **_listed(request, keys, filters),
    }
    return render(request, "keys/everywhere.html", context)


@require_safe
@in_environment(Action.VIEW)
def environment(request: SignedInRequest, scope: Scope) -> HttpResponse:
    keys = Key.objects.within(scope)
    filters = Filters.read(request.GET, teams_of(keys))
    context = {
        "scope": scope,
        "places": [],
        "can": scope.can,
        "token_address": token_address(scope.environment),
        "minutes": minutes_between_tests(scope.environment),
        "people": scope.environment.grants.count(),
        **_listed(request, keys, filters),
    }
    return render(request, "keys/environment.html", context)
