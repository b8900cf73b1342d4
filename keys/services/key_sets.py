"""People's verbs on the address of a key's public keys: enter or change it, ask for a fetch, remove it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.outside import check_place
from environments.policy import Action
from keys import tasks
from keys.models import Key, KeySet, PublicKey
from keys.services import changes
from keys.services.issuing import AgainstPolicy
from keys.services.rotating import MadeElsewhere, locked


@dataclass(frozen=True, slots=True)
class NewKeySet:
    """What a person says about where a key's public keys are published."""

    url: str
    algorithm: str = ""
    expires_at: datetime | None = None

    def as_logged(self) -> dict[str, str | None]:
        ends = self.expires_at.isoformat() if self.expires_at else None
        return {"url": self.url, "algorithm": self.algorithm, "expires_at": ends}


@transaction.atomic
def enter_key_set(scope: Scope, client_id: str, new: NewKeySet) -> KeySet:
    """Take the key's public keys from there, from the first fetch that reads a set on; until then nothing changes."""
    key = _issued(scope, client_id)
    check_place(new.url)
    if scope.environment.expiry_required and new.expires_at is None:
        raise AgainstPolicy
    now = timezone.now()
    held = _locked(scope, key)
    if held is None or held.url != new.url:
        changes.spend(scope, changes.address_of(key, new.url), now)
    before = NewKeySet(held.url, held.algorithm, held.expires_at).as_logged() if held else None
    held = held or KeySet(key=key)
    held.url, held.algorithm, held.expires_at = new.url, new.algorithm, new.expires_at
    held.set_at = held.asked_at = held.next_at = now
    held.set_by = scope.actor
    # Another fence, so that what the former address answers late is dropped.
    held.fence += 1
    held.attempt, held.leased_until, held.outcome, held.stages = 0, None, "", []
    held.save()
    _ring(held)
    _record(scope, Event.KEY_SET_ENTERED, key, before=before, after=new.as_logged())
    return held


def _locked(scope: Scope, key: Key) -> KeySet | None:
    return KeySet.objects.within(scope).filter(key=key).select_for_update(of=("self",)).first()


def _issued(scope: Scope, client_id: str) -> Key:
    """To enter or remove an address adds public keys and ends others."""
    key = locked(scope, client_id, Action.ROTATE)
    scope.require(Action.REVOKE, key, f"key:{client_id}")
    if key.imported:
        raise MadeElsewhere
    return key


@transaction.atomic
def fetch_now(scope: Scope, client_id: str) -> None:
    """Ask a worker to fetch the set; nothing new while one is asked for."""
    key = locked(scope, client_id, Action.TEST)
    held = _locked(scope, key)
    if held is None or held.asked_at is not None:
        return
    held.asked_at = held.next_at = timezone.now()
    held.save(update_fields=["asked_at", "next_at"])
    _ring(held)
    _record(scope, Event.KEY_SET_ASKED, key, url=held.url)


@transaction.atomic
def remove_key_set(scope: Scope, client_id: str, *, end_keys: bool) -> None:
    """Fetch no more. The public keys found there end, or stay as if they had been pasted."""
    key = _issued(scope, client_id)
    held = _locked(scope, key)
    if held is None:
        return
    ended = []
    if end_keys:
        living = key.public_keys.filter(revoked_at=None, origin=PublicKey.Origin.KEY_SET)
        ended = [each.kid for each in living if each.end(scope.actor, timezone.now())]
    held.delete()
    _record(scope, Event.KEY_SET_REMOVED, key, url=held.url, ended=ended)


def _ring(held: KeySet) -> None:
    # Robust: without a broker the row still stands, and the clock rings later.
    transaction.on_commit(partial(tasks.ring_key_set, held.pk), robust=True)


def _record(scope: Scope, event: Event, key: Key, **detail: Any) -> None:
    audit.record(scope, event, f"key:{key.client_id}", label=key.name, **detail)
