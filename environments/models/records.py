"""The audit chain's rows, and signs of life."""

from datetime import datetime

from django.db import models


class AuditEvent(models.Model):
    """One act. Plain values only: deleting an organization or a person must not touch its history."""

    organization_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    event = models.CharField(max_length=40)
    denied = models.BooleanField(default=False)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254)
    environment = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=120)
    label = models.CharField(max_length=254, blank=True)
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="audit_sequence")
        ]
        indexes = [
            # Newest first by each condition alone. All end alike, so that none but the first column decides which serves.
            models.Index(fields=["organization_id", "-at", "-sequence"], name="audit_newest"),
            *(
                models.Index(fields=["organization_id", column, "-at", "-sequence"], name=name)
                for name, column in (
                    ("audit_about", "subject"),
                    ("audit_event", "event"),
                    ("audit_place", "environment"),
                    ("audit_actor", "actor_id"),
                    ("audit_address", "address"),
                )
            ),
            models.Index(
                fields=["organization_id", "-at", "-sequence"],
                name="audit_refused",
                condition=models.Q(denied=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.sequence} {self.event}"


class AuditHead(models.Model):
    """The last link of an organization's chain; locking this row orders the writers."""

    organization_id = models.BigIntegerField(unique=True)
    sequence = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.sequence}"


class Heartbeat(models.Model):
    """The last signal of a background process, for `/readyz` and the footer."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"

    @classmethod
    def last(cls, name: str) -> datetime | None:
        return cls.objects.filter(name=name).values_list("at", flat=True).first()
