"""The keyed mark by which a secret is recognised unopened."""

import hmac
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Final

from django.conf import settings

from keys.crypto import Peppers

parse = cache(Peppers.parse)

NOBODYS: Final = secrets.token_bytes(32)
"""Stands in for a mark that is not there: equal to nothing."""


def mark(text: str) -> tuple[str, bytes]:
    """The newest pepper's id, and the mark made with it."""
    peppers = parse(settings.LATCHKEY_PEPPERS)
    return peppers.newest_id, peppers.fingerprint(text, peppers.newest_id)


def recognise(text: str, stored: Sequence[tuple[str, bytes]]) -> int | None:
    """Which of these marks, each with its pepper's id, is the text's own? As much work for none."""
    marks = parse(settings.LATCHKEY_PEPPERS).marks(text)
    found = None
    for place, (pepper_id, digest) in enumerate(stored or [("", NOBODYS)]):
        if hmac.compare_digest(marks.get(pepper_id, NOBODYS), digest) and pepper_id in marks:
            found = place
    return found
