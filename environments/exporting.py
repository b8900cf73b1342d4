"""The whole of an organization's log as it was signed, as JSON Lines that prove themselves."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from environments import audit, signing, stored
from environments.exported import Heading, Proof, floor_facts, line_of
from environments.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditFloor,
    AuditSignedHead,
    LogExport,
)
from environments.sheets import sheet
from environments.signing import Head

PART: Final = 4_000_000
"""Characters of an export that are packed together."""
APART: Final = 1000
"""Entries between two proofs: so near is the place named where a chain was written anew."""


@dataclass(frozen=True, slots=True)
class SignedRange:
    """From the floor to the last entry that was signed."""

    organization: int
    floor: AuditFloor | None
    checkpoint: AuditCheckpoint
    last: int

    @classmethod
    def of(cls, organization: int) -> "SignedRange | None":
        """None while nothing was signed."""
        checkpoint = AuditCheckpoint.objects.order_by("serial").last()
        if checkpoint is None:
            return None
        heads = _own_heads(organization, checkpoint.serial)
        last = heads.values_list("sequence", flat=True).last()
        floors = AuditFloor.objects.filter(organization_id=organization).exclude(signature="")
        floor = floors.order_by("sequence").last()
        return cls(organization, floor, checkpoint, last) if last else None

    @property
    def before(self) -> int:
        return self.floor.sequence if self.floor else 0

    @property
    def count(self) -> int:
        return self.last - self.before

    @property
    def signed_at(self) -> datetime:
        return self.checkpoint.at

    def lines(self, name: str) -> Iterator[str]:
        floor = floor_facts(self.floor.statement, self.floor.signed) if self.floor else None
        heading = Heading(
            organization=self.organization,
            name=name,
            whole=True,
            made_at=signing.instant(timezone.now()),
            asked="",
            floor=floor,
        )
        yield heading.line()
        for entry in stored.entries(self.organization, self.before, self.last):
            yield line_of(entry)
        for proof in self._proofs():
            yield proof.line()

    def _proofs(self) -> Iterator[Proof]:
        wanted = self._spaced()
        checkpoints = AuditCheckpoint.objects.in_bulk(list(wanted), field_name="serial")
        heads: dict[int, Head] = {}
        rows = AuditSignedHead.objects.filter(serial__lte=self.checkpoint.serial)
        reached = 0
        for row in rows.order_by("serial", "organization_id").iterator():
            if reached in wanted and row.serial > reached:
                yield self._proof(checkpoints[reached], heads)
            reached, heads[row.organization_id] = row.serial, row.head
        yield self._proof(self.checkpoint, heads)

    def _spaced(self) -> set[int]:
        """Checkpoints that signed a new head of this chain, some way apart."""
        chosen, reached = set(), self.before
        rows = _own_heads(self.organization, self.checkpoint.serial)
        for serial, sequence in rows.values_list("serial", "sequence"):
            if reached + APART <= sequence:
                chosen.add(serial)
                reached = sequence
        return chosen

    def _proof(self, checkpoint: AuditCheckpoint, heads: dict[int, Head]) -> Proof:
        ordered = sorted(heads.values())
        path = signing.path_to(ordered, self.organization)
        return Proof(checkpoint.statement, checkpoint.signed, heads[self.organization], path)


def _own_heads(organization: int, serial: int) -> QuerySet[AuditSignedHead]:
    rows = AuditSignedHead.objects.filter(organization_id=organization, serial__lte=serial)
    return rows.order_by("sequence")


COLUMNS: Final = (
    "entry", "time", "actor", "actor_id", "event", "subject", "label", "environment", "result", "address",
    "request_id", "before_after", "detail", "digest",
)  # fmt: skip
CHUNK: Final = 2000


def selection(form: str, lines: QuerySet[AuditEvent], heading: Heading) -> Iterator[str]:
    """Exactly these entries, newest first, and in JSON Lines a first line that says that it is a selection."""
    events = lines.order_by("-at", "-sequence").iterator(chunk_size=CHUNK)
    if form == LogExport.Form.CSV:
        yield from sheet(COLUMNS, map(_cells, events))
        return
    yield heading.line()
    for event in events:
        yield line_of(audit.entry(event))


def _cells(event: AuditEvent) -> list[str]:
    changed = {name: event.detail[name] for name in ("before", "after") if name in event.detail}
    rest = {name: value for name, value in event.detail.items() if name not in changed}
    return [
        str(event.sequence),
        signing.instant(event.at),
        event.actor,
        str(event.actor_id or ""),
        event.event,
        event.subject,
        event.label,
        event.environment,
        "refused" if event.denied else "allowed",
        event.address,
        event.request_id,
        json.dumps(changed) if changed else "",
        json.dumps(rest) if rest else "",
        event.digest,
    ]


def packed(lines: Iterable[str]) -> Iterator[bytes]:
    """The file in parts, each packed by itself; one after the other they are one packed file."""
    some: list[str] = []
    held = 0
    for line in lines:
        some.append(line)
        held += len(line)
        if held >= PART:
            yield gzip.compress("".join(some).encode(), 6)
            some, held = [], 0
    if some:
        yield gzip.compress("".join(some).encode(), 6)
