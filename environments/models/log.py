"""What stands beside the audit chain: signed checkpoints, and the floors at or below which entries may go."""

from datetime import datetime
from typing import Self

from django.db import models

from environments import signing
from environments.signing import Head, Signature


class AuditCheckpoint(models.Model):
    """All heads at a moment, signed."""

    serial = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    count = models.IntegerField()
    root = models.CharField(max_length=64)
    previous = models.CharField(max_length=64)
    key_id = models.CharField(max_length=16)
    signature = models.CharField(max_length=90)
    witnessed_at = models.DateTimeField(null=True)
    """When it was written outside the database as well."""

    class Meta:
        indexes = [
            models.Index(
                fields=["serial"],
                name="checkpoint_unwitnessed",
                condition=models.Q(witnessed_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"checkpoint {self.serial}"

    @property
    def statement(self) -> signing.Checkpoint:
        at = signing.instant(self.at)
        return signing.Checkpoint(self.serial, at, self.count, self.root, self.previous)

    @property
    def signed(self) -> Signature:
        return Signature(self.key_id, self.signature)


class SignedHeadQuerySet(models.QuerySet["AuditSignedHead"]):
    def newest(self) -> Self:
        """The last one of each organization."""
        last = self.values("organization_id").annotate(last=models.Max("pk")).values("last")
        return self.filter(pk__in=last)


class AuditSignedHead(models.Model):
    """A head that had changed since the checkpoint before. An idle organization's last one still counts."""

    serial = models.BigIntegerField(db_index=True)
    organization_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)

    objects = SignedHeadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization_id", "sequence"], name="signed_head_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.sequence} at checkpoint {self.serial}"

    @property
    def head(self) -> Head:
        return Head(self.organization_id, self.sequence, self.digest)


class AuditFloor(models.Model):
    """Entries up to this one may be deleted once a worker has signed it: by retention, or with their organization."""

    organization_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    reason = models.CharField(max_length=120)
    key_id = models.CharField(max_length=16, blank=True, default="")
    signature = models.CharField(max_length=90, blank=True, default="")
    emptied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="one_floor_here"),
        ]

    def __str__(self) -> str:
        return f"floor {self.organization_id}/{self.sequence}"

    @property
    def statement(self) -> signing.Floor:
        at: datetime = self.asked_at
        return signing.Floor(
            self.organization_id, self.sequence, self.digest, signing.instant(at), self.reason
        )

    @property
    def signed(self) -> Signature:
        return Signature(self.key_id, self.signature)
