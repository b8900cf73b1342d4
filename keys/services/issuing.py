"""People's verbs that make secrets: create a key, add a secret beside the old one, see it once, collect it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.models import Kind, Team
from environments.policy import Action
from keys import fingerprint, handover, sealing
from keys.crypto import SecretText, hint, mint_secret
from keys.handover import Browser
from keys.models import CredentialTest, Handover, Key, Secret
from keys.services.testing import ask_for_test

MOST_LIVE_SECRETS = 2


class NameTaken(Exception):
    """Another key of this environment has the name."""


class TooManySecrets(Exception):
    """Two secrets live already: end one before making a third."""


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
class _For:
    """A key to be, as far as the policy asks."""

    team_id: int | None


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
    scope.require(
        Action.CREATE,
        _For(new.team.pk if new.team else None),
        f"environment:{scope.environment.slug}",
    )
    key = Key.objects.create(
        environment=scope.environment,
        team=new.team,
        name=new.name,
        note=new.note,
        used_by=new.used_by,
        kept_in=new.kept_in,
        scopes=list(new.scopes) if new.scopes is not None else None,
        created_by=scope.actor,
    )
    shown = _make_secret(scope, key, sight, new.expires_at)
    audit.record(
        scope,
        Event.KEY_CREATED,
        f"key:{key.client_id}",
        label=key.name,
        team=new.team.name if new.team else None,
        secret=shown.secret.public_id,
        expires_at=new.expires_at.isoformat() if new.expires_at else None,
    )
    return shown


def add_secret(scope: Scope, client_id: str, sight: OneSight) -> Handover:
    """Make a new secret beside the old one, which lives on until a person revokes it."""
    try:
        return _add_secret(scope, client_id, sight)
    except IntegrityError:
        made = handover.earlier(scope.actor, sight.once)
        if made is None:
            raise
        return made


@transaction.atomic
def _add_secret(scope: Scope, client_id: str, sight: OneSight) -> Handover:
    made = handover.earlier(scope.actor, sight.once)
    if made is not None:
        return made
    key = Key.objects.within(scope).select_for_update(of=("self",)).get(client_id=client_id)
    scope.require(Action.ROTATE, key, f"key:{client_id}")
    if key.deleted_at:
        raise KeyEnded
    now = timezone.now()
    if key.secrets.unended(now).count() >= MOST_LIVE_SECRETS:
        raise TooManySecrets
    former = key.secrets.order_by("-created_at", "-pk").first()
    life = former.life if former else None
    shown = _make_secret(scope, key, sight, now + life if life else None)
    audit.record(
        scope, Event.SECRET_MADE, f"key:{client_id}", label=key.name, secret=shown.secret.public_id
    )
    return shown


def _make_secret(scope: Scope, key: Key, sight: OneSight, expires_at: datetime | None) -> Handover:
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
    now = timezone.now()
    _close(shown, now)
    secret = shown.secret
    collected = Secret.objects.filter(pk=secret.pk, collected_at=None).update(collected_at=now)
    test = ask_for_test(secret, CredentialTest.Reason.CREATED, asked_by=scope.actor)
    if collected:
        key = secret.key
        audit.record(
            scope,
            Event.SECRET_COLLECTED,
            f"key:{key.client_id}",
            label=key.name,
            secret=secret.public_id,
        )
    return test


@transaction.atomic
def discard_secret(scope: Scope, shown: Handover) -> None:
    """The person could not store it: this secret ends, any other lives on."""
    now = timezone.now()
    _close(shown, now)
    secret = shown.secret
    ended = Secret.objects.filter(pk=secret.pk, revoked_at=None, collected_at=None).update(
        revoked_at=now, revoked_by=scope.actor, sealed=None
    )
    if ended:
        key = secret.key
        audit.record(
            scope,
            Event.SECRET_DISCARDED,
            f"key:{key.client_id}",
            label=key.name,
            secret=secret.public_id,
        )


def _close(shown: Handover, now: datetime) -> None:
    Handover.objects.filter(pk=shown.pk, closed_at=None).update(closed_at=now, sealed=None)
