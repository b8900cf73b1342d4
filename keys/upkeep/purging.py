"""What time has ended is erased: sights of secrets, uncollected secrets, sessions, spent assertions."""

from datetime import datetime, timedelta

from django.db import transaction

from environments import audit
from environments.events import Event
from environments.models import Session
from keys.models import (
    COLLECT_WITHIN,
    SHOWN_FOR,
    Handover,
    HourOfUse,
    Key,
    RefreshToken,
    RevokedToken,
    Secret,
    SignedTest,
    SpentAssertion,
)

HANDOVERS_KEPT = timedelta(days=7)  # so long a replayed form finds what it made

SIGNED_KEPT = timedelta(days=7)  # what a person tried and saw
HOURS_KEPT = timedelta(days=90)


def purge(now: datetime, limit: int = 500) -> None:
    """What time has ended is erased: sights of secrets, uncollected secrets, sessions, spent assertions."""
    shown = Handover.objects.filter(made_at__lte=now - SHOWN_FOR)
    shown.exclude(sealed=None).update(sealed=None)
    shown.filter(closed_at=None).update(closed_at=now)
    Handover.objects.filter(made_at__lte=now - HANDOVERS_KEPT).delete()
    lapsed = Secret.objects.filter(
        created_at__lte=now - COLLECT_WITHIN, collected_at=None, revoked_at=None, last_used_at=None
    )
    for secret in lapsed.select_related("key__environment")[:limit]:
        _revoke_uncollected(secret, now)
    Session.objects.ended(now).delete()
    SignedTest.objects.filter(finished_at__lte=now - SIGNED_KEPT).delete()
    SpentAssertion.objects.filter(kept_until__lte=now).delete()
    RevokedToken.objects.filter(expires_at__lte=now).delete()
    RefreshToken.objects.filter(expires_at__lte=now).delete()
    HourOfUse.objects.filter(hour__lte=now - HOURS_KEPT).delete()


@transaction.atomic
def _revoke_uncollected(secret: Secret, now: datetime) -> None:
    # The key's row first, like every verb on secrets. Asked again in the UPDATE: the person may be collecting it.
    Key.objects.select_for_update().get(pk=secret.key_id)
    gone = Secret.objects.filter(pk=secret.pk, collected_at=None, revoked_at=None).update(
        revoked_at=now, sealed=None
    )
    if gone:
        key = secret.key
        place = audit.Machine(key.environment.organization_id, key.environment.slug)
        subject, shown = f"key:{key.client_id}", secret.public_id
        audit.record(place, Event.SECRET_LAPSED, subject, label=key.name, secret=shown)
