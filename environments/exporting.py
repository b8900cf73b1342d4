"""The whole of an organization's log as it was signed, as JSON Lines that prove themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from environments import signing, stored
from environments.exported import Heading, Proof, floor_facts, line_of
from environments.models import AuditCheckpoint, AuditFloor, AuditSignedHead
from environments.signing import Head

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
        made_at = signing.instant(timezone.now())
        yield Heading(self.organization, name, True, made_at, "", floor).line()  # noqa: FBT003
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
