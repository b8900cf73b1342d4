"""Whose keys a person standing in an environment sees: the one tenant filter of this floor."""

from django.db.models import Q

from environments.access import Scope
from environments.policy import Action


def reach(scope: Scope, key: str = "") -> Q:
    """`key` is the path from the filtered rows to their key, ending in `__`; empty for keys themselves."""
    here = Q(**{f"{key}environment": scope.environment})
    if Action.VIEW in scope.actions:
        return here
    return here & Q(**{f"{key}team_id__in": scope.teams_granting(Action.VIEW)})
