"""Rotations in each of their states, as rows: what people and workers would have left behind."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from environments.access import Scope
from keys.models import CredentialTest, Key, Rotation, Secret
from keys.rotation import Step
from keys.services import rotating
from keys.services.rotating import Plan
from tests.cast import sight

DAY = timedelta(hours=24)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
Reason = CredentialTest.Reason


def change(row: Rotation | Secret, **values) -> None:
    type(row).objects.filter(pk=row.pk).update(**values)
    row.refresh_from_db()


def old_of(rotation: Rotation) -> Secret:
    assert rotation.old
    return rotation.old


def new_of(rotation: Rotation) -> Secret:
    assert rotation.new
    return rotation.new


def ends_of(rotation: Rotation) -> datetime:
    assert rotation.ends_at
    return rotation.ends_at


def used(secret: Secret, ago: timedelta, count: int = 1204, address: str = "10.0.0.7") -> None:
    at = timezone.now() - ago
    change(secret, last_used_at=at, use_count=count, last_used_from=address)


def tested(
    rotation: Rotation, secret: Secret, outcome: str, at: datetime, **values
) -> CredentialTest:
    works = outcome == "works"
    reason = Reason.DEATH if secret == rotation.old else Reason.PROOF
    given = {
        "http_status": 200 if works else 401,
        "error": "" if works else "invalid_client",
    } | values
    return CredentialTest.objects.create(
        key=rotation.key, secret=secret, rotation=rotation, reason=reason, outcome=outcome,
        asked_at=at - MINUTE / 60, started_at=at - MINUTE / 60, finished_at=at, duration_ms=212.4,
        worker="node-1:4711", interactive=True, **given,
    )  # fmt: skip


def begun(scope: Scope, key: Key, ago: timedelta = 5 * HOUR) -> Rotation:
    """The new secret is made, and nobody has said that it is stored."""
    shown = rotating.start_rotation(scope, key.client_id, Plan(DAY, "yearly"), sight())
    rotation = Rotation.objects.get(new=shown.secret)
    at = timezone.now() - ago
    change(shown.secret, created_at=at)
    stored = at - 60 * DAY
    key.secrets.exclude(pk=shown.secret.pk).update(created_at=stored, collected_at=stored)
    later = timezone.now() + MINUTE
    change(rotation, asked_at=at, step=Step.AWAIT_COLLECTION, next_at=later)
    rotation.refresh_from_db()
    return rotation


def collected(scope: Scope, key: Key) -> Rotation:
    rotation = begun(scope, key)
    change(new_of(rotation), collected_at=rotation.asked_at + MINUTE)
    return rotation


def proving(scope: Scope, key: Key) -> Rotation:
    rotation = collected(scope, key)
    CredentialTest.objects.create(
        key=key, secret=new_of(rotation), rotation=rotation, reason=Reason.PROOF
    )
    change(rotation, step=Step.AWAIT_TEST)
    return rotation


def refused(scope: Scope, key: Key, outcome: str = "refused", **values) -> Rotation:
    rotation = collected(scope, key)
    tested(rotation, new_of(rotation), outcome, timezone.now() - MINUTE / 6, **values)
    change(rotation, step=Step.AWAIT_RETRY)
    return rotation


def unreachable(scope: Scope, key: Key) -> Rotation:
    return refused(scope, key, "connection_refused", http_status=None, error="")


def draining(scope: Scope, key: Key, ends_in: timedelta = 6 * HOUR) -> Rotation:
    rotation = collected(scope, key)
    ends = timezone.now() + ends_in
    at = ends - DAY
    change(new_of(rotation), created_at=at - 2 * MINUTE, collected_at=at)
    proof = tested(rotation, new_of(rotation), "works", at)
    change(
        rotation, asked_at=at - 2 * MINUTE, proven_at=at, proven_by=proof,
        step=Step.DRAIN, ends_at=ends, next_at=ends,
    )  # fmt: skip
    used(old_of(rotation), 3 * MINUTE)
    used(new_of(rotation), 12 * MINUTE, 88, "10.0.0.9")
    return rotation


def held(scope: Scope, key: Key) -> Rotation:
    rotation = draining(scope, key, -30 * MINUTE)
    change(
        rotation, step=Step.HOLD, held_until=ends_of(rotation) + DAY,
        next_at=timezone.now() + 12 * MINUTE,
    )  # fmt: skip
    return rotation


def dying(scope: Scope, key: Key) -> Rotation:
    """Retired; the endpoint does not answer, so it is not proven dead yet."""
    rotation = draining(scope, key, -HOUR)
    at = timezone.now() - 10 * MINUTE
    change(old_of(rotation), revoked_at=at)
    tested(
        rotation,
        old_of(rotation),
        "timeout",
        timezone.now() - MINUTE / 6,
        http_status=None,
        error="",
    )
    change(
        rotation, retired_at=at, retired_on="node-1:4711", step=Step.AWAIT_RETRY,
        next_at=timezone.now() + MINUTE,
    )  # fmt: skip
    return rotation


def alarmed(scope: Scope, key: Key) -> Rotation:
    rotation = dying(scope, key)
    change(rotation, alarmed_at=timezone.now() - 5 * MINUTE)
    return rotation


def dead(scope: Scope, key: Key) -> Rotation:
    """Closed an hour ago, with all its receipts."""
    rotation = draining(scope, key, -2 * HOUR)
    at = timezone.now() - HOUR
    refusal = tested(rotation, old_of(rotation), "refused", at)
    proof = tested(rotation, new_of(rotation), "works", at + MINUTE / 60)
    change(old_of(rotation), revoked_at=at - MINUTE / 30, sealed=None)
    change(
        rotation, retired_at=at - MINUTE / 30, retired_on="node-1:4711", refused_at=at,
        refused_by=refusal, accepted_by=proof, closed_at=at + MINUTE / 60, next_at=None,
        outcome=Rotation.Outcome.PROVEN_DEAD, step=Step.CLOSE,
    )  # fmt: skip
    return rotation


def prepared(scope: Scope, key: Key) -> Rotation:
    rotation = rotating.prepare_rotation(scope, key.client_id, Plan(DAY))
    change(rotation, step=Step.AWAIT_SECRET, next_at=rotation.asked_at + 7 * DAY)
    return rotation


def leaked(scope: Scope, key: Key) -> Rotation:
    """The only secret has ended, and nobody has made the next."""
    secret = key.secrets.order_by("-pk")[0]
    rotation = rotating.report_leak(scope, key.client_id, secret.public_id, "in a chat")
    assert rotation
    change(rotation, step=Step.AWAIT_SECRET, next_at=None)
    return rotation


def discarded(scope: Scope, key: Key) -> Rotation:
    rotation = draining(scope, key)
    rotating.discard_rotation(scope, key.client_id)
    rotation.refresh_from_db()
    return rotation


STATES: dict[str, Callable[[Scope, Key], Rotation]] = {
    "begun": begun, "proving": proving, "refused": refused, "unreachable": unreachable,
    "draining": draining, "held": held, "dying": dying, "alarmed": alarmed, "dead": dead,
    "prepared": prepared, "leaked": leaked, "discarded": discarded,
}  # fmt: skip
