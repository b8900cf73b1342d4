"""The facts on the home screen and in the frame, as plain data; each asked in a fixed number of statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, When

from environments import audit
from environments.access import OrgScope
from environments.counting import Counted
from environments.events import SENTENCES, Event
from environments.models import (
    Environment,
    Kind,
    Organization,
    User,
)
from environments.policy import GRANTS, TEAM_GRANTS, Action, OrgAction, OrganizationRole
from environments.policy import SENTENCES as RIGHTS
from environments.views.log_rows import names_of, who_of
from keys.figures import is_long
from keys.idleness import with_idleness
from keys.models import COLLECT_WITHIN, Death, Key, KeyQuerySet, KeySet, Rotation, Secret
from keys.outcomes import Outcome
from keys.progress.states import in_short

SOON = timedelta(days=7)
MONTH = timedelta(days=30)
SETTLED = timedelta(hours=1)
UNREAD = timedelta(minutes=20)  # a key set that a second fetch could not read either
ROWS = 7
CHANGES = 10
WORDS: Mapping[str, str] = {str(action): words for action, words in RIGHTS.items()}
"""What was refused is written down by the name of its right."""

FAILING = Q(failing_since__isnull=False, disabled_at=None)


@dataclass(frozen=True, slots=True)
class Figures:
    """One environment's column."""

    place: Environment
    keys: int = 0
    failing: int = 0
    disabled: int = 0
    expiring: int | None = 0
    untested: int | None = 0
    idle: int | None = 0
    last_test: datetime | None = None
    long: bool = False
    """There are too many keys to look at each: the four before are not known."""


@dataclass(frozen=True, slots=True)
class Concern:
    """One row of what needs attention: what, why, since or until when."""

    key: Key
    tone: str
    reason: str
    at: datetime | None
    rotation: str = ""
    """Its page is the one to open."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log, as a sentence."""

    at: datetime
    actor: str
    act: str
    label: str
    environment: str
    denied: bool


@dataclass(frozen=True, slots=True)
class Overview:
    columns: Sequence[Figures]
    concerns: Sequence[Concern]
    more_concerns: int
    changes: Sequence[Change]
    lone_owner: bool
    helpers: Sequence[User]

    @property
    def keys(self) -> int:
        return sum(column.keys for column in self.columns)

    @property
    def failing(self) -> int:
        return sum(column.failing for column in self.columns)

    @property
    def unproven(self) -> int:
        return sum((column.untested or 0) + column.disabled for column in self.columns)

    @property
    def counted(self) -> bool:
        return not any(column.long for column in self.columns)

    @property
    def failing_places(self) -> str:
        names = [column.place.name for column in self.columns if column.failing]
        return names[0] if len(names) == 1 else f"{len(names)} environments"


def environments(user: User, organization: Organization) -> Iterable[Environment]:
    """Where the person stands, each with the number of its keys that fail."""
    failing = (
        Key.objects.visible_to(user)
        .existing()
        .filter(FAILING, environment=OuterRef("pk"))
        .order_by()
        .values("environment")
        .annotate(count=Count("pk"))
    )
    return (
        Environment.objects.visible_to(user)
        .filter(organization=organization)
        .annotate(failing=Subquery(failing.values("count")))
    )


def failing_of(environment: Environment) -> int:
    return int(getattr(environment, "failing", None) or 0)


def look(scope: OrgScope, now: datetime) -> Overview:
    """All that the home screen says, for one person in one organization."""
    columns = _columns(scope, now)
    concerns = _concerns(scope, now)
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER)
    return Overview(
        columns=columns,
        concerns=concerns[:ROWS],
        more_concerns=max(len(concerns) - ROWS, 0),
        changes=_changes(scope),
        lone_owner=scope.role is OrganizationRole.OWNER and owners.count() == 1,
        helpers=[] if columns else _helpers(scope),
    )


def keys_of(scope: OrgScope) -> KeyQuerySet:
    """A key shows the date of its newest live secret."""
    return (
        Key.objects.visible_to(scope.actor)
        .existing()
        .filter(environment__organization=scope.organization)
        .with_end()
    )


def _columns(scope: OrgScope, now: datetime) -> list[Figures]:
    """Each number by an index, or, where that takes a look at each key, only where there are not too many."""
    mine = Key.objects.visible_to(scope.actor).filter(environment=OuterRef("pk")).order_by()
    keys = mine.existing()
    running = keys.filter(disabled_at=None)
    by_index = {
        "keys": keys,
        "failing": running.filter(failing_since__isnull=False),
        "disabled": keys.filter(disabled_at__isnull=False),
    }
    one_by_one = {
        "expiring": running.with_end().filter(Q(ends_at__lte=now + MONTH)),
        "untested": running.with_end().filter(Q(has_secret=True, last_tested_at=None)),
        "idle": with_idleness(running).filter(Q(idle_from__lte=now)),
    }
    latest = keys.order_by(F("last_tested_at").desc(nulls_last=True)).values("last_tested_at")
    long = is_long(mine)
    numbers = {
        **{name: Counted(found.values("pk")) for name, found in by_index.items()},
        **{
            name: Case(When(long, then=None), default=Counted(found.values("pk")))
            for name, found in one_by_one.items()
        },
        "last_test": Case(When(long, then=None), default=Subquery(latest[:1])),
        "long": long,
    }
    places = Environment.objects.visible_to(scope.actor).filter(organization=scope.organization)
    return [
        Figures(place, *(getattr(place, f"n_{name}") for name in numbers))
        for place in places.annotate(**{f"n_{name}": found for name, found in numbers.items()})
    ]


def _concerns(scope: OrgScope, now: datetime) -> list[Concern]:
    """Worst first: failing in production, failing elsewhere, leaked without a successor or ended and still accepted,
    expired, a rotation that does not move, a key set that cannot be read, a scope that is not given, never collected,
    ending soon."""
    uncollected = Secret.objects.filter(
        key=OuterRef("pk"), collected_at=None, revoked_at=None, created_at__lte=now - SETTLED
    ).order_by("created_at")
    undead = Death.objects.filter(secret__key=OuterRef("pk")).undead().order_by("alarmed_at")
    keys = (
        keys_of(scope)
        .may_need_a_look(now, now + SOON, now - SETTLED)
        .filter(disabled_at=None)
        .annotate(
            waiting_since=Subquery(uncollected.values("created_at")[:1]),
            undead_since=Subquery(undead.values("alarmed_at")[:1]),
        )
        .filter(
            FAILING
            | Q(ends_at__lte=now + SOON)
            | Q(waiting_since__isnull=False)
            | Q(key_set__failing_since__lte=now - UNREAD)
            | Q(short_since__isnull=False)
            | Q(undead_since__isnull=False)
            | Exists(Rotation.objects.filter(key=OuterRef("pk")).troubled(now))
        )
        .select_related("environment__organization", "team", "key_set")
        .with_troubled(now)
        .order_by("name")[:200]
    )
    ranked = [(rank, concern) for key in keys for rank, concern in [_concern(key, now)]]
    return [concern for _, concern in sorted(ranked, key=lambda pair: pair[0])]


def _concern(key: Key, now: datetime) -> tuple[int, Concern]:
    if key.failing_since:
        reason = (
            f"Failing: {Outcome(key.last_outcome).label.lower()}" if key.last_outcome else "Failing"
        )
        rank = 0 if key.environment.kind == Kind.PRODUCTION else 1
        return rank, Concern(key, "bad", reason, key.failing_since)
    return _rotation_concern(key, now) or _secret_concern(key, now)


def _rotation_concern(key: Key, now: datetime) -> tuple[int, Concern] | None:
    undead: datetime | None = getattr(key, "undead_since", None)
    if undead:
        return 2, Concern(key, "bad", "An ended secret is still accepted", undead)
    troubled: list[Rotation] = getattr(key, "troubled", [])
    if not troubled:
        return None
    short = in_short(troubled[0], now)
    concern = Concern(key, short.tone, f"Rotation: {short.words}", short.at, troubled[0].public_id)
    return 2 if short.tone == "bad" else 4, concern


def _secret_concern(key: Key, now: datetime) -> tuple[int, Concern]:
    ends_at: datetime | None = getattr(key, "ends_at", None)
    waiting: datetime | None = getattr(key, "waiting_since", None)
    if ends_at and ends_at <= now:
        return 3, Concern(key, "bad", "Expired", ends_at)
    key_set: KeySet | None = getattr(key, "key_set", None)
    if key_set and key_set.result and key_set.failing_since:
        reason = f"Key set cannot be read: {key_set.result.label.lower()}"
        return 4, Concern(key, "warn", reason, key_set.failing_since)
    if key.short_since:
        return 4, Concern(key, "warn", "Lacks scope: some calls are refused", key.short_since)
    if waiting:
        return 5, Concern(key, "warn", "Secret not collected; it ends", waiting + COLLECT_WITHIN)
    return 6, Concern(key, "warn", "Expires", ends_at)


def _changes(scope: OrgScope) -> list[Change]:
    """The last lines of the log, as far as the person may read it."""
    lines = audit.within(scope)
    if not scope.may(OrgAction.READ_LOG):
        readers = [role for role, granted in GRANTS.items() if Action.READ_LOG in granted]
        held = scope.member.environment_grants.filter(role__in=readers)
        slugs = held.values_list("environment__slug", flat=True)
        lines = lines.filter(Q(environment__in=list(slugs)) | Q(subject__in=_own_teams_keys(scope)))
    names = dict(scope.organization.environments.values_list("slug", "name"))
    newest = list(lines.order_by("-sequence")[:CHANGES])
    people = names_of(scope, newest)
    return [
        Change(
            line.at,
            who_of(line, people),
            SENTENCES[Event(line.event)],
            people.get(line.label) or WORDS.get(line.label, line.label or line.subject),
            names.get(line.environment, line.environment),
            line.denied,
        )
        for line in newest
    ]


def _own_teams_keys(scope: OrgScope) -> list[str]:
    """As the log names them, of the teams whose role lets the person read on."""
    readers = [role for role, granted in TEAM_GRANTS.items() if Action.READ_LOG in granted]
    held = scope.member.team_memberships.filter(role__in=readers, team__archived_at=None)
    own = Key.objects.visible_to(scope.actor).filter(team__in=held.values("team"))
    return [f"key:{client_id}" for client_id in own.values_list("client_id", flat=True)]


def _helpers(scope: OrgScope) -> list[User]:
    """Who can give a person without any environment a role in one."""
    givers = scope.organization.members.filter(
        role__in=[OrganizationRole.OWNER, OrganizationRole.ADMIN]
    )
    return [member.user for member in givers.exclude(pk=scope.member.pk).select_related("user")[:3]]
