"""Who there is, and what each holds: facts alone. What follows from them is read off the constants of `policy`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from environments.policy import (
    GRANTS,
    NEEDS_ISSUING,
    ORGANIZATION_GRANTS,
    TEAM_GRANTS,
    Action,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
    TeamRole,
)

PLACES = ("development", "staging", "production")
ISSUING: Mapping[str, frozenset[str]] = {
    "payments": frozenset({"development", "production"}),
    "search": frozenset({"staging"}),
    "ops": frozenset({"development"}),
    "former": frozenset({"development"}),
}
"""Where each team may issue."""
OWNING = frozenset({"payments", "search"})
"""These own keys (see `KEYS`); the others none."""
ARCHIVED = frozenset({"former"})

type At = tuple[str, str]
KEYS: tuple[At, ...] = (
    ("development", ""),
    ("development", "payments"),
    ("staging", "payments"),
    ("staging", "search"),
    ("production", "payments"),
    ("production", "search"),
)
"""(environment, team) of a key: of no team, of one that may issue there, of one that may not."""


@dataclass(frozen=True, eq=False)
class Person:
    name: str
    role: OrganizationRole | None = OrganizationRole.MEMBER
    """In Acme; None: no member there."""
    places: Mapping[str, EnvironmentRole] = field(default_factory=dict)
    teams: Mapping[str, TeamRole] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    @property
    def on_acme(self) -> frozenset[OrgAction]:
        return ORGANIZATION_GRANTS[self.role] if self.role else frozenset()

    def by_team(self, team: str, place: str) -> frozenset[Action]:
        """For the keys of the team; an archived one gives nothing."""
        if team not in self.teams or team in ARCHIVED:
            return frozenset()
        given = TEAM_GRANTS[self.teams[team]]
        return given if place in ISSUING[team] else given - NEEDS_ISSUING

    def on_key(self, place: str, team: str) -> frozenset[Action]:
        """The union of what the role there and the role in the key's team give."""
        role = self.places.get(place)
        return (GRANTS[role] if role else frozenset()) | self.by_team(team, place)

    def somewhere(self, place: str) -> frozenset[Action]:
        """To some key there: of an own team or of any."""
        return self.on_key(place, "").union(*(self.by_team(team, place) for team in self.teams))

    def stands_in(self, place: str) -> bool:
        """A role there, or a team that may issue there or owns keys there (design part 12)."""
        current = [team for team in self.teams if team not in ARCHIVED]
        owning = {(there, team) for there, team in KEYS}
        return place in self.places or any(
            place in ISSUING[team] or (place, team) in owning for team in current
        )

    def leads(self, team: str) -> bool:
        return self.teams.get(team) is TeamRole.LEAD and team not in ARCHIVED


LEAD, MEMBER = TeamRole.LEAD, TeamRole.MEMBER
STRANGER = Person("stranger who holds every role elsewhere", None)
MAKER = Person("engineer everywhere", places=dict.fromkeys(PLACES, EnvironmentRole.ENGINEER))
"""Made all keys, and asked for what there is of requests about keys."""
OWNER = Person("owner", OrganizationRole.OWNER)
OTHER_OWNER = Person("other owner", OrganizationRole.OWNER)
"""Has asked for the approval of a role."""
ADMIN = Person("admin", OrganizationRole.ADMIN)
PLAIN = Person("member without a role")

PEOPLE: tuple[Person, ...] = (
    STRANGER,
    PLAIN,
    *(
        Person(f"{role} in {place}", places={place: role})
        for place in PLACES
        for role in EnvironmentRole
    ),
    MAKER,
    *(
        Person(f"{role} of {team}", teams={team: role})
        for team in ("payments", "search")
        for role in TeamRole
    ),
    Person("lead of ops", teams={"ops": LEAD}),
    Person("lead of former, an archived team", teams={"former": LEAD}),
    Person(
        "viewer in production and lead of payments",
        places={"production": EnvironmentRole.VIEWER},
        teams={"payments": LEAD},
    ),
    ADMIN,
    OWNER,
    OTHER_OWNER,
)
