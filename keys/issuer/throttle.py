"""Who tries in vain too often is told to wait; and the pace of a key that has one. Counted in this process."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address
from threading import Lock
from typing import Final

from keys.issuer.refusals import TooManyRequests

REMEMBERED: Final = 10_000
SHOWN_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """So many at once, and one more every so many seconds."""

    burst: int
    every: float


BY_CLIENT: Final = Pace(10, 6)
"""Failures in the name of one client from one address."""
BY_ADDRESS: Final = Pace(60, 1)


class Buckets:
    """One leaky bucket for each name, the longest unused ones forgotten first."""

    def __init__(self) -> None:
        self._full_until: OrderedDict[object, float] = OrderedDict()
        self._lock = Lock()

    def wait(self, name: object, pace: Pace) -> float:
        """Counts one; the seconds to wait, 0 where there was room."""
        now = time.monotonic()
        with self._lock:
            empty_at = max(self._full_until.pop(name, now), now) + pace.every
            over = empty_at - now - pace.burst * pace.every
            # One that is refused does not push the end away: who goes on at the right pace gets through.
            self._full_until[name] = empty_at - pace.every if over > 0 else empty_at
            if len(self._full_until) > REMEMBERED:
                self._full_until.popitem(last=False)
        return max(over, 0.0)

    def clear(self) -> None:
        with self._lock:
            self._full_until.clear()


failures, paces = Buckets(), Buckets()


def failed(client_id: str, address: str) -> None:
    """Called only behind a proof that was not right: whoever has the right one is never kept waiting by others."""
    address = _home(address)
    waits = (
        failures.wait((client_id[:SHOWN_LENGTH], address), BY_CLIENT),
        failures.wait(address, BY_ADDRESS),
    )
    if any(waits):
        raise TooManyRequests(
            "Too many requests failed. Look at the client ID and its secret or key before you go on.",
            _seconds(max(waits)),
        )


def keep_pace(key: int, a_minute: int) -> None:
    """For a key that may buy so many tokens a minute, in each process of the token service."""
    wait = paces.wait(key, Pace(a_minute, 60 / a_minute))
    if wait:
        raise TooManyRequests(
            f"This key may buy {a_minute} tokens a minute. A token is good for five minutes: keep it.",
            _seconds(wait),
            reason="pace",
        )


def _home(address: str) -> str:
    """Whoever has one address of IPv6 has 2^64 of them, which count as one."""
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or found.exploded[:19])


def _seconds(wait: float) -> int:
    return max(math.ceil(wait), 1)
