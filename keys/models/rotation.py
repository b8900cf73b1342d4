"""The row of a rotation: facts with dates. What comes next is worked out from them (`keys.rotation`)."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.access import Scope
from environments.models import User
from keys.crypto import new_id
from keys.models.credential_test import CredentialTest
from keys.models.reach import reach
from keys.rotation import LONGEST_HOLD, Step

OVERDUE = timedelta(minutes=2)
"""Later than this, nobody looks at it."""


def new_rotation_id() -> str:
    return new_id("rot_")


class RotationQuerySet(models.QuerySet["Rotation"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(reach(scope, "key__"))

    def open(self) -> Self:
        return self.filter(closed_at=None)

    def closed(self) -> Self:
        return self.exclude(closed_at=None)

    def due(self, now: datetime) -> Self:
        return self.open().filter(next_at__lte=now)

    def for_page(self) -> Self:
        return self.select_related(
            "key__environment__organization", "key__team", "key__endpoint", "old", "new", "asked_by"
        ).select_related(
            *("proven_by", "refused_by", "accepted_by", "new__created_by"),
            *("extended_by", "pressed_by", "retired_by", "closed_by"),
        )

    def troubled(self, now: datetime) -> Self:
        """Open ones that wait for a person or do not move; what it is, `keys.progress.states` says."""
        waits = Q(step__in=[Step.AWAIT_SECRET, Step.AWAIT_RETRY, Step.HOLD])
        late = Q(next_at__lt=now - OVERDUE)
        return self.open().filter(waits | late | Q(alarmed_at__isnull=False))


class Rotation(models.Model):
    """A new secret in the place of an old one: made, proven, and only then the old one ended and proven dead."""

    class Reason(models.TextChoices):
        PERSON = "person", "Asked for by a person"
        SCHEDULE = "schedule", "The old secret comes of age"
        BATCH = "batch", "Bulk rotation"
        LEAK = "leak", "The old secret has leaked"

    class Outcome(models.TextChoices):
        PROVEN_DEAD = "proven_dead", "The new secret works, the old one is proven dead"
        DISCARDED = "discarded", "Discarded: the old secret was kept"
        PROVEN = "proven", "The new secret works; there was no old one to end"
        UNPROVEN = "unproven", "The old secret ended; that it is refused could not be proven"
        LAPSED = "lapsed", "Lapsed: nobody took it up in time, the old secret was kept"
        KEY_DELETED = "key_deleted", "The key was deleted"

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="rotations")
    public_id = models.CharField(
        max_length=40, unique=True, default=new_rotation_id, editable=False
    )
    old = models.ForeignKey(
        "keys.Secret", models.CASCADE, related_name="rotated_out", null=True, blank=True
    )
    """Null when the key had no unended secret to replace."""
    new = models.ForeignKey(
        "keys.Secret", models.CASCADE, related_name="rotated_in", null=True, blank=True
    )
    grace = models.DurationField(default=timedelta(hours=24))
    reason = models.CharField(max_length=8, choices=Reason)
    why = models.CharField(max_length=200, blank=True)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    proven_at = models.DateTimeField(null=True)
    proven_by = models.ForeignKey(CredentialTest, models.SET_NULL, null=True, related_name="+")
    ends_at = models.DateTimeField(null=True)
    """The end of the grace period: no end of the old secret, but when a worker looks whether it may end."""
    held_until = models.DateTimeField(null=True)
    """The old secret was in use at the end of its grace; so long it is held at most."""
    extended_at = models.DateTimeField(null=True)
    """When its grace was last made longer."""
    extended_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    pressed_at = models.DateTimeField(null=True)
    """A person said: retire it although it is in use; of an imported one: it is ended at the provider."""
    pressed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    retired_on = models.CharField(max_length=80, blank=True)
    """The worker that retired it; empty when a person ended it at once."""
    refused_at = models.DateTimeField(null=True)
    refused_by = models.ForeignKey(CredentialTest, models.SET_NULL, null=True, related_name="+")
    accepted_by = models.ForeignKey(CredentialTest, models.SET_NULL, null=True, related_name="+")
    """The new secret's acceptance within a minute of the refusal: the endpoint was not simply refusing all."""
    alarmed_at = models.DateTimeField(null=True)
    """The old secret was accepted after its end: an incident, told once."""
    step = models.CharField(max_length=20, blank=True)
    """What was next when a worker looked last (`keys.rotation.Step`); for lists, never to decide by."""
    next_at = models.DateTimeField(default=timezone.now, null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)

    objects = RotationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(closed_at=None), name="one_open_rotation_per_key"
            )
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(closed_at=None), name="rotation_due")
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def cut(self) -> bool:
        """The old secret has ended: there is no way back."""
        return self.retired_at is not None

    def extended_to(self, now: datetime) -> datetime | None:
        """A day more for the old secret; None where the policy allows no more, or there is nothing to extend."""
        if self.ends_at is None or self.proven_at is None or self.pressed_at or self.cut:
            return None
        ends = max(self.ends_at, now) + LONGEST_HOLD
        collected = self.new.collected_at if self.new else None
        began = max(self.proven_at, collected or self.proven_at)
        return ends if ends <= began + self.key.environment.grace_max else None

    def retire(self, by: User, now: datetime) -> None:
        """A person has ended the old secret at once: the grace is over, and it is still to be proven dead."""
        if not self.cut:
            self.retired_at, self.retired_by = now, by

    def discard(self, by: User, now: datetime) -> None:
        """Keep the old secret, end the new one and nothing of it is kept."""
        if self.new is not None:
            self.new.end(by, now)
        self.close(self.Outcome.DISCARDED, now, by)

    def close(self, outcome: str, now: datetime, by: User | None = None) -> None:
        self.closed_at, self.closed_by = now, by
        self.outcome, self.next_at = outcome, None
        self.tests.unfinished().cancel(now)
        self.save()
