"""What workers can open goes under the newest key; and marks are made anew with the newest pepper, for which a secret
must be opened as well."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.db.models import Count, QuerySet

from keys import fingerprint, sealing
from keys.crypto import CannotOpen
from keys.models import Secret, SignedTest, Webhook
from keys.opening import open_credential
from keys.resting import Lot, Moved, older, rewrite, under

type Boxed = Secret | SignedTest | Webhook


def _secrets() -> QuerySet[Secret]:
    """With all that a box is bound to."""
    bound = Secret.objects.select_related("key__environment", "endpoint")
    return bound.only(
        *("sealed", "public_id", "kind", "pepper_id", "mark", "endpoint"),
        *("key__client_id", "key__environment__organization_id"),
    )


def _signed_tests() -> QuerySet[SignedTest]:
    return SignedTest.objects.select_related("key__environment")


def _move[Row: Boxed](boxes: QuerySet[Row]) -> Iterator[Moved]:
    newest = sealing.parse(settings.LATCHKEY_CREDENTIAL_PUBLIC_KEYS).newest_id
    return rewrite(older(boxes, newest), ["sealed"], _resealed)


def _resealed(row: Boxed) -> tuple[bytes]:
    context = row.context
    return (sealing.seal_credential(open_credential(row.sealed or b"", context), context),)


def _marked() -> QuerySet[Secret]:
    """What an ended secret was marked with recognises nothing any more."""
    return _secrets().filter(revoked_at=None).exclude(pepper_id="")


def _peppered() -> Counter[str]:
    marked = _marked().order_by().values_list("pepper_id")
    return Counter(dict(marked.annotate(Count("pk"))))


def _mark_anew() -> Iterator[Moved]:
    newest = fingerprint.parse(settings.LATCHKEY_PEPPERS).newest_id
    return rewrite(_marked().exclude(pepper_id=newest), ["pepper_id", "mark"], _remarked)


def _remarked(row: Secret) -> tuple[str, bytes]:
    if row.sealed is None:
        raise CannotOpen("its sealed text is gone, so it cannot be marked anew: rotate it")
    return fingerprint.mark(open_credential(row.sealed, row.context).reveal())


CREDENTIALS: Final = (
    Lot("secrets", lambda: under(Secret.objects.all()), lambda: _move(_secrets())),
    Lot("webhooks", lambda: under(Webhook.objects.all()), lambda: _move(Webhook.objects.all())),
    Lot("signed tests", lambda: under(SignedTest.objects.all()), lambda: _move(_signed_tests())),
)
MARKS: Final = (Lot("marks", _peppered, _mark_anew),)
