"""An environment's signing key has a successor every thirty days: published before it signs, kept after it has signed."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, Subquery

from environments import audit
from environments.events import Event
from environments.models import Environment
from keys import sealing
from keys.models import SigningKey
from keys.signing_pairs import context_of, new_pair

EVERY: Final = timedelta(days=30)
AHEAD: Final = timedelta(hours=1)
"""Longer than readers keep the key set (five minutes) and a token lives (five more)."""


def renew_signing_keys(now: datetime, limit: int = 100) -> None:
    """A key that signs since thirty days, or by another algorithm than was chosen, gets a successor."""
    newest = SigningKey.objects.filter(environment=OuterRef("pk")).order_by("-serial")
    found = (
        Environment.objects.current()
        .annotate(
            since=Subquery(newest.values("signs_from")[:1]),
            by=Subquery(newest.values("algorithm")[:1]),
        )
        .exclude(since=None)
        .order_by("pk")
        .values_list("pk", "since", "by", "signing_algorithm")
    )
    due = [pk for pk, since, by, chosen in found if _is_due(since, by, chosen, now)]
    for environment_id in due[:limit]:
        _renew(environment_id, now)
    SigningKey.objects.filter(verifies_until__lte=now).delete()


def _is_due(since: datetime, by: str, chosen: str, now: datetime) -> bool:
    """One that is published and does not sign yet is left alone: its turn comes first."""
    return since <= now and (since <= now - EVERY or by != chosen)


@transaction.atomic
def _renew(environment_id: int, now: datetime) -> None:
    place = Environment.objects.select_for_update().get(pk=environment_id)
    last = SigningKey.objects.filter(environment=place).order_by("-serial").first()
    if last is None or not _is_due(last.signs_from, last.algorithm, place.signing_algorithm, now):
        return  # another worker was here
    kid, private, public = new_pair(place.signing_algorithm)
    context = context_of(place.organization_id, place.pk, place.issuer_id, kid)
    SigningKey.objects.create(
        environment=place,
        serial=last.serial + 1,
        kid=kid,
        algorithm=place.signing_algorithm,
        public_jwk=public,
        sealed=sealing.seal_signing_key(private, context),
        created_at=now,
        signs_from=now + AHEAD,
    )
    SigningKey.objects.filter(
        environment=place, serial__lte=last.serial, verifies_until=None
    ).update(verifies_until=now + 2 * AHEAD)
    audit.record(
        audit.Machine(place.organization_id, place.slug),
        Event.SIGNING_KEY_RENEWED,
        f"environment:{place.slug}",
        label=place.name,
        kid=kid,
        algorithm=place.signing_algorithm,
    )
