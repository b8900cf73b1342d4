"""Whether a team may own another key: asked by forms, for their words, and by the verbs again, behind the team's own lock."""

from environments.access import Scope
from environments.models import Team


class NoRoom(Exception):
    """The team owns as many keys as it may, or is archived; `str` says so to whoever wanted one more."""


def refuse_full(team: Team | None, more: int = 1) -> None:
    """Deleted keys take no room. Disabled ones do: they can be enabled."""
    if team is None or not more:
        return
    if team.archived_at:
        raise NoRoom(f"{team.name} is archived and owns no keys. Choose another team.")
    if team.most_keys is None:
        return
    owned = team.keys.filter(deleted_at=None).count()
    if owned + more > team.most_keys:
        raise NoRoom(
            f"{team.name} has {owned} of {team.most_keys} keys that it may own. Choose another team, "
            "or ask an admin or owner for a higher limit."
        )


def for_new_key(scope: Scope, team: Team | None) -> None:
    """The same for a key that is made: not in an environment that is archived at this moment."""
    places = scope.organization.environments.current().select_for_update(of=("self",))
    places.get(pk=scope.environment.pk)
    take(scope, team)


def take(scope: Scope, team: Team | None, more: int = 1) -> None:
    """Before any other row is locked: of two who want the last place at once, the second counts what the first made."""
    if team is not None:
        rows = scope.organization.teams.select_for_update(of=("self",))
        refuse_full(rows.get(pk=team.pk), more)
