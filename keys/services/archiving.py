"""A team is archived: its live keys go to another team, or to none, in the same step; all of them or none."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import OrgScope, Scope, enter
from environments.events import Event
from environments.models import Environment, Team
from environments.policy import Action, OrgAction
from environments.services import teams
from keys.models import KeyQuerySet
from keys.services import changes, room

MOST_KEYS = 500


class MayNotMove(Exception):
    """In `places`, where the team has keys, this person may not move them."""

    def __init__(self, places: Sequence[Environment]) -> None:
        super().__init__(", ".join(place.name for place in places))
        self.places = places


class TooManyKeys(Exception):
    """More than are moved in one step."""


type Standings = dict[int, Scope]


@transaction.atomic
def archive_team(scope: OrgScope, slug: str, to: Team | None) -> int:
    """How many keys were moved. The teams are locked first, then the keys, as when one key is made or moved."""
    scope.require(OrgAction.MANAGE_TEAMS, f"team:{slug}")
    team, target = _locked(scope, slug, to)
    keys = list(living(team).select_for_update(of=("self",)).order_by("pk")[: MOST_KEYS + 1])
    if len(keys) > MOST_KEYS:
        raise TooManyKeys
    standings = movers(scope, team)
    room.refuse_full(target, len(keys))
    living(team).update(team=target)
    now = timezone.now()
    for key in keys:
        changes.overtake_all(standings[key.environment_id], key, now)
    where = target.name if target else None
    teams.archive_team(scope, slug, keys_moved=len(keys), moved_to=where)
    for key in keys:
        audit.record(
            standings[key.environment_id],
            Event.KEY_MOVED,
            f"key:{key.client_id}",
            label=key.name,
            before={"team": team.name},
            after={"team": where},
        )
    return len(keys)


def living(team: Team) -> KeyQuerySet:
    return team.keys.filter(deleted_at=None).select_related("environment__organization")


def _locked(scope: OrgScope, slug: str, to: Team | None) -> tuple[Team, Team | None]:
    """In one order, whichever of two teams is archived into the other."""
    slugs = [slug, to.slug] if to else [slug]
    rows = scope.organization.teams.current().select_for_update(of=("self",))
    held = {each.slug: each for each in rows.filter(slug__in=slugs).order_by("pk")}
    if len(held) < len(slugs):
        raise Team.DoesNotExist
    return held[slug], held[to.slug] if to else None


def movers(scope: OrgScope, team: Team) -> Standings:
    """The person in each environment where the team has live keys; they must be able to move keys in all of them."""
    keys = living(team).values("environment")
    places = list(scope.organization.environments.filter(pk__in=keys))
    found = {
        place: enter(scope.actor, scope.organization.slug, place.slug, scope.origin)
        for place in places
    }
    missing = [place for place, here in found.items() if here is None or not here.may(Action.MOVE)]
    if missing:
        raise MayNotMove(missing)
    return {place.pk: here for place, here in found.items() if here is not None}
