"""The keyed mark by which a secret is recognised unopened."""

from functools import cache

from django.conf import settings

from keys.crypto import Peppers

parse = cache(Peppers.parse)


def mark(text: str) -> tuple[str, bytes]:
    """The newest pepper's id, and the mark made with it."""
    peppers = parse(settings.LATCHKEY_PEPPERS)
    return peppers.newest_id, peppers.fingerprint(text, peppers.newest_id)


def recognise(text: str, pepper_id: str, digest: bytes) -> bool:
    return parse(settings.LATCHKEY_PEPPERS).recognise(text, pepper_id, bytes(digest))
