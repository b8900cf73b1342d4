"""The hash chain of an organization's log: what an entry's digest covers, and the first place where a chain is broken.

Plain Python: an export is checked with this on a machine that has no database.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, NamedTuple

from environments.signing import Head

START: Final = (0, "")
"""Before the first entry: its number, and what the first one names as the digest before it."""


class Entry(NamedTuple):
    """A row as it is hashed, and the digest that stands in it."""

    organization: int
    sequence: int
    at: str
    """In UTC, to the microsecond, as `signing.instant` writes it."""
    event: str
    denied: bool
    actor_id: int | None
    actor: str
    environment: str
    subject: str
    label: str
    detail: Any
    address: str
    request_id: str
    previous: str
    digest: str


class Kind(StrEnum):
    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    REWRITTEN = "rewritten"
    CUT = "cut off"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry at which a chain is not what was written."""

    kind: Kind
    organization: int
    sequence: int
    last: int
    """The last entry that it may be: the same, unless more than one are concerned, or it cannot be told which."""

    def __str__(self) -> str:
        several = self.last > self.sequence
        these = f"entries {self.sequence} to {self.last}" if several else f"entry {self.sequence}"
        are, were = ("are", "were") if several else ("is", "was")
        says = {
            Kind.CHANGED: f"entry {self.sequence}"
            + (f", or {self.last}, or both," if several else "")
            + " was changed, or exchanged for another",
            Kind.MISSING: f"{these} {are} missing",
            Kind.INSERTED: f"{these} {were} inserted",
            Kind.REWRITTEN: f"{these}: at least one of them is not what was signed; all after it {were} written anew",
            Kind.CUT: f"{these} {are} missing: the chain was cut off at its end",
        }
        return says[self.kind]


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a chain holds."""

    sequence: int
    digest: str
    count: int
    signed: int
    """The last entry that a signed head vouches for."""
    fault: Fault | None = None


_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_TEXT: Final = (
    '{"actor":%s,"actor_id":%s,"address":%s,"at":%s,"denied":%s,"detail":%s,"environment":%s,"event":%s,'
    '"label":%s,"organization":%d,"previous":%s,"request_id":%s,"sequence":%d,"subject":%s}'
)


def digest(entry: Entry) -> str:
    """SHA-256 over the canonical JSON (members sorted, no spaces, ASCII) of all but the digest.

    Written out member by member: this runs a million times when a long chain is checked.
    """
    text = _TEXT % (
        quoted(entry.actor),
        "null" if entry.actor_id is None else entry.actor_id,
        quoted(entry.address),
        quoted(entry.at),
        "true" if entry.denied else "false",
        _encode(entry.detail) if entry.detail else "{}",
        quoted(entry.environment),
        quoted(entry.event),
        quoted(entry.label),
        entry.organization,
        quoted(entry.previous),
        quoted(entry.request_id),
        entry.sequence,
        quoted(entry.subject),
    )
    return hashlib.sha256(text.encode()).hexdigest()


class Walk:
    """From one entry to the next, until the first fault."""

    def __init__(
        self, organization: int, start: tuple[int, str] = START, signed: Iterable[Head] = ()
    ) -> None:
        self.organization = organization
        self.sequence, self.digest = start
        self.before = ""  # what the last accepted entry named as its previous
        self.count = 0
        self.signed = self.sequence
        self._heads = iter(signed)
        self._next = self._following()
        self._end = ""

    def through(self, entries: Iterable[Entry], end: Head | None = None) -> Walked:
        """`end`: how far the chain has to go, as nobody signed it (its head row)."""
        rest = iter(entries)
        self._end = end.digest if end else ""
        for entry in rest:
            fault = self._step(entry, rest) or self._meet_head(rest)
            if fault:
                return self._walked(fault)
            if end is not None and entry.sequence == end.sequence and entry.digest != end.digest:
                return self._walked(self._fault(Kind.CHANGED, entry.sequence))
        return self._walked(self._cut(end))

    def _step(self, entry: Entry, rest: Iterator[Entry]) -> Fault | None:
        wanted = self.sequence + 1
        if entry.sequence > wanted:
            return self._fault(Kind.MISSING, wanted, entry.sequence - 1)
        if entry.sequence < wanted:
            return self._fault(Kind.INSERTED, entry.sequence)
        whole = digest(entry) == entry.digest and entry.organization == self.organization
        if entry.previous != self.digest:
            return self._unlinked(entry, next(rest, None), whole=whole)
        if not whole:
            return self._fault(Kind.CHANGED, wanted)
        self.before, self.digest, self.sequence = entry.previous, entry.digest, wanted
        self.count += 1
        return None

    def _unlinked(self, entry: Entry, after: Entry | None, *, whole: bool) -> Fault:
        """This entry does not follow from the last one. Which of the two is false, the next one tells."""
        here = self._fault(Kind.CHANGED, entry.sequence)
        if not self.count or digest(entry._replace(previous=self.digest)) == entry.digest:
            return here
        if entry.previous == self.before:
            return self._fault(Kind.INSERTED, self.sequence)
        if not whole:
            return here
        vouched = after.previous == entry.digest if after else entry.digest == self._end
        # Not vouched for: it was changed, or both were. What it names as its previous proves nothing then.
        last = self.sequence if vouched else entry.sequence
        return self._fault(Kind.CHANGED, self.sequence, last)

    def _meet_head(self, rest: Iterator[Entry]) -> Fault | None:
        while self._next is not None and self._next.sequence <= self.sequence:
            if self._next.sequence == self.sequence and self._next.digest != self.digest:
                return self._other_than_signed(self._next, next(rest, None))
            self.signed = max(self.signed, self._next.sequence)
            self._next = self._following()
        return None

    def _other_than_signed(self, head: Head, after: Entry | None) -> Fault:
        """The next entry may still know what stood here; else anything since the last signed one may be false."""
        if after is not None and after.previous == head.digest:
            return self._fault(Kind.CHANGED, self.sequence)
        if after is not None and after.previous == self.before:
            return self._fault(Kind.INSERTED, self.sequence)
        return self._fault(Kind.REWRITTEN, self.signed + 1, self.sequence)

    def _cut(self, end: Head | None) -> Fault | None:
        last = end.sequence if end else 0
        while self._next is not None:
            last = max(last, self._next.sequence)
            self._next = self._following()
        return self._fault(Kind.CUT, self.sequence + 1, last) if last > self.sequence else None

    def _following(self) -> Head | None:
        return next(self._heads, None)

    def _fault(self, kind: Kind, first: int, last: int = 0) -> Fault:
        return Fault(kind, self.organization, first, max(first, last))

    def _walked(self, fault: Fault | None) -> Walked:
        return Walked(self.sequence, self.digest, self.count, self.signed, fault)
