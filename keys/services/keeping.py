"""People's verbs on a key that exists: edit, move, disable, enable, revoke a secret, delete."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.models import Environment, Team
from environments.policy import Action
from keys.models import Key, Secret
from keys.services.issuing import KeyEnded, NameTaken

EDITABLE = ("name", "note", "used_by", "kept_in")


class NeedsApproval(Exception):
    """In production a key is deleted only with an approval."""


class LastKey(Exception):
    """The environment's last live key stays."""


def _locked(scope: Scope, client_id: str, action: Action) -> Key:
    """The key, locked within the scope, once the policy has agreed to this act on it."""
    key = Key.objects.within(scope).select_for_update(of=("self",)).get(client_id=client_id)
    scope.require(action, key, f"key:{client_id}")
    if key.deleted_at:
        raise KeyEnded
    return key


def edit_key(scope: Scope, client_id: str, **values: str) -> None:
    """Change name, note, what uses it, where it is kept."""
    try:
        _edit_key(scope, client_id, values)
    except IntegrityError:
        raise NameTaken from None


@transaction.atomic
def _edit_key(scope: Scope, client_id: str, values: dict[str, str]) -> None:
    key = _locked(scope, client_id, Action.EDIT)
    changed = [name for name in EDITABLE if name in values and getattr(key, name) != values[name]]
    if not changed:
        return
    before = {name: getattr(key, name) for name in changed}
    for name in changed:
        setattr(key, name, values[name])
    key.save(update_fields=changed)
    after = {name: values[name] for name in changed}
    audit.record(
        scope, Event.KEY_EDITED, f"key:{client_id}", label=key.name, before=before, after=after
    )


@transaction.atomic
def set_expiry(scope: Scope, client_id: str, expires_at: datetime | None) -> None:
    """Give the newest unended secret another end; ended ones stay ended."""
    key = _locked(scope, client_id, Action.EDIT)
    newest = key.secrets.filter(revoked_at=None).order_by("-created_at", "-pk").first()
    if newest is None or newest.ended_by(timezone.now()):
        raise KeyEnded
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
    key = _locked(scope, client_id, Action.MOVE)
    before = key.team.name if key.team else None
    key.team = team
    key.save(update_fields=["team"])
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
    key = _locked(scope, client_id, Action.DISABLE)
    if key.disabled_at:
        return
    key.disabled_at, key.disabled_by = timezone.now(), scope.actor
    key.save(update_fields=["disabled_at", "disabled_by"])
    audit.record(scope, Event.KEY_DISABLED, f"key:{client_id}", label=key.name)


@transaction.atomic
def enable_key(scope: Scope, client_id: str) -> None:
    key = _locked(scope, client_id, Action.DISABLE)
    if not key.disabled_at:
        return
    key.disabled_at = key.disabled_by = None
    key.save(update_fields=["disabled_at", "disabled_by"])
    audit.record(scope, Event.KEY_ENABLED, f"key:{client_id}", label=key.name)


@transaction.atomic
def revoke_secret(scope: Scope, client_id: str, secret_id: str) -> None:
    """End one secret for good, in this request, in every process."""
    key = _locked(scope, client_id, Action.REVOKE)
    secret = Secret.objects.select_for_update(of=("self",)).get(key=key, public_id=secret_id)
    if secret.revoked_at:
        return
    secret.revoked_at, secret.revoked_by, secret.sealed = timezone.now(), scope.actor, None
    secret.save(update_fields=["revoked_at", "revoked_by", "sealed"])
    secret.handovers.update(closed_at=timezone.now(), sealed=None)
    audit.record(
        scope,
        Event.SECRET_REVOKED,
        f"key:{client_id}",
        label=key.name,
        secret=secret_id,
        hint=secret.hint,
    )


@transaction.atomic
def delete_key(scope: Scope, client_id: str) -> None:
    """End a key for good; its page stays as a tombstone. Never in production, never the last live key."""
    # The environment's row orders the deleters: two who delete at once cannot leave no key.
    Environment.objects.select_for_update(of=("self",)).get(pk=scope.environment.pk)
    key = _locked(scope, client_id, Action.DELETE)
    if scope.environment.production:
        raise NeedsApproval
    others = Key.objects.filter(environment=scope.environment).exclude(pk=key.pk)
    if not (others.existing() if key.disabled_at else others.scheduled()).exists():
        raise LastKey
    key.deleted_at, key.deleted_by = timezone.now(), scope.actor
    key.save(update_fields=["deleted_at", "deleted_by"])
    key.secrets.update(sealed=None)
    audit.record(scope, Event.KEY_DELETED, f"key:{client_id}", label=key.name)
