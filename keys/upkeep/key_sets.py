"""Key sets at addresses: which are due, fetching one, and what the clients of its key bring on.

The token service calls nobody. It counts unknown kids by key and hour, as it does all refusals; the clock reads that.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from environments.course import Stage
from keys.models import FETCHED_EVERY, STRIKES, HourOfUse, KeySet
from keys.set_fetching import FoundSet, fetch_key_set
from keys.set_outcomes import SetOutcome
from keys.upkeep.found_sets import keep
from keys.upkeep.testing import this_worker
from keys.upkeep.turns import my_turn

HURRY = timedelta(minutes=1)
"""A kid that nobody knows brings the next fetch on, but no sooner than so long after the last; then twice as long, and
so on. Whoever sends nonsense gets no more fetches than the clock makes anyway."""

log = structlog.get_logger(__name__)


def due(now: datetime, limit: int = 50) -> list[int]:
    """Those to be fetched now; those that somebody waits for come first."""
    wake(now, limit)
    waiting = KeySet.objects.due(now)
    for held in waiting.filter(attempt__gte=STRIKES)[:limit]:
        keep(held, FoundSet(SetOutcome.GAVE_UP))
    rung = waiting.filter(attempt__lt=STRIKES)
    first = (F("asked_at").asc(nulls_last=True), "next_at", "pk")
    return list(rung.order_by(*first).values_list("pk", flat=True)[:limit])


def wake(now: datetime, limit: int = 50) -> int:
    """Bring on the fetch of those whose key was shown an unknown kid since the last one; how many."""
    counted = _misses(HourOfUse.objects.filter(key=OuterRef("key"), hour__gte=OuterRef("counted_from")))  # fmt: skip
    resting = KeySet.objects.filter(next_at__gt=now, missed_at=None, key__deleted_at=None)
    missed = resting.annotate(seen=Coalesce(Subquery(counted), 0)).filter(seen__gt=F("misses"))
    woken = 0
    for held in missed.order_by("fetched_at")[:limit]:
        soon = max(now, (held.fetched_at or now) + pause(held.hurried))
        row = KeySet.objects.filter(pk=held.pk, fence=held.fence, missed_at=None)
        woken += row.update(missed_at=now, next_at=min(held.next_at, soon))
    return woken


def pause(hurried: int) -> timedelta:
    """Between two fetches, when so many in a row were brought on by unknown kids."""
    return min(HURRY * (1 << min(hurried, 10)), FETCHED_EVERY)


def _misses(hours: QuerySet[HourOfUse, Any]) -> QuerySet[HourOfUse, Any]:
    return (
        hours.filter(reason="unknown kid")
        .order_by()
        .values("key")
        .annotate(seen=Sum("count"))
        .values("seen")
    )


def fetch(key_set_id: int) -> None:
    """Claim the row, fetch the set, keep what was found. Called twice or late, it does nothing."""
    now = timezone.now()
    with my_turn():
        held = KeySet.objects.claim(key_set_id, now, this_worker())
    if held is None:
        return
    # Counted before it is fetched: whoever is refused meanwhile brings the next fetch on.
    held.counted_from = now.replace(minute=0, second=0, microsecond=0)
    hours = HourOfUse.objects.filter(key=held.key_id, hour__gte=held.counted_from)
    seen = _misses(hours).first()
    held.misses = seen["seen"] if seen else 0
    found = fetch_key_set(held.url, held.algorithm, now, _teller(held) if held.asked_at else None)
    with my_turn():
        keep(held, found)


def _teller(held: KeySet) -> Callable[[Sequence[Stage]], None]:
    """Somebody watches, so each stage is written as it begins; a busy database costs the view, not the work."""
    row = KeySet.objects.filter(pk=held.pk, fence=held.fence)

    def tell(stages: Sequence[Stage]) -> None:
        try:
            row.update(stages=[stage.row() for stage in stages])
        except OperationalError:
            log.warning("progress not written", key_set=held.pk)

    return tell
