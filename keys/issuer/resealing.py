"""Signing keys go under the newest key of the token service, which alone can open them."""

from collections.abc import Iterator
from typing import Final

from django.conf import settings

from keys import sealing
from keys.issuer.signing import parse
from keys.models import SigningKey
from keys.resting import Lot, Moved, older, rewrite, under
from keys.signing_pairs import context_of


def _move() -> Iterator[Moved]:
    newest = sealing.parse(settings.LATCHKEY_ISSUER_PUBLIC_KEYS).newest_id
    boxes = SigningKey.objects.select_related("environment")
    return rewrite(older(boxes, newest), ["sealed"], _resealed)


def _resealed(row: SigningKey) -> tuple[bytes]:
    place = row.environment
    context = context_of(place.organization_id, place.pk, place.issuer_id, row.kid)
    private = parse(settings.LATCHKEY_ISSUER_PRIVATE_KEYS).open(bytes(row.sealed), context)
    return (sealing.seal_signing_key(private, context),)


SIGNING_KEYS: Final = (Lot("signing keys", lambda: under(SigningKey.objects.all()), _move),)
