"""People's verbs on rotations: start one, prepare one, extend, press, discard; and report a leak."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.models import User
from environments.policy import Action
from keys import handover, tasks
from keys.models import Handover, Key, Rotation, Secret
from keys.services import changes
from keys.services.issuing import KeyEnded, OneSight, make_secret

MOST_LIVE_SECRETS = 2
LONGEST_GRACE = timedelta(days=90)


class TooManySecrets(Exception):
    """Two secrets live already and no rotation is open: end one before making a third."""


class RotationRuns(Exception):
    """A rotation of this key is open; it goes on, or is discarded, before another starts."""


class MadeElsewhere(Exception):
    """The provider of an imported key makes its secrets; they are entered here, not made."""


class ProvenBySignature(Exception):
    """Public keys alone prove the key: there is no secret to rotate, and none is made beside them."""


class TooLate(Exception):
    """The rotation is past the point where this can be done."""


class GraceTooLong(Exception):
    """The environment's policy allows less."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long both secrets work, and why the rotation is made."""

    grace: timedelta
    why: str = ""


def start_rotation(scope: Scope, client_id: str, plan: Plan, sight: OneSight) -> Handover:
    """Make the new secret and see it once; the old one lives until the new one is proven and its grace is over.

    A prepared rotation is taken up. The same form posted twice makes one secret and gives the same page.
    """
    try:
        return _start(scope, client_id, plan, sight)
    except IntegrityError:
        made = handover.earlier(scope.actor, sight.once)
        if made is None:
            raise RotationRuns from None
        return made


@transaction.atomic
def _start(scope: Scope, client_id: str, plan: Plan, sight: OneSight) -> Handover:
    made = handover.earlier(scope.actor, sight.once)
    if made is not None:
        return made
    key = _issued(scope, client_id)
    rotation = key.rotations.open().select_for_update(of=("self",)).first()
    if rotation is None:
        rotation = open_rotation(scope, key, plan, Rotation.Reason.PERSON)
    elif rotation.new is not None:
        raise RotationRuns
    elif rotation.retired_at is None:
        rotation.grace = _allowed(scope, plan.grace)
    now = timezone.now()
    if key.secrets.unended(now).count() >= MOST_LIVE_SECRETS:
        raise TooManySecrets
    spent = spend_for(scope, key, rotation, now)
    shown = make_secret(scope, key, sight, next_expiry(rotation, now))
    rotation.new, rotation.why = shown.secret, plan.why or rotation.why
    look_soon(rotation)
    record(scope, key, Event.ROTATION_STARTED, rotation, secret=shown.secret.public_id, **spent)
    return shown


def spend_for(scope: Scope, key: Key, rotation: Rotation, now: datetime) -> dict[str, Any]:
    """After a leak the key has no working secret: making the next one waits for nobody."""
    if rotation.cut and rotation.reason == Rotation.Reason.LEAK:
        return {}
    return changes.spend(scope, changes.rotation_of(key, rotation, rotation.grace), now)


def _issued(scope: Scope, client_id: str) -> Key:
    key = locked(scope, client_id, Action.ROTATE)
    if key.imported:
        raise MadeElsewhere
    _need_secret(key)
    return key


def _need_secret(key: Key) -> None:
    """Or a rotation that is open already: after a leak it goes on without one."""
    if key.secrets.filter(revoked_at=None).exists() or key.rotations.open().exists():
        return
    if key.public_keys.exists() or not key.secrets.exists():
        raise ProvenBySignature


@transaction.atomic
def prepare_rotation(scope: Scope, client_id: str, plan: Plan) -> Rotation:
    """Ask the keepers for a rotation: no secret is made before one of them takes it up."""
    key = locked(scope, client_id, Action.ROTATE)
    if key.rotations.open().exists():
        raise RotationRuns
    _need_secret(key)
    rotation = open_rotation(scope, key, plan, Rotation.Reason.BATCH)
    look_soon(rotation)
    record(scope, key, Event.ROTATION_PREPARED, rotation)
    return rotation


def open_rotation(scope: Scope, key: Key, plan: Plan, reason: Rotation.Reason) -> Rotation:
    """The row alone: what it replaces, and how long both shall work."""
    return Rotation.objects.create(
        key=key,
        old=current_secret(key, timezone.now()),
        grace=_allowed(scope, plan.grace),
        reason=reason,
        why=plan.why,
        asked_by=scope.actor,
    )


def current_secret(key: Key, now: datetime) -> Secret | None:
    """The one that a rotation replaces."""
    return key.secrets.unended(now).order_by("-created_at", "-pk").first()


def _allowed(scope: Scope, grace: timedelta) -> timedelta:
    if not timedelta() <= grace <= min(scope.environment.grace_max, LONGEST_GRACE):
        raise GraceTooLong
    return grace


def next_expiry(rotation: Rotation, now: datetime) -> datetime | None:
    """The life that the old one was given, counted from now, as far as the policy lets it."""
    old = rotation.old or rotation.key.secrets.order_by("-created_at", "-pk").first()
    life = rotation.key.environment.life_after(old.life if old else None)
    return now + life if life else None


@transaction.atomic
def extend_rotation(scope: Scope, client_id: str) -> Rotation:
    """Let the old secret live a day longer, within what the policy allows."""
    key, rotation = _running(scope, client_id)
    if rotation.ends_at is None or rotation.proven_at is None or rotation.pressed_at:
        raise TooLate
    now = timezone.now()
    ends = rotation.extended_to(now)
    if ends is None:
        raise GraceTooLong
    rotation.ends_at, rotation.held_until = ends, None
    rotation.extended_at, rotation.extended_by = now, scope.actor
    look_soon(rotation)
    record(scope, key, Event.ROTATION_EXTENDED, rotation, ends_at=ends.isoformat())
    return rotation


@transaction.atomic
def press_rotation(scope: Scope, client_id: str) -> Rotation:
    """End the old secret although its grace is not over or it is in use; the worker still proves the new one first.

    Of an imported credential: the person has ended the old one at the provider.
    """
    key, rotation = _running(scope, client_id)
    if rotation.proven_at is None or rotation.old is None:
        raise TooLate
    if rotation.pressed_at is None:
        rotation.pressed_at, rotation.pressed_by = timezone.now(), scope.actor
        look_soon(rotation)
        record(scope, key, Event.ROTATION_PRESSED, rotation, secret=rotation.old.public_id)
    return rotation


@transaction.atomic
def discard_rotation(scope: Scope, client_id: str) -> Rotation:
    """Keep the old secret and end the new one: at any time before the old one is retired."""
    key, rotation = _running(scope, client_id)
    now = timezone.now()
    if rotation.old is not None and rotation.old.ended_by(now):
        raise TooLate  # expired meanwhile: the new one is all there is
    rotation.discard(scope.actor, now)
    record(scope, key, Event.ROTATION_DISCARDED, rotation)
    return rotation


@transaction.atomic
def report_leak(scope: Scope, client_id: str, secret_id: str, why: str) -> Rotation | None:
    """End a secret at once, in this request: the only path on which a key may be without a working secret.

    A leaked *new* secret is discarded, and the old one lives on. Otherwise the open rotation skips its grace, or one
    is opened that waits for a keeper to make the next secret.
    """
    key = locked(scope, client_id, Action.REVOKE)
    secret = key.secrets.get(public_id=secret_id)
    rotation = key.rotations.open().select_for_update(of=("self",)).first()
    now = timezone.now()
    replaced = rotation is None or rotation.old == secret
    ended = secret.end(scope.actor, now, keep_sealed=replaced)
    if rotation is None and ended:
        other = current_secret(key, now)
        rotation = Rotation(key=key, old=secret, new=other, asked_by=scope.actor, grace=timedelta())
    if rotation is not None:
        if replaced and not rotation.cut:
            rotation.reason, rotation.why = Rotation.Reason.LEAK, why
        settle(rotation, secret, scope.actor, now)
    key.judge_by_signatures(now)
    audit.record(
        scope,
        Event.SECRET_LEAKED,
        f"key:{client_id}",
        label=key.name,
        secret=secret_id,
        hint=secret.hint,
        why=why,
        rotation=rotation.public_id if rotation else None,
    )
    return rotation


def settle(rotation: Rotation, ended: Secret, by: User, now: datetime) -> None:
    """A person ended one of its two secrets: without its new one it is discarded, without its old one it goes on."""
    if rotation.new == ended and not rotation.cut:
        rotation.discard(by, now)
        return
    if rotation.old == ended:
        rotation.retire(by, now)
    look_soon(rotation)


def locked(scope: Scope, client_id: str, action: Action) -> Key:
    """The key, locked within the scope, once the policy has agreed to this act on it."""
    key = (
        Key.objects.within(scope)
        .select_related("environment__organization", "endpoint", "team")
        .select_for_update(of=("self",))
        .get(client_id=client_id)
    )
    scope.require(action, key, f"key:{client_id}")
    if key.deleted_at:
        raise KeyEnded
    return key


def _running(scope: Scope, client_id: str) -> tuple[Key, Rotation]:
    key = locked(scope, client_id, Action.ROTATE)
    rotation = key.rotations.open().select_for_update(of=("self",)).first()
    if rotation is None or rotation.retired_at is not None:
        raise TooLate
    rotation.key = key
    return key, rotation


def look_soon(rotation: Rotation) -> None:
    """A worker looks at it as soon as this transaction stands; without a broker the timetable does."""
    rotation.next_at = timezone.now()
    rotation.save()
    transaction.on_commit(partial(tasks.ring_rotation, rotation.pk), robust=True)


def record(scope: Scope, key: Key, event: Event, rotation: Rotation, **detail: Any) -> None:
    audit.record(
        scope,
        event,
        f"key:{key.client_id}",
        label=key.name,
        rotation=rotation.public_id,
        **detail,
    )
