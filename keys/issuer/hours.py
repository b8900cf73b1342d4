"""Tokens and refusals of each hour, by key, proof, reason and address: counted here, written with the flush of usage."""

from collections import Counter, defaultdict
from datetime import datetime
from ipaddress import ip_address
from threading import Lock
from typing import Any, Final

from django.db import connection

ADDRESSES: Final = 20
"""So many are told apart for a key and hour; a stranger who comes from everywhere fills no table, and hides no one's
use: who has proven to be the client is counted apart."""
REASONS: Final = frozenset(
    {
        *(
            "unknown client",
            "wrong secret",
            "unknown kid",
            "bad signature",
            "assertion not fit",
            "replay",
        ),
        *("expired", "disabled", "deleted", "address", "scope", "pace"),
    }
)
NOBODY: Final = 0
"""Stands in for the key of an unknown client: counted like others, so that it takes as long, and not kept."""
WRITE: Final = """
    INSERT INTO keys_hourofuse (key_id, proof, reason, address, hour, count)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (key_id, hour, proof, reason, address)
    DO UPDATE SET count = keys_hourofuse.count + excluded.count
"""

type What = tuple[int, datetime, str, str, str]
"""Key, hour, proof, reason, address: in the order of the constraint, so that writers lock rows in one order."""

_lock = Lock()
_counts: Counter[What] = Counter()
_addresses: defaultdict[tuple[int, datetime, bool], set[str]] = defaultdict(set)


def note(key: int, proof: str, address: str, now: datetime, reason: str = "") -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    with _lock:
        seen = _addresses[key, hour, proof != ""]
        if len(seen) < ADDRESSES:
            seen.add(address)
        _counts[key, hour, proof, reason, address if address in seen else ""] += 1


def take() -> Counter[What]:
    """What was counted since the last time; addresses of hours that have passed are forgotten."""
    with _lock:
        taken = Counter({what: count for what, count in _counts.items() if what[0] != NOBODY})
        _counts.clear()
        newest = max((hour for _, hour, _ in _addresses), default=None)
        for passed in [each for each in _addresses if each[1] != newest]:
            del _addresses[passed]
    return taken


def put_back(taken: Counter[What]) -> None:
    with _lock:
        _counts.update(taken)


def rows_of(taken: Counter[What]) -> list[tuple[Any, ...]]:
    adapted = connection.ops.adapt_datetimefield_value
    return [
        (key, proof, reason, shown(address), adapted(hour), count)
        for (key, hour, proof, reason, address), count in sorted(taken.items())
    ]


def shown(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return ""
