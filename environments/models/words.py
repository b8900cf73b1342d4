"""What the models share: opaque ids, and the choices of an enum."""

import secrets
from collections.abc import Sequence
from enum import StrEnum

LARGEST = 2**63 - 1
"""A greater number is in no row of any database, and SQLite refuses to be asked."""
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def opaque_id() -> str:
    """20 letters of base32, 100 bits: for addresses that must say nothing and never change."""
    return "".join(secrets.choice(BASE32) for _ in range(20))


def choices(words: type[StrEnum]) -> Sequence[tuple[str, str]]:
    return [(word.value, word.value.capitalize()) for word in words]
