"""How a key is used: what its page shows of the hours that the token service has counted."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from keys.models import HourOfUse, Key

DRAWN: Final = 48
"""Hours in the picture."""
COUNTED: Final = timedelta(days=7)
NAMED: Final = 5
HOUR: Final = timedelta(hours=1)
REASONS: Final = {
    "wrong secret": "Wrong secret",
    "unknown kid": "Unknown kid",
    "bad signature": "Bad signature",
    "assertion not fit": "Assertion for another audience, or out of time",
    "replay": "Assertion used before",
    "expired": "Proof expired",
    "disabled": "Key disabled",
    "deleted": "Key deleted",
    "address": "From an address that may not use it",
    "scope": "Scope it does not have",
    "pace": "Too many tokens a minute",
}


@dataclass(slots=True)
class Row:
    """Tokens of one proof, or refusals for one reason, in the last seven days."""

    name: str
    count: int = 0
    last: datetime | None = None
    addresses: Counter[str] = field(default_factory=Counter)

    def add(self, hour: HourOfUse) -> None:
        self.count += hour.count
        self.last = max(self.last or hour.hour, hour.hour)
        self.addresses[hour.address] += hour.count

    @property
    def named(self) -> list[str]:
        known = [address for address, _ in self.addresses.most_common() if address]
        return known[:NAMED]

    @property
    def unnamed(self) -> int:
        return len(self.addresses) - len(self.named)


@dataclass(frozen=True, slots=True)
class Uses:
    """Tokens an hour, oldest first; then who bought them, and what was refused."""

    tokens: list[int]
    bought: list[Row]
    refused: list[Row]

    @property
    def figures(self) -> dict[str, int]:
        return {
            "This hour": self.tokens[-1],
            "Last 24 hours": sum(self.tokens[-24:]),
            "Busiest hour": max(self.tokens),
        }


def uses_of(key: Key, now: datetime) -> Uses:
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    tokens = [0] * DRAWN
    bought: dict[str, Row] = {}
    refused: dict[str, Row] = {}
    names = {each.public_id: f"Secret …{each.hint}" for each in key.secrets.all()}
    names |= {each.public_id: f"Public key {each.kid}" for each in key.public_keys.all()}
    for hour in key.hours_of_use.filter(hour__gt=now - COUNTED).order_by("hour"):
        if hour.reason:
            name = REASONS.get(hour.reason, hour.reason)
            refused.setdefault(name, Row(name)).add(hour)
            continue
        bought.setdefault(hour.proof, Row(names.get(hour.proof, hour.proof))).add(hour)
        ago = int((this_hour - hour.hour) / HOUR)
        if ago < DRAWN:
            tokens[DRAWN - 1 - ago] += hour.count
    return Uses(tokens, _most_first(bought), _most_first(refused))


def bought_by(key: Key, now: datetime) -> dict[str, Row]:
    """Tokens of the last seven days by the public id of the proof that bought them."""
    found: dict[str, Row] = {}
    hours = key.hours_of_use.filter(hour__gt=now - COUNTED, reason="").order_by("hour")
    for hour in hours:
        found.setdefault(hour.proof, Row(hour.proof)).add(hour)
    return found


def _most_first(rows: dict[str, Row]) -> list[Row]:
    return sorted(rows.values(), key=lambda row: -row.count)
