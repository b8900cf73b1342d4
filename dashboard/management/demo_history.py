"""What has long happened in the demo: figures of days of a year ago, and a secret that ended once its client signed."""

import json
import secrets
from datetime import datetime, timedelta

from django.utils import timezone
from joserfc import jwk

from environments.access import Scope
from environments.models import Team
from keys.handover import Browser
from keys.models import CredentialTest, DailyFigure, Death, Key, Secret
from keys.outcomes import Outcome
from keys.public_keys import read_public_keys
from keys.services import issuing, public_keys, switching
from keys.services.issuing import NewKey, OneSight

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FOLDED, DAYS = 366 * DAY, 70
WORKER = "demo"


def fold(key: Key) -> None:
    """Of its tests more than a year ago the figures of each day are left."""
    day = (timezone.now() - FOLDED).date()
    Key.objects.filter(pk=key.pk).update(created_at=timezone.now() - FOLDED - DAYS * DAY)
    DailyFigure.objects.bulk_create(
        DailyFigure(
            key=key,
            day=day - number * DAY,
            worked=96 - (number % 9 == 4) - 3 * (number % 23 == 7),
            failed=3 * (number % 23 == 7),
            unjudged=int(number % 9 == 4),
            median_ms=24.0 + number % 5,
            longest_ms=61.0 + 11 * (number % 7),
        )
        for number in range(DAYS)
    )


def switch(here: Scope, team: Team) -> None:
    """Its client signs; its secret was ended two days ago, and is proven dead."""
    now = timezone.now()
    sight = OneSight(Browser(secrets.token_urlsafe(32)), secrets.token_urlsafe(24))
    new = NewKey("archive-mirror", team, "Has gone over from its secret", used_by="Demo")
    shown = issuing.create_key(here, new, sight)
    key, secret = shown.secret.key, shown.secret
    issuing.collect_secret(here, shown)
    pair = jwk.ECKey.generate_key("P-384", {"kid": "mirror"})
    entered = read_public_keys(json.dumps(pair.as_dict(private=False)), now=now)
    public_keys.add_public_keys(here, key.client_id, entered)
    ended = now - 2 * DAY
    Key.objects.filter(pk=key.pk).update(created_at=now - 40 * DAY)
    Secret.objects.filter(pk=secret.pk).update(
        created_at=now - 40 * DAY, last_used_at=ended - 3 * DAY, use_count=8211, last_used_from="10.0.0.21"
    )  # fmt: skip
    signed = {"last_used_at": ended + MINUTE, "use_count": 412, "last_used_from": "10.0.0.22"}
    key.public_keys.update(created_at=now - 9 * DAY, **signed)
    switching.end_secrets(here, key.client_id)
    secret.tests.all().delete()  # what was asked of it has long been answered
    _proven_dead(secret, key, ended + MINUTE)
    Secret.objects.filter(pk=secret.pk).update(revoked_at=ended, sealed=None)


def _proven_dead(secret: Secret, key: Key, at: datetime) -> None:
    refusal = CredentialTest.objects.create(
        key=key,
        secret=secret,
        reason=CredentialTest.Reason.DEATH,
        interactive=True,
        asked_at=at,
        started_at=at,
        finished_at=at,
        worker=WORKER,
        outcome=Outcome.REFUSED,
        http_status=401,
        error="invalid_client",
        duration_ms=24.0,
    )
    Death.objects.filter(secret=secret).update(
        refused_by=refusal,
        signed_with=key.public_keys.get(),
        signed_at=at,
        closed_at=at + MINUTE / 4,
    )
