"""Facts of a secret that ended without another in its place, and now → what is left to prove. Pure, like `keys.rotation`.

Its client signs instead, and nobody here can sign for it. So the refusal of the secret counts together with a signature of
the client's own that the same token endpoint accepted within a minute of it: an endpoint that refuses everybody proves
nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from keys.rotation import PAIR, TEST_TAKES, wait_after

LOOK: Final = timedelta(seconds=15)
"""How often it is asked whether the client has signed."""
FRESH: Final = timedelta(seconds=30)
"""A signature as young as this leaves a test the time to stand beside it."""
WAIT_FOR: Final = timedelta(days=30)
"""A client that has not signed by then leaves its secret unproven."""


class Next(StrEnum):
    TRY = "try"
    WAIT = "wait"
    PROVEN = "proven"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Moments in UTC; None where it has not happened."""

    ended_at: datetime
    erased: bool = False
    """Its sealed text is gone, or its key: nobody can try it."""
    testing: bool = False
    refused_at: datetime | None = None
    """What the newest trial said, if it was the method's own refusal."""
    tried_at: datetime | None = None
    attempt: int = 0
    """Trials in a row that proved nothing."""
    signed_at: datetime | None = None


def what_next(facts: Facts, now: datetime) -> tuple[Next, datetime]:
    """And when to look again, where it is to wait."""
    if _paired(facts):
        return Next.PROVEN, now
    if facts.erased or now >= facts.ended_at + WAIT_FOR:
        return Next.UNPROVEN, now
    if facts.testing:
        return Next.WAIT, now + TEST_TAKES
    if facts.refused_at is None:
        again = facts.tried_at + wait_after(facts.attempt) if facts.tried_at else now
        return (Next.TRY, now) if again <= now else (Next.WAIT, again)
    fresh = facts.signed_at is not None and facts.signed_at >= now - FRESH
    return (Next.TRY, now) if fresh else (Next.WAIT, now + LOOK)


def _paired(facts: Facts) -> bool:
    refused, signed = facts.refused_at, facts.signed_at
    return refused is not None and signed is not None and abs(refused - signed) <= PAIR
