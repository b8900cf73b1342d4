"""People's verbs on public keys: make a key that is proven by them, add some, revoke one."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import Scope
from environments.events import Event
from environments.policy import Action
from keys.handover import form_hash
from keys.models import Key, KeySet, PublicKey
from keys.public_keys import MOST, CheckedKey
from keys.services import changes, room
from keys.services.issuing import (
    PUBLIC_KEYS,
    AgainstPolicy,
    KeyEnded,
    NameTaken,
    NewKey,
    creation,
    put_down,
    require_create,
)
from keys.services.rotating import MadeElsewhere, locked


class KidTaken(Exception):
    """A public key of this key that lives has the kid; `str` of it names it."""


class AddedBefore(Exception):
    """This very public key lives on this key already."""


class TakenFromAddress(Exception):
    """The key takes its public keys from the address of a key set, and from nowhere else."""


class TooManyPublicKeys(Exception):
    """A key has so many public keys at most."""


def create_key(scope: Scope, new: NewKey, once: str = "") -> Key:
    """Make a key without a secret: nothing proves it until a public key is added.

    The same form posted twice (`once` names it) makes one key, and gives it again.
    """
    try:
        return _create_key(scope, new, once)
    except IntegrityError:
        made = _earlier(scope, once)
        if made is None:
            raise NameTaken from None
        return made


def _earlier(scope: Scope, once: str) -> Key | None:
    mine = Key.objects.within(scope).filter(created_by=scope.actor)
    return mine.filter(form_hash=form_hash(once)).first() if once else None


@transaction.atomic
def _create_key(scope: Scope, new: NewKey, once: str) -> Key:
    made = _earlier(scope, once)
    if made is not None:
        return made
    require_create(scope, new)
    room.for_new_key(scope, new.team)
    spent = approvals.spend(scope, creation(scope, new, PUBLIC_KEYS), timezone.now())
    key = put_down(scope, new, form_hash(once) if once else "")
    team = new.team.name if new.team else None
    audit.record(
        scope,
        Event.KEY_CREATED,
        f"key:{key.client_id}",
        label=key.name,
        team=team,
        secret=None,
        **spent,
    )
    return key


@transaction.atomic
def add_public_keys(
    scope: Scope,
    client_id: str,
    entered: Sequence[CheckedKey],
    *,
    origin: PublicKey.Origin = PublicKey.Origin.PASTED,
    expires_at: datetime | None = None,
) -> list[PublicKey]:
    """Several may live at once: the kid of an assertion picks one. All of them are added, or none."""
    key = locked(scope, client_id, Action.ROTATE)
    if key.imported:
        raise MadeElsewhere
    if KeySet.objects.within(scope).filter(key=key).exists():
        raise TakenFromAddress
    _refuse_twins(key, entered)
    changes.spend(scope, changes.addition_to(key, entered), timezone.now())
    return [
        _add(scope, key, each, origin, _sooner(each.expires_at, expires_at)) for each in entered
    ]


def _refuse_twins(key: Key, entered: Sequence[CheckedKey]) -> None:
    held = list(key.public_keys.filter(revoked_at=None))
    taken = {each.kid for each in held} & {each.kid for each in entered}
    if {each.thumbprint for each in held} & {each.thumbprint for each in entered}:
        raise AddedBefore
    if taken:
        raise KidTaken(min(taken))
    if len(held) + len(entered) > MOST:
        raise TooManyPublicKeys


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _add(
    scope: Scope,
    key: Key,
    each: CheckedKey,
    origin: PublicKey.Origin,
    expires_at: datetime | None,
) -> PublicKey:
    if scope.environment.expiry_required and expires_at is None:
        raise AgainstPolicy
    made = PublicKey.objects.create(
        key=key,
        origin=origin,
        kid=each.kid,
        algorithm=each.algorithm,
        jwk=each.jwk,
        kind=each.kind,
        thumbprint=each.thumbprint,
        created_by=scope.actor,
        expires_at=expires_at,
    )
    _record(scope, Event.PUBLIC_KEY_ADDED, key, made, before=None, after=made.as_logged())
    return made


def _record(
    scope: Scope,
    event: Event,
    key: Key,
    made: PublicKey,
    *,
    before: dict[str, str | None] | None,
    after: dict[str, str | None] | None,
) -> None:
    audit.record(
        scope,
        event,
        f"key:{key.client_id}",
        label=key.name,
        public_key=made.public_id,
        before=before,
        after=after,
    )


@transaction.atomic
def revoke_public_key(scope: Scope, client_id: str, public_id: str) -> None:
    """End one for good, in every process at once. Its kid may come again, with another public key."""
    key = locked(scope, client_id, Action.REVOKE)
    ending = key.public_keys.get(public_id=public_id)
    if ending.end(scope.actor, timezone.now()):
        _record(scope, Event.PUBLIC_KEY_REVOKED, key, ending, before=ending.as_logged(), after=None)


@transaction.atomic
def set_public_key_expiry(
    scope: Scope, client_id: str, public_id: str, expires_at: datetime | None
) -> None:
    """Give one that lives another end. Whatever has ended stays ended; what an address brought ends when it says."""
    key = locked(scope, client_id, Action.EDIT)
    held = key.public_keys.get(public_id=public_id)
    if held.ended_by(timezone.now()):
        raise KeyEnded
    if held.origin == PublicKey.Origin.KEY_SET and KeySet.objects.within(scope).filter(key=key):
        raise TakenFromAddress
    if scope.environment.expiry_required and expires_at is None:
        raise AgainstPolicy
    before = held.as_logged()
    held.expires_at = expires_at
    held.save(update_fields=["expires_at"])
    after = held.as_logged()
    _record(scope, Event.PUBLIC_KEY_EXPIRY_CHANGED, key, held, before=before, after=after)
