"""People's verbs on a key that exists: edit, move, disable, enable, revoke a secret, delete."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.models import Team
from environments.policy import Action
from keys.models import Key, Secret
from keys.services import changes, room
from keys.services.issuing import AgainstPolicy, KeyEnded, NameTaken
from keys.services.rotating import locked, look_soon, settle

SWITCHES = (
    *("allowed_networks", "tokens_a_minute"),
    *("takes_token_url", "redox_door", "legacy_door"),
)
"""What the token service asks of the clients of an issued key, and lets them do, beyond its usual rules."""
DOORS = ("redox_door", "legacy_door")
EDITABLE = ("name", "note", "used_by", "kept_in", *SWITCHES)


class LastKey(Exception):
    """The environment's last live key stays."""


class OnlySecret(Exception):
    """It is the only secret that works: rotate, disable the key, or report a leak."""


def edit_key(scope: Scope, client_id: str, **values: object) -> None:
    """Change name, note, what uses it, where it is kept, and what its clients may do."""
    try:
        _edit_key(scope, client_id, values)
    except IntegrityError:
        raise NameTaken from None


@transaction.atomic
def _edit_key(scope: Scope, client_id: str, values: dict[str, object]) -> None:
    key = locked(scope, client_id, Action.EDIT)
    changed = [name for name in EDITABLE if name in values and getattr(key, name) != values[name]]
    opened = [name for name in DOORS if name in changed and values[name]]
    if opened and not scope.environment.redox_doors:
        raise AgainstPolicy
    if not changed:
        return
    before = {name: getattr(key, name) for name in changed}
    for name in changed:
        setattr(key, name, values[name])
    key.save(update_fields=changed)
    if "name" in changed:
        changes.overtake_all(scope, key, timezone.now())
    after = {name: values[name] for name in changed}
    audit.record(
        scope, Event.KEY_EDITED, f"key:{client_id}", label=key.name, before=before, after=after
    )


@transaction.atomic
def set_expiry(scope: Scope, client_id: str, expires_at: datetime | None) -> None:
    """Give the newest unended secret another end; ended ones stay ended."""
    key = locked(scope, client_id, Action.EDIT)
    newest = key.secrets.filter(revoked_at=None).order_by("-created_at", "-pk").first()
    if newest is None or newest.ended_by(timezone.now()):
        raise KeyEnded
    if scope.environment.refuses_end(expires_at, newest.created_at, newest.expires_at):
        raise AgainstPolicy
    before = newest.expires_at.isoformat() if newest.expires_at else None
    newest.expires_at = expires_at
    newest.save(update_fields=["expires_at"])
    audit.record(
        scope,
        Event.KEY_EXPIRY_CHANGED,
        f"key:{client_id}",
        label=key.name,
        secret=newest.public_id,
        before={"expires_at": before},
        after={"expires_at": expires_at.isoformat() if expires_at else None},
    )


@transaction.atomic
def move_key(scope: Scope, client_id: str, team: Team | None) -> None:
    """Where the team has room for it. The team's row is locked before the key's, as when one is made."""
    held = scope.environment.keys.filter(client_id=client_id, team=team)
    room.take(scope, team, 0 if held.exists() else 1)
    key = locked(scope, client_id, Action.MOVE)
    before = key.team.name if key.team else None
    key.team = team
    key.save(update_fields=["team"])
    changes.overtake_all(scope, key, timezone.now())
    audit.record(
        scope,
        Event.KEY_MOVED,
        f"key:{client_id}",
        label=key.name,
        before={"team": before},
        after={"team": team.name if team else None},
    )


@transaction.atomic
def disable_key(scope: Scope, client_id: str) -> None:
    """From now on every token request is refused; enabling undoes it."""
    key = locked(scope, client_id, Action.DISABLE)
    if key.disabled_at:
        return
    key.disabled_at, key.disabled_by = timezone.now(), scope.actor
    key.save(update_fields=["disabled_at", "disabled_by"])
    audit.record(scope, Event.KEY_DISABLED, f"key:{client_id}", label=key.name)


@transaction.atomic
def enable_key(scope: Scope, client_id: str) -> None:
    key = locked(scope, client_id, Action.DISABLE)
    if not key.disabled_at:
        return
    key.disabled_at = key.disabled_by = None
    key.save(update_fields=["disabled_at", "disabled_by"])
    audit.record(scope, Event.KEY_ENABLED, f"key:{client_id}", label=key.name)


@transaction.atomic
def revoke_secret(scope: Scope, client_id: str, secret_id: str) -> None:
    """End one secret for good, in this request, in every process. The only one that works stays: a leak is reported.

    The new one of a rotation takes the rotation along; the old one is ended early, and still proven dead.
    """
    key = locked(scope, client_id, Action.REVOKE)
    secret = key.secrets.get(public_id=secret_id)
    if secret.revoked_at:
        return
    now = timezone.now()
    if works_alone(key, secret, now):
        raise OnlySecret
    rotation = key.rotations.open().select_for_update(of=("self",)).first()
    out = rotation is not None and rotation.old == secret
    secret.end(scope.actor, now, keep_sealed=out)
    if rotation is not None:
        settle(rotation, secret, scope.actor, now)
    key.judge_by_signatures(now)
    audit.record(
        scope,
        Event.SECRET_REVOKED,
        f"key:{client_id}",
        label=key.name,
        secret=secret_id,
        hint=secret.hint,
    )


def works_alone(key: Key, secret: Secret, now: datetime) -> bool:
    """Whether the key would be left without a secret that has been seen to work."""
    if key.disabled_at or secret.ended_by(now) or not secret.has_worked:
        return False
    others = key.secrets.unended(now).exclude(pk=secret.pk)
    return not any(other.has_worked for other in others)


@transaction.atomic
def delete_key(scope: Scope, client_id: str) -> None:
    """End a key for good; its page stays as a tombstone. Never the last live key, and in production never without a permit."""
    # The environment's row orders the deleters: two who delete at once cannot leave no key.
    scope.organization.environments.select_for_update(of=("self",)).get(pk=scope.environment.pk)
    key = locked(scope, client_id, Action.DELETE)
    others = scope.environment.keys.exclude(pk=key.pk)
    if not (others.existing() if key.disabled_at else others.scheduled()).exists():
        raise LastKey
    now = timezone.now()
    spent = changes.spend(scope, changes.deletion_of(key), now)
    changes.overtake_all(scope, key, now)
    key.deleted_at, key.deleted_by = now, scope.actor
    key.save(update_fields=["deleted_at", "deleted_by"])
    key.secrets.update(sealed=None)
    rotation = key.rotations.open().first()
    if rotation is not None:
        look_soon(rotation)
    audit.record(scope, Event.KEY_DELETED, f"key:{client_id}", label=key.name, **spent)
