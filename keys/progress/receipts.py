"""The sentences of receipts: what a test found, how a secret was used, how long a span is. Plain data for templates."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from keys.models import CredentialTest, Key, Secret

LATELY = timedelta(hours=1)
"""The token service counts by whole hours: this one, and so much before it."""
NAMED = 3


@dataclass(frozen=True, slots=True)
class Line:
    """Words, then a moment in a style of the `time` tag, then more words; and the test whose run shows it."""

    words: str
    at: datetime | None = None
    style: str = "seconds"
    after: str = ""
    test: int | None = None


def span(length: timedelta) -> str:
    """'5 h 12 min', '7 days', '24 h': the two largest units that count."""
    minutes = max(int(length.total_seconds() // 60), 0)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        return f"{days} days {hours} h" if hours else f"{days} days"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else "a moment"


def receipt(test: CredentialTest) -> Line:
    """Outcome, HTTP status and duration, which worker, when; linked to its run."""
    said = [test.result.label if test.result else "Not finished"]
    if test.http_status:
        said.append(f"HTTP {test.http_status}")
    if test.duration_ms is not None:
        said.append(f"{test.duration_ms:.0f} ms")
    if test.worker:
        said.append(f"worker {test.worker}")
    return Line(", ".join(said), test.finished_at, test=test.pk)


def use_of(which: str, secret: Secret) -> Line:
    """Count, last time and address, as the token service wrote them; our own tests are not use."""
    name = f"{which} …{secret.hint}"
    if secret.last_used_at is None:
        return Line(f"{name}: never used.")
    times = f"used {secret.use_count:,} time{'s' if secret.use_count != 1 else ''}, last"
    where = f"from {secret.last_used_from}" if secret.last_used_from else ""
    return Line(f"{name}: {times}", secret.last_used_at, "ago", where)


def lately(key: Key, secret: Secret, now: datetime) -> Line | None:
    """Whether clients are still on it, and where they are; None where that was not counted."""
    begins = now.replace(minute=0, second=0, microsecond=0) - LATELY
    if secret.last_used_at is None:
        return None
    if secret.last_used_at < begins:
        return Line("No token in this hour and the one before.")
    hours = key.hours_of_use.filter(proof=secret.public_id, reason="")
    found: Counter[str] = Counter()
    for address, count in hours.filter(hour__gte=begins).values_list("address", "count"):
        found[address] += count
    if not found:
        return None  # not written down yet, or lost with its process
    tokens = found.total()
    many = f"{tokens:,} token{'s' if tokens != 1 else ''}"
    return Line(f"{many} in this hour and the one before, from {_places(found)}.")


def _places(found: Counter[str]) -> str:
    """The busiest by name; those that the token service did not tell apart have none."""
    named = [address for address, _ in found.most_common() if address][:NAMED]
    more = len(found) - len(named)
    if not named:
        return "many addresses"
    return ", ".join(named) + (f" and {more} more" if more else "")
