"""Which keys a list shows, and in which order: read from the address, so that a copied address shows the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q
from django.http import QueryDict

from environments.access import OrgScope
from environments.models import Environment, Organization, Team
from keys.models import Key, KeyQuerySet, PublicKey, Rotation, Secret
from keys.outcomes import Outcome

QUERY_LENGTH = 100
HEALTH = {
    "failing": "Failing",
    "working": "Working",
    "untested": "Untested",
    "signed": "Public key alone",
    "rotating": "Rotating",
    "disabled": "Disabled",
    "expired": "Expired",
    "deleted": "Deleted",
}
EXPIRY = {"7": "Within 7 days", "30": "Within 30 days", "90": "Within 90 days", "none": "No expiry"}
USED = {"never": "Never used", "30": "Not in 30 days", "90": "Not in 90 days"}
SORTS = {
    "name": "name",
    "team": "team__name",
    "expires": "ends_at",
    "tested": "last_tested_at",
}
NO_TEAM = "none"


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    value: str
    href: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; unknown values ask for nothing."""

    asked: QueryDict
    teams: Mapping[str, str]
    places: Mapping[str, str]

    @classmethod
    def read(
        cls, asked: QueryDict, teams: Iterable[Team], places: Iterable[Environment] = ()
    ) -> "Filters":
        named = {team.slug: team.name for team in teams}
        return cls(asked, {**named, NO_TEAM: "No team"}, {p.slug: p.name for p in places})

    @property
    def words(self) -> str:
        text = self.asked.get("q", "").replace("\x00", "")
        return text.encode(errors="ignore").decode().strip()[:QUERY_LENGTH]

    def _one_of(self, name: str, known: Mapping[str, str]) -> str:
        given = self.asked.get(name, "")
        return given if given in known else ""

    @property
    def team(self) -> str:
        return self._one_of("team", self.teams)

    @property
    def health(self) -> str:
        return self._one_of("health", HEALTH)

    @property
    def expires(self) -> str:
        return self._one_of("expires", EXPIRY)

    @property
    def used(self) -> str:
        return self._one_of("used", USED)

    @property
    def place(self) -> str:
        return self._one_of("environment", self.places)

    @property
    def sort(self) -> str:
        given = self.asked.get("sort", "")
        return given if given.removeprefix("-") in SORTS else "name"

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(label, value, self._without(name))
            for name, label, value in (
                ("q", "Text", self.words),
                ("environment", "Environment", self.places.get(self.place, "")),
                ("team", "Team", self.teams.get(self.team, "")),
                ("health", "Health", HEALTH.get(self.health, "")),
                ("expires", "Expires", EXPIRY.get(self.expires, "")),
                ("used", "Last used", USED.get(self.used, "")),
            )
            if value
        ]

    def _without(self, name: str) -> str:
        rest = self.asked.copy()
        for gone in (name, "page"):
            rest.pop(gone, None)
        return f"?{rest.urlencode()}"

    @property
    def narrow(self) -> bool:
        """Whether anything is asked for that only some keys have."""
        return bool(self.chips)

    def apply(self, keys: KeyQuerySet, now: datetime) -> KeyQuerySet:
        return self.ordered(self._dated(keys).filter(self._wanted(now)))

    def _dated(self, keys: KeyQuerySet) -> KeyQuerySet:
        """With the dates that what is asked for needs: to write them into a statement takes longer than to read a page."""
        for name, word in (("health", self.health), ("expires", self.expires), ("used", self.used)):
            keys = _with_dates(keys, name) if word else keys
        return keys

    def ordered(self, keys: KeyQuerySet) -> KeyQuerySet:
        """As asked for; what has no date or team comes last."""
        name = self.sort.removeprefix("-")
        if name == "name":  # never null, so that an index serves it
            return keys.order_by(self.sort, "pk")
        if name == "expires":
            keys = keys.with_end()
        down, column = self.sort.startswith("-"), F(SORTS[name])
        order = column.desc(nulls_last=True) if down else column.asc(nulls_last=True)
        return keys.order_by(order, "name", "pk")

    def _wanted(self, now: datetime) -> Q:
        wanted = _healthy(self.health, now)
        if self.words:
            hinted = Secret.objects.filter(key=OuterRef("pk"), hint=self.words.lstrip("…."))
            named = PublicKey.objects.filter(key=OuterRef("pk"), kid=self.words)
            wanted &= (
                Q(name__icontains=self.words)
                | Q(note__icontains=self.words)
                | Q(client_id__icontains=self.words)
                | Q(outside_id__icontains=self.words)
                | Q(Exists(hinted))
                | Q(Exists(named))
            )
        if self.place:
            wanted &= Q(environment__slug=self.place)
        if self.team:
            wanted &= Q(team=None) if self.team == NO_TEAM else Q(team__slug=self.team)
        return wanted & _ending(self.expires, now) & _using(self.used, now)

    def asks(self, name: str, word: str) -> bool:
        return self._one_of(name, {word: word}) == word

    @staticmethod
    def narrowed(keys: KeyQuerySet, name: str, word: str, now: datetime) -> KeyQuerySet:
        """Those to which one word of one filter leads."""
        asks = {"health": _healthy, "expires": _ending, "used": _using}
        dated = keys if word == "failing" else _with_dates(keys, name)
        return dated.filter(asks[name](word, now))


def _with_dates(keys: KeyQuerySet, name: str) -> KeyQuerySet:
    """With the end of the newest proof, or the last use of any: what this filter asks about."""
    return keys.with_use() if name == "used" else keys.with_end()


def _ending(word: str, now: datetime) -> Q:
    if word == "none":
        return Q(ends_at=None)
    if word:
        return Q(ends_at__gt=now, ends_at__lte=now + timedelta(days=int(word)))
    return Q()


def _using(word: str, now: datetime) -> Q:
    """Use at an outside endpoint is not measured: those keys are in neither answer."""
    if word == "never":
        return Q(used_at=None, endpoint=None)
    if word:
        return Q(used_at__lt=now - timedelta(days=int(word)))
    return Q()


def _healthy(word: str, now: datetime) -> Q:
    if word == "deleted":
        return ~Q(deleted_at=None)
    exists = Q(deleted_at=None)
    live = exists & Q(disabled_at=None)
    current = live & (Q(ends_at=None) | Q(ends_at__gt=now))
    return {
        "failing": live & Q(failing_since__isnull=False),  # in the words of its index
        "working": current & Q(has_secret=True, failing_since=None, last_outcome=Outcome.WORKS),
        "untested": live & Q(has_secret=True, last_tested_at=None),
        "signed": live & Q(has_secret=False, endpoint=None),
        "rotating": live & Q(Exists(Rotation.objects.filter(key=OuterRef("pk"), closed_at=None))),
        "disabled": exists & ~Q(disabled_at=None),
        "expired": live & Q(ends_at__lte=now),
    }.get(word, exists)


def teams_of(organization: Organization, keys: KeyQuerySet) -> list[Team]:
    """Teams to choose from: those that own a key in this list. For each one look into an index, however many keys."""
    owned = keys.order_by().filter(team=OuterRef("pk"))
    return list(organization.teams.current().filter(Exists(owned)).order_by("name"))


def seen_everywhere(
    scope: OrgScope, asked: QueryDict
) -> tuple[KeyQuerySet, list[Environment], Filters]:
    """All keys of the organization that the person sees, the environments they stand in, and what is asked of both."""
    keys = Key.objects.visible_to(scope.actor).filter(environment__organization=scope.organization)
    seen = Environment.objects.visible_to(scope.actor).filter(organization=scope.organization)
    places = list(seen)
    return keys, places, Filters.read(asked, teams_of(scope.organization, keys), places)
