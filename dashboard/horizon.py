"""What ends in the next 90 days, by week; counted by the database, so that many keys cost as little as few."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from keys.models import KeyQuerySet

WEEKS = 13
TALLEST = 40
LABEL_EVERY = 4


@dataclass(frozen=True, slots=True)
class Week:
    """One bar: the first day, the number of keys, the height of its bar, whether its day is written under it."""

    starts: date
    count: int
    height: int
    labelled: bool

    @property
    def top(self) -> int:
        return TALLEST - self.height

    @property
    def ends(self) -> date:
        return self.starts + timedelta(days=6)


def weeks(keys: KeyQuerySet, now: datetime) -> Sequence[Week]:
    """`keys` carry `ends_at`. Empty where nothing ends, so that the page need not draw nothing."""
    today = timezone.localdate(now)
    within = Q(ends_at__gt=now, ends_at__lte=now + timedelta(weeks=WEEKS))
    ending = (
        keys.may_end_by(now + timedelta(weeks=WEEKS))
        .filter(within, disabled_at=None)
        .order_by()
        .annotate(day=TruncDate("ends_at"))
        .values("day")
        .annotate(count=Count("pk"))
    )
    counts = [0] * WEEKS
    for row in ending:
        counts[min((row["day"] - today).days // 7, WEEKS - 1)] += row["count"]
    if not any(counts):
        return []
    most = max(counts)
    return [
        Week(
            today + timedelta(weeks=number),
            count,
            round(TALLEST * count / most) or (2 if count else 0),
            number % LABEL_EVERY == 0,
        )
        for number, count in enumerate(counts)
    ]
