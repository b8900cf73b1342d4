"""People's verb that ends the way from a secret to public keys: the secret goes once nobody uses it any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.policy import Action
from keys import tasks
from keys.models import Death, Key
from keys.services.rotating import MadeElsewhere, locked

QUIET_FOR = timedelta(hours=24)
"""So long a secret must have rested: a job that runs once a day has had its turn."""


class Where(StrEnum):
    """How far a key is on its way."""

    ONE_KIND = "one_kind"
    ROTATING = "rotating"
    NOT_SIGNED = "not_signed"
    STILL_USED = "still_used"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Way:
    """`quiet_at`: from when on the secrets may end, if they are not used before."""

    where: Where
    secret_used_at: datetime | None = None
    signed_at: datetime | None = None
    quiet_at: datetime | None = None


class NotQuiet(Exception):
    """The secret may still be needed; `way` says why."""

    def __init__(self, way: Way) -> None:
        super().__init__(way.where)
        self.way = way


def way_of(key: Key, now: datetime) -> Way:
    """Read from the use that the token service has counted."""
    secrets = list(key.secrets.unended(now))
    public_keys = list(key.public_keys.unended(now))
    if not secrets or not public_keys:
        return Way(Where.ONE_KIND)
    used = max((each.last_used_at for each in secrets if each.last_used_at), default=None)
    signed = max((each.last_used_at for each in public_keys if each.last_used_at), default=None)
    quiet = max(each.last_used_at or each.created_at for each in secrets) + QUIET_FOR
    if key.rotations.open().exists():
        return Way(Where.ROTATING, used, signed, quiet)
    if signed is None or (used is not None and signed < used):
        return Way(Where.NOT_SIGNED, used, signed, quiet)
    return Way(Where.QUIET if quiet <= now else Where.STILL_USED, used, signed, quiet)


@transaction.atomic
def end_secrets(scope: Scope, client_id: str) -> int:
    """End every secret of a key whose client signs, once they have rested for a day; how many.

    Refused before: this is no way around a rotation, a pause or a report of a leak. Workers then prove each of them
    dead; until that is done its sealed text stays.
    """
    key = locked(scope, client_id, Action.REVOKE)
    if key.imported:
        raise MadeElsewhere
    now = timezone.now()
    way = way_of(key, now)
    if way.where is not Where.QUIET:
        raise NotQuiet(way)
    ending = list(key.secrets.unended(now).order_by("pk"))
    ended = [each for each in ending if each.end(scope.actor, now, keep_sealed=True)]
    key.judge_by_signatures(now)
    for each in ended:
        death = Death.objects.create(secret=each, next_at=now)
        transaction.on_commit(partial(tasks.ring_death, death.pk), robust=True)
        audit.record(
            scope,
            Event.SECRET_RETIRED,
            f"key:{client_id}",
            label=key.name,
            secret=each.public_id,
            hint=each.hint,
            why="Its client signs.",
        )
    return len(ended)
