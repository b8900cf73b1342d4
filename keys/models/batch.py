"""Bulk work: one row for what was asked, one for each key in it."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.access import OrgScope
from environments.models import Organization, User
from keys.crypto import new_id
from keys.models.credential_test import CredentialTest
from keys.models.key import Key
from keys.models.rotation import Rotation


def new_batch_id() -> str:
    return new_id("bat_")


class BatchQuerySet(models.QuerySet["Batch"]):
    def within(self, scope: OrgScope) -> Self:
        """A batch is seen by who asked for it."""
        return self.filter(organization=scope.organization, asked_by=scope.actor)

    def unfinished(self) -> Self:
        return self.filter(finished_at=None)

    def due(self, now: datetime) -> Self:
        return self.filter(finished_at=None, paused_at=None, next_at__lte=now)


class Batch(models.Model):
    """One act on many keys. Rows say what waits; nothing here holds a secret."""

    class Kind(models.TextChoices):
        TEST = "test", "Test"
        ROTATE = "rotate", "Rotate"
        EXPIRY = "expiry", "Set expiry"

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="batches")
    public_id = models.CharField(max_length=40, unique=True, default=new_batch_id, editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    form_hash = models.CharField(max_length=64)
    grace = models.DurationField(null=True)
    next_at = models.DateTimeField(default=timezone.now)
    paused_at = models.DateTimeField(null=True)
    """Three failed in a row: it goes on when told."""
    went_on_at = models.DateTimeField(null=True)
    """When it was told to go on: failures before that no longer pause it."""
    finished_at = models.DateTimeField(null=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asked_by", "form_hash"], name="one_batch_per_form")
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(finished_at=None), name="batch_due")
        ]

    def __str__(self) -> str:
        return self.public_id


class BatchItem(models.Model):
    """One key of a batch; `state` is what the page counts, and the counts add up."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        OK = "ok", "Ok"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        SKIPPED = "skipped", "Left out"

    batch = models.ForeignKey(Batch, models.CASCADE, related_name="items")
    key = models.ForeignKey(Key, models.CASCADE, related_name="batch_items")
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    note = models.CharField(max_length=200, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    test = models.ForeignKey(CredentialTest, models.SET_NULL, null=True, related_name="+")
    rotation = models.ForeignKey(Rotation, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "key"], name="one_item_per_key_and_batch")
        ]
        indexes = [models.Index(fields=["batch", "state"], name="batch_item_state")]

    def __str__(self) -> str:
        return f"{self.key_id}: {self.state}"
