"""What comes of age: a secret near its maximum age gets a prepared rotation.

Nothing is cut here. The work is bounded, and two beats at once do it once: the row is claimed.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from environments import audit
from environments.events import Event
from environments.models import Environment, Topic
from keys.keepers import news_of, tell_keepers_about
from keys.models import Key, KeyQuerySet, Rotation, Secret
from keys.upkeep.alarms import spoken

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
    news = news_of(key, f"age:{rotation.public_id}", title, text, page="keys:rotate")
    tell_keepers_about(Topic.ENDINGS, key, news)
