"""What stands above a list of keys: how many there are, and what deserves a look. One statement, which a page waits for,
so what would look at each key is counted only where there are not too many."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, Exists, QuerySet, When

from environments.access import OrgScope, Scope
from environments.counting import Counted
from environments.models import Organization
from keys.filters import Filters
from keys.models import KeyQuerySet

COUNTED: Final = 2_000
CARDS: Final = (
    ("Failing", "health", "failing"),
    ("End within 30 days", "expires", "30"),
    ("Never end", "expires", "none"),
    ("Never used", "used", "never"),
    ("Idle for 90 days", "used", "90"),
)
INDEXED: Final = ("failing",)
"""Counted among however many keys."""


@dataclass(frozen=True, slots=True)
class Card:
    """A count that leads to the keys it counts; None where nobody has counted."""

    label: str
    count: int | None
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Figures:
    total: int
    found: int
    """How many of them the filters leave."""
    people: int
    cards: list[Card]

    @property
    def uncounted(self) -> bool:
        return any(card.count is None for card in self.cards)


def is_long(keys: KeyQuerySet) -> Exists:
    """Whether too many keys are there to count what needs a look at each."""
    return Exists(keys.existing().order_by()[COUNTED : COUNTED + 1])


def figures(
    scope: Scope | OrgScope, keys: KeyQuerySet, filters: Filters, now: datetime, *, long: bool
) -> Figures:
    """`long` where a row said so: then nothing is written into the statement that would not be counted."""
    existing = keys.existing().order_by()
    wanted = {
        f"card_{word}": _counted(existing, name, word, now)
        for _, name, word in CARDS
        if word in INDEXED or not long
    }
    here, grants = _place(scope)
    if filters.narrow:
        wanted["found"] = Counted(filters.apply(keys, now).order_by().values("pk"))
    row: dict[str, Any] = here.values(
        total=Counted(existing.values("pk")), people=Counted(grants.values("pk")), **wanted
    ).get()
    cards = [
        Card(label, row.get(f"card_{word}"), f"?{name}={word}", filters.asks(name, word))
        for label, name, word in CARDS
    ]
    return Figures(row["total"], row.get("found", row["total"]), row["people"], cards)


def _place(scope: Scope | OrgScope) -> tuple[QuerySet[Any], QuerySet[Any]]:
    """The row that the numbers are about, and the roles that people hold there."""
    if isinstance(scope, Scope):
        places = scope.organization.environments  # archived ones too: their lists stay readable
        return places.filter(pk=scope.environment.pk), scope.environment.grants.all()
    organizations = Organization.objects.visible_to(scope.actor)
    return organizations.filter(pk=scope.organization.pk), scope.organization.members.all()


def _counted(existing: KeyQuerySet, name: str, word: str, now: datetime) -> Counted | Case:
    count = Counted(Filters.narrowed(existing, name, word, now).values("pk"))
    return count if word in INDEXED else Case(When(is_long(existing), then=None), default=count)
