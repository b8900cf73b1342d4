"""Is the log what was written? Every chain of this installation's database against its signed heads and floors."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from django.db.models import QuerySet

from environments import signing, stored, witness
from environments.chain import START, Fault, Kind, Walk, Walked
from environments.models import (
    AuditCheckpoint,
    AuditEvent,
    AuditFloor,
    AuditHead,
    AuditSignedHead,
)
from environments.signing import BadSignature, Checkpoint, Head, Verifier
from environments.witness import BadWitness, Witnessed

LATE = timedelta(minutes=15)  # three checkpoints missed
_sequence = attrgetter("sequence")


@dataclass(slots=True)
class Signed:
    """What a run of checkpoints vouches for, as far as it is sound."""

    last: Checkpoint | None = None
    heads: dict[int, Head] = field(default_factory=dict)
    problem: str = ""

    def follow(self, checkpoints: Iterable[Witnessed], verifier: Verifier, *, whole: bool) -> None:
        """`whole`: from the first one on, none left out; a file may have been put away in between."""
        for each in checkpoints:
            if each.statement == self.last:
                continue  # written twice: its writer was killed in between
            self.problem = self._fits(each, verifier, whole=whole)
            if self.problem:
                return
            self.last = each.statement

    def _fits(self, each: Witnessed, verifier: Verifier, *, whole: bool) -> str:
        name = f"checkpoint {each.statement.serial}"
        try:
            verifier.check(each.statement, each.signature)
        except BadSignature as error:
            return f"{name}: {error}"
        changed = {head.organization: head for head in each.changed}
        following = self._follows(each.statement)
        if not following and whole:
            return f"{name} does not follow the one before: some were removed"
        for heads in ({**self.heads, **changed}, changed) if following else (changed,):
            ordered = sorted(heads.values())
            if signing.root_of(ordered) == each.statement.root:
                self.heads = heads
                return ""
        return f"{name}: the heads beside it are not those that were signed"

    def _follows(self, statement: Checkpoint) -> bool:
        if self.last is None:
            return statement.serial == 1
        return statement.serial == self.last.serial + 1 and statement.previous == self.last.digest()


@dataclass(slots=True)
class Report:
    """What was found. `faults` name entries; `problems` are about what stands beside them."""

    chains: dict[int, Walked] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    signed_at: datetime | None = None
    late: bool = False
    """No checkpoint of the last minutes: what was written since rests on the chain alone."""

    @property
    def faults(self) -> list[Fault]:
        return [each.fault for each in self.chains.values() if each.fault]

    @property
    def sound(self) -> bool:
        return not self.faults and not self.problems


def verify(
    verifier: Verifier,
    now: datetime,
    *,
    outside: Path | None = None,
    only: int | None = None,
    progress: Callable[[int], None] = lambda _organization: None,
) -> Report:
    """Checkpoints first, heads after them: what is written meanwhile looks like no fault."""
    report = Report()
    told = _told(outside, verifier, report)
    held = Signed()
    held.follow(_checkpoints(), verifier, whole=True)
    if held.problem:
        report.problems.append(held.problem)
    _compare(told, held, report)
    report.signed_at = datetime.fromisoformat(held.last.at) if held.last else None
    report.late = report.signed_at is None or now - report.signed_at > LATE
    heads = {each.organization_id: each for each in AuditHead.objects.filter(sequence__gt=0)}
    known = heads.keys() | held.heads.keys() | told.heads.keys() | stored.organizations()
    for organization in sorted(known if only is None else known & {only}):
        progress(organization)
        vouchers = _Vouchers(
            organization, held.last.serial if held.last else 0, told.heads.get(organization)
        )
        report.chains[organization] = _walk(vouchers, verifier, report)
    return report


def _checkpoints() -> Iterator[Witnessed]:
    """The database's own, each with the heads that changed."""
    rows = AuditSignedHead.objects.order_by("serial", "organization_id").iterator()
    heads = groupby(rows, attrgetter("serial"))
    upcoming = next(heads, None)
    for each in AuditCheckpoint.objects.order_by("serial").iterator():
        changed: list[Head] = []
        while upcoming is not None and upcoming[0] <= each.serial:
            changed += [row.head for row in upcoming[1]]
            upcoming = next(heads, None)
        yield Witnessed(each.statement, each.signed, changed)


def _told(outside: Path | None, verifier: Verifier, report: Report) -> Signed:
    told = Signed()
    if outside is None or not outside.exists():
        return told
    try:
        with outside.open() as lines:
            told.follow(witness.read(lines), verifier, whole=False)
    except BadWitness as error:
        told.problem = str(error)
    if told.problem:
        report.problems.append(f"{outside}: {told.problem}")
    return told


def _compare(told: Signed, held: Signed, report: Report) -> None:
    """The database must have what was told outside."""
    if told.last is None:
        return
    if held.last is None or held.last.serial < told.last.serial:
        first = held.last.serial + 1 if held.last else 1
        report.problems.append(
            f"the database lacks checkpoints {first} to {told.last.serial}, which were written outside it"
        )
    elif not AuditCheckpoint.objects.filter(serial=told.last.serial, root=told.last.root).exists():
        report.problems.append(f"checkpoint {told.last.serial} is not the one written outside")


@dataclass(frozen=True, slots=True)
class _Vouchers:
    """The signed heads of one organization, up to the last sound checkpoint, and the one that was told outside."""

    organization: int
    serial: int
    told: Head | None

    def heads(self) -> Iterator[Head]:
        held = (row.head for row in self._rows().order_by("sequence").iterator())
        return heapq.merge(held, [self.told] if self.told else [], key=_sequence)

    def last(self) -> int:
        held = self._rows().order_by("sequence").values_list("sequence", flat=True).last() or 0
        return max(held, self.told.sequence if self.told else 0)

    def _rows(self) -> QuerySet[AuditSignedHead]:
        return AuditSignedHead.objects.filter(
            organization_id=self.organization, serial__lte=self.serial
        )


def _floor(organization: int, verifier: Verifier, report: Report) -> tuple[int, str]:
    """Where the chain begins: after the newest floor that was signed."""
    signed = AuditFloor.objects.filter(organization_id=organization).exclude(signature="")
    newest = signed.order_by("sequence").last()
    if newest is None:
        return START
    try:
        verifier.check(newest.statement, newest.signed)
    except BadSignature as error:
        report.problems.append(f"the floor of organization {organization}: {error}")
        return START
    return newest.sequence, newest.digest


def _walk(vouchers: _Vouchers, verifier: Verifier, report: Report) -> Walked:
    organization = vouchers.organization
    start = _floor(organization, verifier, report)
    head = AuditHead.objects.filter(organization_id=organization).first()
    end = Head(organization, head.sequence, head.digest) if head else None
    upto = max(end.sequence if end else 0, vouchers.last())
    walked = Walk(organization, start, vouchers.heads()).through(
        stored.entries(organization, start[0], upto), end
    )
    fault = walked.fault
    if fault is None:
        return _beyond(organization, walked)
    if fault.kind is Kind.MISSING and _floor(organization, verifier, Report())[0] > start[0]:
        # Entries went meanwhile, because somebody wanted it so and it was signed.
        return _walk(vouchers, verifier, report)
    return walked


def _beyond(organization: int, walked: Walked) -> Walked:
    """Nothing may stand after the head: it is moved with each entry, in the same transaction."""
    rows = AuditEvent.objects.filter(organization_id=organization)
    last = rows.order_by("sequence").values_list("sequence", flat=True).last() or 0
    heads = AuditHead.objects.filter(organization_id=organization)
    head = heads.values_list("sequence", flat=True).first() or 0
    if last <= max(head, walked.sequence):
        return walked
    fault = Fault(Kind.INSERTED, organization, head + 1, last)
    return Walked(walked.sequence, walked.digest, walked.count, walked.signed, fault)
