"""Tests older than a year become figures of a day; what proves a secret, or its death, stays a row."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from keys.models import CredentialTest, CredentialTestQuerySet, DailyFigure, Death, Key, Rotation
from keys.outcomes import Fault, Outcome

KEPT = timedelta(days=365)
LOOKED_AT = 5000


def fold_tests(now: datetime, limit: int = 500) -> int:
    """How many days of single keys were folded; the oldest first, bounded, and harmless when done twice."""
    cut = datetime.combine((now - KEPT).astimezone(UTC).date(), time(), UTC)
    oldest = _foldable().filter(asked_at__lt=cut).order_by("asked_at")
    found = oldest.values_list("key_id", "asked_at")[:LOOKED_AT]
    days = dict.fromkeys((key, asked_at.astimezone(UTC).date()) for key, asked_at in found)
    return sum(_fold(key, day) for key, day in list(days)[:limit])


def _foldable() -> CredentialTestQuerySet:
    this = OuterRef("pk")
    receipts = Rotation.objects.filter(Q(proven_by=this) | Q(refused_by=this) | Q(accepted_by=this))
    deaths = Death.objects.filter(refused_by=this)
    return CredentialTest.objects.finished().filter(~Exists(receipts), ~Exists(deaths))


@transaction.atomic
def _fold(key_id: int, day: date) -> int:
    # The key's row orders the folders: the second finds nothing left.
    Key.objects.select_for_update().get(pk=key_id)
    begins = datetime.combine(day, time(), UTC)
    tests = _foldable().filter(
        key=key_id, asked_at__gte=begins, asked_at__lt=begins + timedelta(days=1)
    )
    rows = list(tests.values_list("pk", "outcome", "duration_ms"))
    if not rows:
        return 0
    _keep(key_id, day, [(Outcome(outcome), took) for _, outcome, took in rows])
    CredentialTest.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
    return 1


def _keep(key_id: int, day: date, found: Iterable[tuple[Outcome, float | None]]) -> None:
    """Added to what was kept of the day before; of two medians the one that stands for more stays."""
    kept = list(found)
    times = [took for outcome, took in kept if outcome is Outcome.WORKS and took is not None]
    worked = sum(outcome is Outcome.WORKS for outcome, _ in kept)
    failed = sum(outcome.fault is Fault.CREDENTIAL for outcome, _ in kept)
    figure, _ = DailyFigure.objects.get_or_create(key_id=key_id, day=day)
    if times and worked >= figure.worked:
        figure.median_ms = median(times)
    figure.longest_ms = max([*times, figure.longest_ms or 0]) if times else figure.longest_ms
    figure.worked += worked
    figure.failed += failed
    figure.unjudged += len(kept) - worked - failed
    figure.save()
