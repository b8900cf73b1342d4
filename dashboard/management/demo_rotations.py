"""Rotations of the demo: begun by the verbs that people use, then moved back in time, with receipts signed "demo".

What is open goes on for real: where a worker runs, the held one is retired once its old secret has rested, and is
then proven dead.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from environments.access import Scope
from keys import handover
from keys.crypto import SecretText
from keys.handover import Browser
from keys.models import CredentialTest, HourOfUse, Key, Rotation, Secret
from keys.outcomes import Outcome
from keys.rotation import LONGEST_HOLD, Step
from keys.services import issuing, rotating
from keys.services.issuing import OneSight
from keys.services.rotating import Plan

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
AGE = 60 * DAY
SPREAD = 24  # hours of use
WORKER = "demo"
Reason = CredentialTest.Reason


def rotate(here: Scope, old: Secret, state: str) -> SecretText | None:
    """Bring the key into this state; the secret that its service would use from now on, if that is another."""
    key = old.key
    made = timezone.now() - AGE
    Key.objects.filter(pk=key.pk).update(created_at=made)
    _change(old, created_at=made, collected_at=made)
    plan = Plan(key.environment.grace_default, "Demo")
    if state == "prepared":
        rotating.prepare_rotation(here, key.client_id, plan)
        return None
    sight = OneSight(Browser(secrets.token_urlsafe(32)), secrets.token_urlsafe(24))
    shown = rotating.start_rotation(here, key.client_id, plan, sight)
    if state == "uncollected":
        return None
    text = handover.show(shown, sight.browser, timezone.now())
    issuing.collect_secret(here, shown)
    _MOVES[state](Rotation.objects.get(new=shown.secret), old, shown.secret)
    return text


def _draining(rotation: Rotation, old: Secret, new: Secret) -> None:
    _proven(rotation, new, timezone.now() - 18 * HOUR)
    _used(old, 3 * MINUTE, 1204, "10.0.0.7")
    _used(new, 12 * MINUTE, 88, "10.0.0.9")


def _held(rotation: Rotation, old: Secret, new: Secret) -> None:
    _proven(rotation, new, timezone.now() - rotation.grace - 20 * MINUTE)
    _used(old, MINUTE, 96, "10.0.0.12")
    _used(new, 2 * HOUR, 41, "10.0.0.9")
    ends = rotation.ends_at or timezone.now()
    _change(rotation, step=Step.HOLD, held_until=ends + LONGEST_HOLD)


def _proven_dead(rotation: Rotation, old: Secret, new: Secret) -> None:
    _proven(rotation, new, timezone.now() - 9 * DAY)
    _used(old, 8 * DAY + 2 * HOUR, 5120, "10.0.0.7")
    _used(new, 5 * MINUTE, 1877, "10.0.0.9")
    ended = rotation.ends_at or timezone.now()
    # What these asked for has long been answered; what is asked of an erased secret says nothing.
    rotation.tests.unfinished().delete()
    old.tests.all().delete()
    refused = _tested(rotation, old, Outcome.REFUSED, ended + timedelta(seconds=2))
    accepted = _tested(rotation, new, Outcome.WORKS, ended + timedelta(seconds=3))
    _change(old, revoked_at=ended, sealed=None)
    _change(
        rotation,
        retired_at=ended,
        retired_on=WORKER,
        refused_at=refused.finished_at,
        refused_by=refused,
        accepted_by=accepted,
        closed_at=accepted.finished_at,
        outcome=Rotation.Outcome.PROVEN_DEAD,
        step=Step.CLOSE,
        next_at=None,
    )


_MOVES: Mapping[str, Callable[[Rotation, Secret, Secret], None]] = {
    "draining": _draining,
    "held": _held,
    "rotated": _proven_dead,
}
STATES = frozenset({"prepared", "uncollected", *_MOVES})


def _proven(rotation: Rotation, new: Secret, at: datetime) -> None:
    """Made, stored and proven then; the grace period counts from there."""
    proof = _tested(rotation, new, Outcome.WORKS, at)
    _change(new, created_at=at - 4 * MINUTE, collected_at=at - MINUTE)
    _change(
        rotation,
        asked_at=at - 5 * MINUTE,
        proven_at=at,
        proven_by=proof,
        ends_at=at + rotation.grace,
        step=Step.DRAIN,
    )


def _tested(rotation: Rotation, secret: Secret, outcome: Outcome, at: datetime) -> CredentialTest:
    works = outcome is Outcome.WORKS
    return CredentialTest.objects.create(
        key=rotation.key,
        secret=secret,
        rotation=rotation,
        reason=Reason.PROOF if works else Reason.DEATH,
        interactive=True,
        asked_at=at,
        started_at=at,
        finished_at=at,
        worker=WORKER,
        outcome=outcome,
        http_status=200 if works else 401,
        error="" if works else "invalid_client",
        duration_ms=24.0,
    )


def _used(secret: Secret, ago: timedelta, count: int, address: str) -> None:
    at = timezone.now() - ago
    _change(secret, last_used_at=at, use_count=count, last_used_from=address)
    # As the token service counts: spread over the hours before, a tenth of it from a neighbour.
    hours, last = min(SPREAD, count), at.replace(minute=0, second=0, microsecond=0)
    for place, part in ((address, count - count // 10), (f"{address}1", count // 10)):
        HourOfUse.objects.bulk_create(
            HourOfUse(
                key=secret.key,
                proof=secret.public_id,
                address=place,
                hour=last - number * HOUR,
                count=part // hours + (number < part % hours),
            )
            for number in range(hours)
            if part // hours + (number < part % hours)
        )


def _change(row: Rotation | Secret, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
