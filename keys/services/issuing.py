"""People's verbs that make a key and hand over a secret: create, see it once, collect it, discard it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import Scope
from environments.approvals import Change
from environments.events import Event
from environments.models import Kind, Team
from environments.policy import Act, Action
from keys import fingerprint, handover, sealing
from keys.crypto import SecretText, hint, mint_secret
from keys.handover import Browser
from keys.models import CredentialTest, Handover, Key, Secret
from keys.services import room
from keys.services.testing import ask_for_test


class NameTaken(Exception):
    """Another key of this environment has the name."""


class AgainstPolicy(Exception):
    """The environment's policy forbids a secret this end; the forms say so at the field."""


class KeyEnded(Exception):
    """The key was deleted."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a person says about a key to be made."""

    name: str
    team: Team | None = None
    note: str = ""
    used_by: str = ""
    kept_in: str = ""
    scopes: Sequence[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OneSight:
    """How a new secret reaches the person: in which browser, from which form."""

    browser: Browser
    once: str


@dataclass(frozen=True, slots=True)
class KeyToBe:
    """As far as the policy asks."""

    team_id: int | None

    @classmethod
    def of(cls, team: Team | None) -> Self:
        return cls(team.pk if team else None)


def create_key(scope: Scope, new: NewKey, sight: OneSight) -> Handover:
    """Make a key with its first secret. The same form posted twice makes one key and gives the same page."""
    try:
        return _create_key(scope, new, sight)
    except IntegrityError:
        made = handover.earlier(scope.actor, sight.once)
        if made is None:
            raise NameTaken from None
        return made


@transaction.atomic
def _create_key(scope: Scope, new: NewKey, sight: OneSight) -> Handover:
    made = handover.earlier(scope.actor, sight.once)
    if made is not None:
        return made
    require_create(scope, new)
    room.for_new_key(scope, new.team)
    now = timezone.now()
    if scope.environment.refuses_end(new.expires_at, now):
        raise AgainstPolicy
    spent = approvals.spend(scope, creation(scope, new, SECRET), now)
    key = put_down(scope, new)
    shown = make_secret(scope, key, sight, new.expires_at)
    audit.record(
        scope,
        Event.KEY_CREATED,
        f"key:{key.client_id}",
        label=key.name,
        team=new.team.name if new.team else None,
        secret=shown.secret.public_id,
        expires_at=new.expires_at.isoformat() if new.expires_at else None,
        **spent,
    )
    return shown


SECRET, PUBLIC_KEYS = "A secret, shown once", "Public keys"


def creation(scope: Scope, new: NewKey, proof: str) -> Change:
    """What exactly is made, as far as others may have to approve it. `proof`: by what it will be proven, in words."""
    said: dict[str, str | None] = {
        "name": new.name,
        "team": new.team.name if new.team else None,
        "what_uses_it": new.used_by or None,
        "where_it_is_kept": new.kept_in or None,
        "note": new.note or None,
        "scopes": " ".join(new.scopes) if new.scopes is not None else "all",
        "proven_by": proof,
        "ends": new.expires_at.isoformat() if new.expires_at else None,
    }
    place = scope.environment
    return Change(Act.CREATE, f"environment:{place.slug}", new.name, place, {}, said)


def require_create(scope: Scope, new: NewKey) -> None:
    scope.require(Action.CREATE, KeyToBe.of(new.team), f"environment:{scope.environment.slug}")


def put_down(scope: Scope, new: NewKey, form_hash: str = "") -> Key:
    """The row of a key, before anything proves it."""
    return Key.objects.create(
        environment=scope.environment,
        team=new.team,
        name=new.name,
        note=new.note,
        used_by=new.used_by,
        kept_in=new.kept_in,
        scopes=list(new.scopes) if new.scopes is not None else None,
        created_by=scope.actor,
        form_hash=form_hash,
    )


def make_secret(scope: Scope, key: Key, sight: OneSight, expires_at: datetime | None) -> Handover:
    """Mint, seal for workers, mark for the token service, and keep for its one sight."""
    text = mint_secret(Kind(scope.environment.kind).tag)
    pepper_id, mark = fingerprint.mark(text.reveal())
    secret = Secret(
        key=key,
        hint=hint(text.reveal()),
        pepper_id=pepper_id,
        mark=mark,
        created_by=scope.actor,
        expires_at=expires_at,
    )
    secret.sealed = sealing.seal_credential(text, secret.context)
    secret.save(force_insert=True)
    return handover.keep(text, secret, user=scope.actor, browser=sight.browser, once=sight.once)


@transaction.atomic
def see_secret(scope: Scope, shown: Handover, browser: Browser) -> SecretText:
    """Open the hand-over for its person, in its browser; each sight is in the log."""
    _may_still(scope, shown)
    text = handover.show(shown, browser, timezone.now())
    key = shown.secret.key
    audit.record(
        scope,
        Event.SECRET_SEEN,
        f"key:{key.client_id}",
        label=key.name,
        secret=shown.secret.public_id,
    )
    return text


@transaction.atomic
def collect_secret(scope: Scope, shown: Handover) -> CredentialTest:
    """The person says the secret is stored: close its one sight, and test it at once."""
    _may_still(scope, shown)
    key = Key.objects.within(scope).select_for_update(of=("self",)).get(pk=shown.secret.key_id)
    now = timezone.now()
    _close(shown, now)
    secret = shown.secret
    collected = key.secrets.filter(pk=secret.pk, collected_at=None).update(collected_at=now)
    test = _first_test(scope, secret)
    if collected:
        audit.record(
            scope,
            Event.SECRET_COLLECTED,
            f"key:{key.client_id}",
            label=key.name,
            secret=secret.public_id,
        )
    return test


def _first_test(scope: Scope, secret: Secret) -> CredentialTest:
    """A worker may be at it: an outside use has collected the secret before its person said so."""
    rotation = secret.rotated_in.open().first()
    if rotation is None:
        return ask_for_test(secret, CredentialTest.Reason.CREATED, asked_by=scope.actor)
    running = rotation.tests.unfinished().first()
    proof = CredentialTest.Reason.PROOF
    return running or ask_for_test(secret, proof, asked_by=scope.actor, rotation=rotation)


@transaction.atomic
def discard_secret(scope: Scope, shown: Handover) -> None:
    """The person could not store it: this secret ends, any other lives on, and its rotation is discarded."""
    _may_still(scope, shown)
    now = timezone.now()
    key = Key.objects.within(scope).select_for_update(of=("self",)).get(pk=shown.secret.key_id)
    secret = key.secrets.get(pk=shown.secret_id)
    _close(shown, now)
    if secret.collected_at is None and secret.end(scope.actor, now):
        rotation = secret.rotated_in.open().first()
        if rotation is not None and not rotation.cut:
            rotation.discard(scope.actor, now)
        audit.record(
            scope,
            Event.SECRET_DISCARDED,
            f"key:{key.client_id}",
            label=key.name,
            secret=secret.public_id,
        )


def _may_still(scope: Scope, shown: Handover) -> None:
    """Whose role was lowered after the secret was made has no more to do with it."""
    key = shown.secret.key
    scope.require(Action.ROTATE, key, f"key:{key.client_id}")


def _close(shown: Handover, now: datetime) -> None:
    shown.secret.handovers.filter(pk=shown.pk, closed_at=None).update(closed_at=now, sealed=None)
