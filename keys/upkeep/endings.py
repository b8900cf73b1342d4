"""What nears its end, or has just ended, is told to the key's keepers: secrets, and public keys.

Bounded, and two beats at once do it once: the row is claimed.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from environments.models import Topic
from keys.keepers import news_of, tell_keepers_about
from keys.models import PublicKey, Secret
from keys.upkeep.alarms import spoken

RUNGS = tuple(timedelta(days=days) for days in (1, 7, 14, 30))
"""How long before an expiry its keepers hear of it; the nearest first, so that nobody hears of two at once."""
EXPIRED_LATELY = timedelta(days=7)
"""An expiry longer ago is no news."""

type Proof = Secret | PublicKey


def warn_of_expiries(now: datetime, limit: int = 200) -> int:
    """Thirty, fourteen, seven days and one day before a proof ends, and when it has; how many were warned of."""
    warned = 0
    for still, left in _rungs(now):
        for proofs, all_of_them in (
            (_secrets(), Secret.objects.all()),
            (_public_keys(), PublicKey.objects.all()),
        ):
            due = proofs.filter(still).order_by("expires_at", "pk").values_list("pk", flat=True)
            for pk in list(due[: max(limit - warned, 0)]):
                warned += _warn(all_of_them.filter(pk=pk), still, now, left)
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


def _secrets() -> QuerySet[Secret]:
    """Those that a key shows: its newest unrevoked one, of a key that is at work."""
    later = Secret.objects.filter(
        key=OuterRef("key"), revoked_at=None, created_at__gt=OuterRef("created_at")
    ).standing()
    return (
        Secret.objects.standing()
        .filter(revoked_at=None, key__disabled_at=None, key__deleted_at=None)
        .exclude(Exists(later))
    )


def _public_keys() -> QuerySet[PublicKey]:
    """Each by itself: several live at once, and a client signs with the one that it has."""
    return PublicKey.objects.filter(revoked_at=None, key__disabled_at=None, key__deleted_at=None)


@transaction.atomic
def _warn(
    one: QuerySet[Secret] | QuerySet[PublicKey], still: Q, now: datetime, left: timedelta
) -> int:
    if not one.filter(still, revoked_at=None).update(warned_at=now):
        return 0
    proof: Proof = one.select_related("key__environment__organization", "key__team").get()
    assert proof.expires_at is not None  # noqa: S101
    key, days, when = proof.key, left.days, spoken(proof.expires_at)
    if left:
        title = f"{key.name} in {key.environment.name} expires within {'a day' if days == 1 else f'{days} days'}"
    else:
        title = f"{key.name} in {key.environment.name} has expired"
    name, before, afterwards, page = _words(proof)
    text = (
        f"Its {name} ends on {when}. From then on its tokens are refused. {before}"
        if left
        else f"Its {name} ended on {when}: its tokens are refused. {afterwards}"
    )
    once = f"expires:{proof.public_id}:{proof.expires_at.isoformat()}:{days}"
    news = news_of(key, once, title, text, page=page, tone="warn" if left else "bad")
    tell_keepers_about(Topic.ENDINGS, key, news)
    return 1


def _words(proof: Proof) -> tuple[str, str, str, str]:
    """Its name, what to do before its end and after it, and where."""
    if isinstance(proof, Secret):
        name = f"secret …{proof.hint}"
        return name, "Rotate it before.", "Rotate it to bring it back.", "keys:rotate"
    another = "Add another one, and let the client sign with it."
    return f"public key {proof.kid}", another, another, "keys:add_public_key"
