"""What comes of age: a secret near its maximum age gets a prepared rotation, one that nears its expiry a notice.

Nothing is cut here. Both are bounded, and two beats at once do it once: the row is claimed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from environments import audit
from environments.events import Event
from environments.models import Environment
from keys.keepers import tell_keepers
from keys.models import Key, KeyQuerySet, Rotation, Secret
from keys.upkeep.alarms import spoken

RUNGS = tuple(timedelta(days=days) for days in (1, 7, 14, 30))
"""How long before an expiry its keepers hear of it; the nearest first, so that nobody hears of two at once."""
EXPIRED_LATELY = timedelta(days=7)
"""An expiry longer ago is no news."""
PREPARED_AGAIN_AFTER = timedelta(days=7)


def ahead(age: timedelta) -> timedelta:
    """So long before the maximum age a rotation is prepared."""
    return min(timedelta(days=14), age / 10)


def _newest(now: datetime) -> Subquery:
    """The secret that a key stands on; the new one of a rotation only once it is proven."""
    unended = Secret.objects.unended(now).standing().filter(key=OuterRef("pk"))
    return Subquery(unended.order_by("-created_at", "-pk").values("pk")[:1])


def prepare_rotations(now: datetime, limit: int = 100) -> list[int]:
    """The ids of the rotations that were prepared."""
    ages = Environment.objects.exclude(secret_max_age=None)
    prepared: list[int] = []
    for age in ages.order_by().values_list("secret_max_age", flat=True).distinct():
        assert age is not None  # noqa: S101
        due = _of_age(now, age)[: max(limit - len(prepared), 0)]
        for pk in list(due.values_list("pk", flat=True)):
            prepared += _prepare(pk, now, age)
    return prepared


def _of_age(now: datetime, age: timedelta) -> KeyQuerySet:
    """Not while a rotation is open, and one that lapsed or was discarded is prepared again after a week."""
    rotations = Rotation.objects.filter(key=OuterRef("pk"))
    lately = rotations.filter(
        reason=Rotation.Reason.SCHEDULE, asked_at__gt=now - PREPARED_AGAIN_AFTER
    )
    born = Secret.objects.filter(pk=OuterRef("newest")).values("created_at")
    return (
        Key.objects.scheduled()
        .filter(environment__secret_max_age=age)
        .annotate(newest=_newest(now))
        .annotate(born=Subquery(born[:1]))
        .filter(~Exists(rotations.open()), ~Exists(lately), born__lte=now - age + ahead(age))
        .order_by("born", "pk")
    )


@transaction.atomic
def _prepare(pk: int, now: datetime, age: timedelta) -> list[int]:
    # The key's row first, like every verb on rotations; asked again under the lock.
    Key.objects.select_for_update().get(pk=pk)
    key = (
        _of_age(now, age).select_related("environment__organization", "team").filter(pk=pk).first()
    )
    if key is None:
        return []
    secret = Secret.objects.get(pk=int(getattr(key, "newest", 0)))
    rotation = Rotation.objects.create(
        key=key,
        old=secret,
        grace=key.environment.grace_default,
        reason=Rotation.Reason.SCHEDULE,
        asked_at=now,
        next_at=now,
    )
    _ask_keepers(rotation, secret.created_at + age, now)
    place = audit.Machine(key.environment.organization_id, key.environment.slug)
    audit.record(
        place,
        Event.ROTATION_PREPARED,
        f"key:{key.client_id}",
        label=key.name,
        rotation=rotation.public_id,
        secret=secret.public_id,
        due_at=(secret.created_at + age).isoformat(),
    )
    return [rotation.pk]


def _ask_keepers(rotation: Rotation, due_at: datetime, now: datetime) -> None:
    key = rotation.key
    reached = "is older than" if due_at <= now else "comes close to"
    text = (
        f"Its secret {reached} what {key.environment.name} allows: it is due on {spoken(due_at)}. "
        "A rotation is prepared: make the new secret and give it to the service. "
        "Nothing is cut; the old secret works until the new one is proven and its grace period is over."
    )
    title = f"{key.name} in {key.environment.name} is due for rotation"
    tell_keepers(key, f"age:{rotation.public_id}", title, text, page="keys:rotate")


def warn_of_expiries(now: datetime, limit: int = 200) -> int:
    """Thirty, fourteen, seven days and one day before the newest secret ends, and when it has; how many were warned of."""
    warned = 0
    for still, left in _rungs(now):
        secrets = _standing_on().filter(still).order_by("expires_at", "pk")
        for pk in list(secrets.values_list("pk", flat=True)[: max(limit - warned, 0)]):
            warned += _warn(pk, still, now, left)
    return warned


def _rungs(now: datetime) -> Iterator[tuple[Q, timedelta]]:
    """A rung that was past when the secret was made, or when its end was set, is left out."""
    gone = Q(expires_at__lte=now, expires_at__gt=now - EXPIRED_LATELY)
    yield gone & _unwarned(timedelta()), timedelta()
    nearer = timedelta()
    for rung in RUNGS:
        near = Q(expires_at__gt=now + nearer, expires_at__lte=now + rung)
        yield near & Q(created_at__lte=F("expires_at") - rung) & _unwarned(rung), rung
        nearer = rung


def _unwarned(rung: timedelta) -> Q:
    return Q(warned_at=None) | Q(warned_at__lt=F("expires_at") - rung)


def _standing_on() -> QuerySet[Secret]:
    """Those that a key shows: its newest unrevoked one, of a key that is at work."""
    later = Secret.objects.filter(
        key=OuterRef("key"), revoked_at=None, created_at__gt=OuterRef("created_at")
    ).standing()
    return (
        Secret.objects.standing()
        .filter(revoked_at=None, key__disabled_at=None, key__deleted_at=None)
        .exclude(Exists(later))
    )


@transaction.atomic
def _warn(pk: int, still: Q, now: datetime, left: timedelta) -> int:
    if not Secret.objects.filter(still, pk=pk, revoked_at=None).update(warned_at=now):
        return 0
    secret = Secret.objects.select_related("key__environment__organization", "key__team").get(pk=pk)
    key = secret.key
    assert secret.expires_at is not None  # noqa: S101
    where, when = key.environment.name, spoken(secret.expires_at)
    days = left.days
    if left:
        title = f"{key.name} in {where} expires within {'a day' if days == 1 else f'{days} days'}"
        text = f"Its secret …{secret.hint} ends on {when}. From then on its tokens are refused. Rotate it before."
    else:
        title = f"{key.name} in {where} has expired"
        text = f"Its secret …{secret.hint} ended on {when}: its tokens are refused. Rotate it to bring it back."
    once = f"expires:{secret.public_id}:{secret.expires_at.isoformat()}:{days}"
    tone = "warn" if left else "bad"
    tell_keepers(key, once, title, text, page="keys:rotate", tone=tone)
    return 1
