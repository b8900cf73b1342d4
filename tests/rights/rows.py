"""What an address needs, in the words of the published table; how it answers whom follows from that."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from environments.policy import (
    ABOUT_KEYS,
    APPROVERS,
    KEY_APPROVERS,
    Act,
    Action,
    OrgAction,
    OrganizationRole,
)
from tests.rights.people import (
    ADMIN,
    KEYS,
    MAKER,
    OTHER_OWNER,
    OWNER,
    PLACES,
    PLAIN,
    Person,
)


class Answer(Enum):
    IN = "comes in"
    """The page, its form again, or the way on."""
    REFUSED = "403"
    NOTHING = "404"
    NOT_TAKEN = "405"
    SIGN_IN = "signs in first"

    def __str__(self) -> str:
        return self.value


IN, REFUSED, NOTHING = Answer.IN, Answer.REFUSED, Answer.NOTHING


@dataclass(frozen=True)
class Target:
    """The row that an address names: where it is, whose it is."""

    name: str = ""
    place: str = ""
    team: str = ""
    about: Person | None = None


NO_TARGET = (Target(),)
READ, ACT, FORM = "GET", "POST", "GET POST"
NOT_TAKEN = {READ: "POST", ACT: "GET", FORM: "PATCH"}
"""The method that each is likeliest to be tried with by mistake."""


@dataclass(frozen=True, kw_only=True)
class Row(ABC):
    """`asked`, `sent`: what the address must be given to say anything. `empty`: methods to which there is nothing to
    say without more, so that who may comes to a 404 as well."""

    methods: str
    asked: str = ""
    sent: Mapping[str, str] = field(default_factory=dict)
    empty: str = ""

    @property
    def takes(self) -> tuple[str, ...]:
        return tuple(self.methods.split())

    @property
    def targets(self) -> tuple[Target, ...]:
        return NO_TARGET

    @property
    def needs(self) -> str:
        return ""

    @abstractmethod
    def answer(self, person: Person, target: Target) -> Answer:
        """What the published matrix says to this person here."""

    def cells(self, person: Person) -> Iterator[tuple[str, Target, Answer]]:
        """Every method that it takes, and one that it does not."""
        for target in self.targets:
            for method in self.takes:
                answer = self.answer(person, target)
                bare = answer is IN and method in self.empty.split()
                yield method, target, NOTHING if bare else answer
        yield NOT_TAKEN[self.methods], self.targets[0], Answer.NOT_TAKEN


@dataclass(frozen=True, kw_only=True)
class OnAcme(Row):
    """Of the organization: a stranger finds nothing, who lacks the right is refused."""

    action: OrgAction

    @property
    def needs(self) -> str:
        return str(self.action)

    def answer(self, person: Person, target: Target) -> Answer:
        if person.role is None:
            return NOTHING
        return self.inside(person, target) if self.action in person.on_acme else REFUSED

    def inside(self, person: Person, target: Target) -> Answer:
        return IN


@dataclass(frozen=True, kw_only=True)
class InPlace(Row):
    """Of an environment: who stands there and may do it to some key there."""

    action: Action

    @property
    def needs(self) -> str:
        return str(self.action)

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(place=place) for place in PLACES)

    def answer(self, person: Person, target: Target) -> Answer:
        if person.role is None or not person.stands_in(target.place):
            return NOTHING
        if self.action not in person.somewhere(target.place):
            return REFUSED
        return self.inside(person, target)

    def inside(self, person: Person, target: Target) -> Answer:
        return IN


@dataclass(frozen=True, kw_only=True)
class OnKey(InPlace):
    """Of one key: who does not see it finds nothing, who sees it and lacks the right is refused."""

    imported: bool = False

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(place=place, team=team) for place, team in KEYS)

    def inside(self, person: Person, target: Target) -> Answer:
        held = person.on_key(target.place, target.team)
        if Action.VIEW not in held:
            return NOTHING
        return IN if self.action in held else REFUSED


@dataclass(frozen=True, kw_only=True)
class OnHandover(OnKey):
    """A new secret is for who made it, whatever others hold."""

    def inside(self, person: Person, target: Target) -> Answer:
        return IN if person is MAKER else NOTHING


@dataclass(frozen=True, kw_only=True)
class Own(OnAcme):
    """A row of one person's own; nobody else finds it."""

    whose: Person = MAKER

    def inside(self, person: Person, target: Target) -> Answer:
        return IN if person is self.whose else NOTHING


@dataclass(frozen=True, kw_only=True)
class OnTeam(OnAcme):
    """Who is in a team: whoever manages teams, and the lead of this one."""

    action: OrgAction = OrgAction.VIEW

    @property
    def needs(self) -> str:
        return f"{OrgAction.MANAGE_TEAMS}, or to lead it"

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(name=team, team=team) for team in ("payments", "search"))

    def inside(self, person: Person, target: Target) -> Answer:
        able = OrgAction.MANAGE_TEAMS in person.on_acme or person.leads(target.team)
        return IN if able else REFUSED


def out_of_reach(person: Person, other: Person) -> bool:
    """An admin never touches an owner, nor the own roles."""
    if person.role is OrganizationRole.OWNER:
        return False
    return person is other or other.role is OrganizationRole.OWNER


@dataclass(frozen=True, kw_only=True)
class OnMember(OnAcme):
    """What changes a member."""

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(name=each.name, about=each) for each in (PLAIN, ADMIN, OWNER))

    def inside(self, person: Person, target: Target) -> Answer:
        assert target.about
        return REFUSED if out_of_reach(person, target.about) else IN


@dataclass(frozen=True, kw_only=True)
class OnAccess(OnAcme):
    """A request for a role. `by`: who may do this to it."""

    action: OrgAction = OrgAction.VIEW
    by: str
    """"seen", "asker" or "giver"."""

    @property
    def needs(self) -> str:
        return {"asker": "to have asked", "seen": "to have asked, or to give roles"}.get(
            self.by, str(self.action)
        )

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(name=each.name, about=each) for each in (PLAIN, ADMIN, OWNER))

    def inside(self, person: Person, target: Target) -> Answer:
        gives = OrgAction.MANAGE_ENVIRONMENT_ROLES in person.on_acme
        own = person is target.about
        if not (gives or own):
            return NOTHING
        if self.by == "asker":
            return IN if own else REFUSED
        if self.by == "giver":
            assert target.about
            return REFUSED if own or out_of_reach(person, target.about) else IN
        return IN


@dataclass(frozen=True, kw_only=True)
class OnRequest(OnAcme):
    """A request for approval: about a key in each environment, which the maker asked for, and about a role, which the
    other owner asked for. `by`: who may do this to it."""

    action: OrgAction = OrgAction.VIEW
    by: str
    """"seen", "decider", "asker", "owner" (of the own request), or "second" (an owner who did not ask)."""

    @property
    def needs(self) -> str:
        words = {
            "seen": "to have asked, or to decide it, or to be an owner",
            "decider": "to decide it",
            "asker": "to have asked",
        }
        return words.get(self.by, str(self.action))

    @property
    def targets(self) -> tuple[Target, ...]:
        of_keys = [
            Target(name=f"about a key in {place}", place=place, about=MAKER) for place in PLACES
        ]
        return (*of_keys, Target(name="about a role", about=OTHER_OWNER))

    @staticmethod
    def decides(person: Person, target: Target) -> bool:
        """Never the own one."""
        if person is target.about:
            return False
        if (Act.ROTATE if target.place else Act.ROLES) in ABOUT_KEYS:
            return person.places.get(target.place) in KEY_APPROVERS
        return person.role in APPROVERS

    def inside(self, person: Person, target: Target) -> Answer:
        own, decides = person is target.about, self.decides(person, target)
        if not (own or decides or person.role in APPROVERS):
            return NOTHING
        may = {"seen": True, "decider": decides, "asker": own, "owner": own, "second": not own}
        return IN if may[self.by] else REFUSED
