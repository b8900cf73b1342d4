"""What ends or comes of age, soonest first, by weeks. Nothing is stored: it is worked out from the secrets' dates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Least, NullIf, TruncWeek
from django.utils import timezone

from environments.access import Scope
from environments.policy import Action
from keys.models import Key, KeyQuerySet, Rotation, Secret

HORIZONS = (30, 60, 90, 365)
CRUNCH = 5
"""So many keys in one week are worth a note."""
NEAR = timedelta(days=7)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ending:
    """One key's next date: its expiry, or the age at which its secret is due for rotation."""

    key: Key
    at: datetime
    expires: bool
    words: str
    tone: str
    prepared: bool
    may_rotate: bool = False
    may_edit: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """What ends in it; `begins` is a Monday, None for what is past."""

    begins: date | None
    endings: Sequence[Ending]


@dataclass(frozen=True, slots=True)
class Crunch:
    begins: date
    count: int


def ending(keys: KeyQuerySet, now: datetime, within: timedelta) -> KeyQuerySet:
    """Keys at work whose secret ends or comes of age until then, past ones too."""
    standing = Secret.objects.filter(key=OuterRef("pk"), revoked_at=None).standing()
    newest = standing.order_by("-created_at", "-pk")
    waits = Rotation.objects.filter(key=OuterRef("pk"), new=None).open()
    moment = DateTimeField()
    due = ExpressionWrapper(F("born") + F("environment__secret_max_age"), moment)
    # The least of a date and nothing is nothing on SQLite, so each stands for nothing by a date after all.
    never = Value(NEVER, moment)
    nearest = NullIf(Least(Coalesce("ends_at", never), Coalesce("due_at", never)), never)
    return (
        keys.scheduled()
        .may_end_by(now + within, or_come_of_age=True)
        .with_end(standing)
        .annotate(
            born=Subquery(newest.values("created_at")[:1]),
            prepared=Exists(waits),
        )
        .annotate(due_at=due)
        .annotate(at=nearest)
        .filter(at__lte=now + within)
        .order_by("at", "name", "pk")
    )


def already(keys: KeyQuerySet, now: datetime) -> int:
    return keys.filter(Q(at__lte=now)).count()


def crunches(keys: KeyQuerySet, now: datetime) -> list[Crunch]:
    """The weeks ahead in which many come at once, as far as `keys` reaches."""
    ahead = keys.filter(Q(at__gt=now)).order_by()
    weeks = ahead.annotate(week=TruncWeek("at")).values("week").annotate(count=Count("pk"))
    full = weeks.filter(count__gte=CRUNCH).order_by("week")
    return [Crunch(timezone.localtime(row["week"]).date(), row["count"]) for row in full]


def by_week(endings: Sequence[Ending], now: datetime) -> Iterator[Week]:
    for begins, some in groupby(endings, key=lambda each: _week(each.at, now)):
        yield Week(begins, list(some))


def _week(at: datetime, now: datetime) -> date | None:
    if at <= now:
        return None
    day = timezone.localtime(at).date()
    return day - timedelta(days=day.weekday())


def as_ending(key: Key, scope: Scope | None, now: datetime) -> Ending:
    """`scope`: the person in this key's environment."""
    at: datetime = key.at  # type: ignore[attr-defined]  # annotated above
    expires = at == getattr(key, "ends_at", None)
    tested = bool(getattr(key, "has_secret", True))
    return Ending(
        key,
        at,
        expires,
        _words(at, now, expires=expires),
        _tone(at, now, expires=expires),
        bool(getattr(key, "prepared", False)),
        may_rotate=tested and scope is not None and scope.may(Action.ROTATE, key),
        may_edit=tested and scope is not None and scope.may(Action.EDIT, key),
    )


def _words(at: datetime, now: datetime, *, expires: bool) -> str:
    span = spoken(abs(at - now))
    if at <= now:
        return f"Expired {span} ago" if expires else f"Due for rotation since {span}"
    return f"{span} left" if expires else f"Due for rotation in {span}"


def spoken(span: timedelta) -> str:
    if span >= timedelta(days=1):
        return f"{span.days} d"
    hours = span // timedelta(hours=1)
    return f"{hours} h" if hours else f"{span // timedelta(minutes=1)} min"


def _tone(at: datetime, now: datetime, *, expires: bool) -> str:
    if at <= now:
        return "bad" if expires else "warn"
    return "warn" if at <= now + NEAR else ""
