"""Work on the log that a worker does: exports too large for one answer, and checks of a chain. Rows, not messages."""

from datetime import datetime, timedelta
from typing import Protocol, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User
from environments.models.words import opaque_id

LEASE = timedelta(minutes=5)
STRIKES = 3


class Place(Protocol):
    """Whoever stands in an organization."""

    @property
    def organization(self) -> Organization: ...


class LogWorkQuerySet[Row: "LogWork"](models.QuerySet[Row]):
    def within(self, scope: Place) -> Self:
        return self.filter(organization=scope.organization)

    def due(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, finished_at=None, attempt__lt=STRIKES)

    def claim(self, pk: int, now: datetime) -> Row | None:
        """Lease the row if it is due; whoever changes it owns it until the lease ends."""
        won = self.due(now).filter(pk=pk).update(
            leased_until=now + LEASE, attempt=F("attempt") + 1
        )  # fmt: skip
        return self.get(pk=pk) if won else None


class LogWork(models.Model):
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    """It also tells a worker whose lease ended from the one that took over."""
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def given_up(self, now: datetime) -> bool:
        lost = self.leased_until is None or self.leased_until < now
        return self.finished_at is None and self.attempt >= STRIKES and lost


class LogExport(LogWork):
    """A file of entries, in packed parts."""

    class Form(models.TextChoices):
        CSV = "csv", "CSV"
        LINES = "jsonl", "JSON Lines"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    public_id = models.CharField(max_length=20, unique=True, default=opaque_id, editable=False)
    form = models.CharField(max_length=5, choices=Form)
    query = models.CharField(max_length=2000, blank=True)
    """The filter, as the address writes it, its times fixed; empty: the whole log, as far as it is signed."""
    count = models.BigIntegerField()
    """Counted when it was asked for."""

    objects = LogWorkQuerySet["LogExport"].as_manager()

    def __str__(self) -> str:
        return self.public_id


class LogExportPart(models.Model):
    """A piece of the file, packed by itself: one after the other they are one packed file."""

    export = models.ForeignKey(LogExport, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="export_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"


class LogCheck(LogWork):
    """Somebody, or the clock, wanted to know whether a chain is what was written."""

    organization = models.ForeignKey(Organization, models.CASCADE, null=True, related_name="+")
    """Null: the chain of the installation, where people sign in."""
    count = models.BigIntegerField(default=0)
    signed = models.BigIntegerField(default=0)
    fault = models.CharField(max_length=300, blank=True)
    """What is wrong, in words; empty once finished: nothing."""

    objects = LogWorkQuerySet["LogCheck"].as_manager()

    def __str__(self) -> str:
        return f"check {self.pk}"
