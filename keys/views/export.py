"""A list of keys as CSV: the rows and the order on screen, all pages, never a secret."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from environments import audit
from environments.access import OrgScope, Scope
from environments.events import Event
from environments.guard import SignedInRequest, in_environment, in_organization
from environments.policy import Action, OrgAction
from environments.sheets import sheet
from keys.filters import Filters, seen_everywhere, teams_of
from keys.health import health, last_used, shown_proof
from keys.models import Key, KeyQuerySet

HEAD = (
    "name", "client_id", "environment", "team", "health", "since", "last_used", "expires", "note",
)  # fmt: skip
CHUNK = 500


@require_safe
@in_organization(OrgAction.VIEW)
def everywhere(request: SignedInRequest, scope: OrgScope) -> StreamingHttpResponse:
    keys, _, filters = seen_everywhere(scope, request.GET)
    return _file(scope, filters.apply(keys, timezone.now()), f"{scope.organization.slug}-keys")


@require_safe
@in_environment(Action.VIEW)
def environment(request: SignedInRequest, scope: Scope) -> StreamingHttpResponse:
    keys = Key.objects.within(scope)
    filters = Filters.read(request.GET, teams_of(scope.organization, keys))
    name = f"{scope.organization.slug}-keys-{scope.environment.slug}"
    return _file(scope, filters.apply(keys, timezone.now()), name)


def _file(scope: Scope | OrgScope, keys: KeyQuerySet, name: str) -> StreamingHttpResponse:
    now = timezone.now()
    count = keys.count()
    with transaction.atomic():
        audit.record(
            scope, Event.KEYS_EXPORTED, f"export:{name}", label=f"{count} keys", keys=count
        )
    response = StreamingHttpResponse(_lines(keys, now), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{now:%Y-%m-%d}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(keys: KeyQuerySet, now: datetime) -> Iterator[str]:
    yield from sheet(HEAD, _rows(keys, now))


def _rows(keys: KeyQuerySet, now: datetime) -> Iterator[list[str]]:
    ids = list(keys.values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        found = {key.pk: key for key in keys.filter(pk__in=some).for_table()}
        for pk in some:
            if pk in found:
                yield _cells(found[pk], now)


def _cells(key: Key, now: datetime) -> list[str]:
    state, shown, used = health(key, now), shown_proof(key), last_used(key)
    return [
        key.name,
        key.shown_id,
        key.environment.slug,
        key.team.name if key.team else "",
        state.word,
        _instant(state.since),
        _instant(used),
        _instant(shown.expires_at if shown else None),
        key.note,
    ]


def _instant(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""
