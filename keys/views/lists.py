"""Lists of keys: of one environment, and of all that the person sees."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from environments.access import OrgScope, Scope, actions_anywhere
from environments.guard import SignedInRequest, in_environment, in_organization
from environments.policy import Action, OrgAction
from keys.figures import Figures, figures, is_long
from keys.filters import EXPIRY, HEALTH, USED, Filters, seen_everywhere, teams_of
from keys.health import Health, health, public_keys, shown_proof, signs_alone, tones, unended
from keys.idleness import Use, use_of
from keys.models import Key, KeyQuerySet, PublicKey, Secret
from keys.services import bulk
from keys.snippets import token_address
from keys.views.common import minutes_between_tests

PER_PAGE = 50
PAGE = re.compile(r"[1-9][0-9]{0,6}")

type Ids = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Row:
    key: Key
    href: str
    health: Health
    tones: list[str]
    use: Use
    newest: Secret | PublicKey | None
    secrets: int
    public: int
    signs: bool
    follows: bool
    """Its public keys are taken from an address."""


@lru_cache(maxsize=256)
def _keys_of(organization: str, environment: str) -> str:
    """What the addresses of its keys begin with: worked out once, not for each of fifty rows."""
    return reverse("keys:detail", args=[organization, environment, "-"]).removesuffix("-/")


def _row(key: Key, now: datetime) -> Row:
    recent = getattr(key, "recent", [])
    shown = shown_proof(key)
    public = sum(not each.ended_by(now) for each in public_keys(key))
    secrets = len(unended(key, now))
    place = key.environment
    return Row(
        key,
        f"{_keys_of(place.organization.slug, place.slug)}{key.client_id}/",
        health(key, now),
        tones(recent),
        use_of(key, now),
        shown,
        secrets,
        public,
        signs_alone(key),
        hasattr(key, "key_set"),
    )


def _listed(
    request: SignedInRequest, scope: Scope | OrgScope, keys: KeyQuerySet, filters: Filters
) -> dict[str, Any]:
    now = timezone.now()
    rows, page, known = _page(scope, keys, filters, request.GET.get("page", ""), now)
    return {
        "rows": [_row(key, now) for key in rows],
        "page": page,
        "figures": known,
        "filters": filters,
        "health_choices": HEALTH.items(),
        "expiry_choices": EXPIRY.items(),
        "used_choices": USED.items(),
        "headings": _headings(filters),
    }


def _page(
    scope: Scope | OrgScope, keys: KeyQuerySet, filters: Filters, asked: str, now: datetime
) -> tuple[list[Key], Page[Any], Figures]:
    """The rows first: they say as well whether the list is long."""
    found = filters.apply(keys, now).values("pk")
    number = int(asked) if PAGE.fullmatch(asked) else 1
    rows = _fetch(scope, keys, filters, found, number)
    known = figures(scope, keys, filters, now, long=bool(rows and getattr(rows[0], "long", False)))
    pages = Paginator(found, PER_PAGE)
    pages.count = known.found
    page = pages.get_page(asked)
    if page.number != number:
        rows = _fetch(scope, keys, filters, found, page.number)
    return rows, page, known


def _fetch(
    scope: Scope | OrgScope, keys: KeyQuerySet, filters: Filters, found: Ids, number: int
) -> list[Key]:
    """By their ids, which an index holds: all the keys before this page are left alone."""
    here = scope.environment if isinstance(scope, Scope) else None
    ids = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    shown = filters.ordered(keys.filter(pk__in=ids)).annotate(long=is_long(keys))
    rows = list(shown.for_table(with_place=here is None))
    if here is not None:
        for key in rows:
            key.environment = here
    return rows


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
        **_listed(request, scope, keys, filters),
    }
    return render(request, "keys/everywhere.html", context)


@require_safe
@in_environment(Action.VIEW)
def environment(request: SignedInRequest, scope: Scope) -> HttpResponse:
    keys = Key.objects.within(scope)
    filters = Filters.read(request.GET, teams_of(scope.organization, keys))
    context = {
        "scope": scope,
        "places": [],
        "can": scope.can,
        "token_address": token_address(scope.environment),
        "minutes": minutes_between_tests(scope.environment),
        **_listed(request, scope, keys, filters),
    }
    return render(request, "keys/environment.html", context)
