"""What was used, kept in this process and written once a second: a commit by another connection
makes the next read of the same SQLite file eight times dearer."""

import atexit
import gc
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from keys.issuer import hours
from keys.issuer.clients import Proven, stored
from keys.issuer.database import Statement, fetch_all
from keys.issuer.refusals import Refusal
from keys.issuer.requests import Request

EVERY: Final = 1.0
COLLECT_EVERY: Final = 30

log = structlog.get_logger(__name__)

TEST: Final = Statement("""
    SELECT 1 FROM keys_credentialtest
    WHERE secret_id = ? AND ticket_hash = ? AND finished_at IS NULL AND leased_until > ?
""")
SIGNED_TEST: Final = Statement("""
    SELECT 1 FROM keys_signedtest
    WHERE public_key_id = ? AND ticket_hash = ? AND finished_at IS NULL AND leased_until > ?
""")
UNDER_WAY: Final = Statement("""
    SELECT 1 FROM keys_credentialtest
    WHERE ticket_hash = ? AND finished_at IS NULL AND leased_until > ?
    UNION ALL
    SELECT 1 FROM keys_signedtest
    WHERE ticket_hash = ? AND finished_at IS NULL AND leased_until > ?
""")
# The first outside use says that somebody has the secret: it counts as collected.
_USED: Final = """
        use_count = use_count + %s,
        last_used_from = CASE WHEN last_used_at > %s THEN last_used_from ELSE %s END,
        last_used_at = CASE WHEN last_used_at > %s THEN last_used_at ELSE %s END
    WHERE id = %s
"""
WRITE: Final = {
    False: "UPDATE keys_secret SET collected_at = COALESCE(collected_at, %s)," + _USED,  # noqa: S608
    True: "UPDATE keys_publickey SET" + _USED,
}
"""By whether a signature was the proof."""

type Which = tuple[bool, int]
"""Whether it is a public key, and its row."""


@dataclass(slots=True)
class Use:
    """What one proof did since the last flush."""

    first: datetime
    last: datetime
    address: str
    count: int

    def add(self, later: "Use") -> None:
        self.last, self.address = later.last, later.address
        self.count += later.count

    def row(self, which: Which) -> tuple[Any, ...]:
        signed, proof = which
        first, last = (
            connection.ops.adapt_datetimefield_value(moment) for moment in (self.first, self.last)
        )
        collected = () if signed else (first,)
        return *collected, self.count, last, hours.shown(self.address), last, last, proof


_lock = threading.Lock()
_uses: dict[Which, Use] = {}
_once = threading.Lock()


def note(client: Proven, request: Request, now: datetime) -> None:
    if is_own_test(client, request, now):
        return
    with _lock:
        _add((client.proof.signed, client.proof.row), Use(now, now, request.address, 1))
    hours.note(client.key, client.proof.public_id, request.address, now)


def note_refusal(refusal: Refusal, address: str, now: datetime) -> None:
    """Of a known client: what goes wrong shows on its page."""
    if refusal.reason in hours.REASONS:
        hours.note(refusal.key or hours.NOBODY, refusal.proof, address, now, refusal.reason)


def flush() -> None:
    """Write what was noted. What cannot be written now is kept for the next time."""
    with _lock:
        uses = dict(_uses)
        _uses.clear()
    counted = hours.take()
    if not uses and not counted:
        return
    try:
        _write(uses, counted)
    except (DatabaseError, InterfaceError) as error:
        log.warning("usage_not_written", cause=type(error).__name__, count=len(uses))
        _put_back(uses)
        hours.put_back(counted)
    finally:
        if not connection.in_atomic_block:
            connection.close()


@transaction.atomic
def _write(uses: dict[Which, Use], counted: Counter[hours.What]) -> None:
    """In the order of the ids: two processes that lock rows in the same order cannot wait for each other."""
    with connection.cursor() as cursor:
        for signed, text in WRITE.items():
            rows = [use.row(which) for which, use in sorted(uses.items()) if which[0] is signed]
            if rows:
                cursor.executemany(text, rows)
        if counted:
            cursor.executemany(hours.WRITE, hours.rows_of(counted))


def keep_flushing() -> None:
    """One thread per process, started by its first request: a server forks before it serves."""
    if _once.acquire(blocking=False):
        atexit.register(flush)
        threading.Thread(target=_flush_for_ever, name="usage", daemon=True).start()


def _flush_for_ever() -> None:
    collected = time.monotonic()
    while True:
        time.sleep(EVERY)
        flush()
        if time.monotonic() - collected > COLLECT_EVERY:
            # Server threads that ended leave their database connections to the cyclic collector.
            gc.collect()
            collected = time.monotonic()


def _add(which: Which, use: Use) -> None:
    known = _uses.get(which)
    if known is None:
        _uses[which] = use
    else:
        known.add(use)


def _put_back(uses: dict[Which, Use]) -> None:
    with _lock:
        newer = dict(_uses)
        _uses.clear()
        _uses.update(uses)
        for which, use in newer.items():
            _add(which, use)


def comes_from_a_worker(request: Request, now: datetime) -> bool:
    """With the ticket of a test that is under way, whatever it tests: the old secret of a rotation is tried to be refused."""
    if not request.ticket:
        return False
    which = (_digest(request.ticket), stored(now))
    return bool(fetch_all(UNDER_WAY, which + which))


def is_own_test(client: Proven, request: Request, now: datetime) -> bool:
    """The worker tells its tests apart by a random ticket, whose hash stands on the row that it leased."""
    if not request.ticket:
        return False
    asked = SIGNED_TEST if client.proof.signed else TEST
    return bool(fetch_all(asked, (client.proof.row, _digest(request.ticket), stored(now))))


def _digest(ticket: str) -> str:
    return sha256(ticket.encode("latin-1", "replace")).hexdigest()
