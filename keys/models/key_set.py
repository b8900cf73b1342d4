"""The address of a key's public keys: one row, fetched again and again, which drives that work."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.access import Scope
from environments.models import User
from keys.models.credential_test import LEASE, STRIKES
from keys.models.reach import reach
from keys.set_outcomes import SetOutcome

FETCHED_EVERY = timedelta(minutes=15)


class KeySetQuerySet(models.QuerySet["KeySet"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(reach(scope, "key__"))

    def due(self, now: datetime) -> Self:
        """What a person asked for, too, of a key that is disabled or ended by date; never of a deleted one."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        rests = ~Q(key__disabled_at=None) | Q(expires_at__lte=now)
        waiting = self.filter(free, next_at__lte=now, key__deleted_at=None)
        return waiting.exclude(rests, asked_at=None)

    def claim(self, pk: int, now: datetime, worker: str) -> "KeySet | None":
        """Lease the row if it is due; whoever changes it owns it until the lease ends."""
        free = self.filter(pk__in=self.due(now).filter(pk=pk, attempt__lt=STRIKES).values("pk"))
        won = free.filter(Q(leased_until=None) | Q(leased_until__lt=now)).update(
            leased_until=now + LEASE,
            attempt=F("attempt") + 1,
            fence=F("fence") + 1,
            worker=worker,
            started_at=now,
            stages=[],
        )
        return self.select_related("key").get(pk=pk) if won else None


class KeySet(models.Model):
    """A JWKS URL (RFC 7517, 5). What is found there are the key's public keys, which are the cache of it."""

    key = models.OneToOneField("keys.Key", models.CASCADE, related_name="key_set")
    url = models.CharField(max_length=500)
    algorithm = models.CharField(max_length=8, blank=True)
    """For those of its keys that name none and that it fits."""
    expires_at = models.DateTimeField(null=True)
    """When the public keys that are found there end, if no certificate says sooner."""
    set_at = models.DateTimeField(default=timezone.now)
    set_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(null=True)
    """A person waits for the fetch that is due."""
    next_at = models.DateTimeField(default=timezone.now, db_index=True)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    """When it was last read, as opposed to tried."""
    outcome = models.CharField(max_length=32, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    stages = models.JSONField(default=list)
    left_out = models.JSONField(default=list)
    """Why keys of the set were not taken, in words."""
    failing_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    """When the key's keepers heard that it cannot be read."""
    missed_at = models.DateTimeField(null=True)
    """The fetch that is due was brought on by a kid that nobody knows here."""
    hurried = models.PositiveSmallIntegerField(default=0)
    """How many fetches in a row were brought on so: each makes the next such one wait longer."""
    counted_from = models.DateTimeField(null=True)
    misses = models.BigIntegerField(default=0)
    """So many unknown kids the hours from then on had counted when it was last fetched."""

    objects = KeySetQuerySet.as_manager()

    def __str__(self) -> str:
        return self.url

    @property
    def waited_for(self) -> bool:
        """Whether a fetch that a person asked for has not ended yet."""
        return self.asked_at is not None

    @property
    def result(self) -> SetOutcome | None:
        return SetOutcome(self.outcome) if self.outcome else None
