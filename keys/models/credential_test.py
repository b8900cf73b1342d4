"""The rows that drive tests: asked for, leased, finished."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from environments.access import Scope
from environments.models import User
from keys.models.reach import reach
from keys.outcomes import Outcome

LEASE = timedelta(seconds=60)
STRIKES = 3
# What a round needs of a row, its secret, key and environment: what is not read costs nothing.
_NEEDED = (
    *("key_id", "fence", "host", "interactive"),
    *("secret__public_id", "secret__kind", "secret__sealed", "secret__endpoint_id"),
    *("secret__key__client_id", "secret__key__environment__organization_id"),
    *("secret__key__environment__issuer_id", "secret__key__environment__audience"),
)


class CredentialTestQuerySet(models.QuerySet["CredentialTest"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(reach(scope, "key__"))

    def newest_first(self) -> Self:
        return self.order_by("-asked_at", "-pk")

    def finished(self) -> Self:
        return self.exclude(finished_at=None)

    def conclusive(self) -> Self:
        """What a key is seen by: a refusal that a rotation hoped for is no failure of the key."""
        return self.finished().filter(cancelled_at=None).exclude(reason="death")

    def unfinished(self) -> Self:
        return self.filter(finished_at=None)

    def cancel(self, now: datetime) -> int:
        """A late answer is dropped by the fence."""
        return self.update(finished_at=now, cancelled_at=now, outcome=Outcome.CANCELLED)

    def due(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, finished_at=None, not_before__lte=now)

    def with_proof(self) -> Self:
        """With all that a worker needs to run it, so that it asks the database nothing more meanwhile."""
        return self.select_related("secret__key__environment", "secret__endpoint")

    def scheduled(self) -> Self:
        """Those that the clock asked for and that may still be tried: a round takes them by the handful."""
        return self.filter(reason="schedule", interactive=False, attempt__lt=STRIKES)

    def at(self, host: str) -> Self:
        return self.filter(host=host).exclude(host="")  # said twice: the index holds no empty ones

    def claim(
        self, pk: int, now: datetime, *, worker: str, ticket_hash: str, host: str = ""
    ) -> "CredentialTest | None":
        """Lease the row if it is due; whoever changes it owns it until the lease ends."""
        free = self.due(now).filter(pk=pk, attempt__lt=STRIKES)
        won = free.lease(now, host=host, worker=worker, ticket_hash=ticket_hash)
        return self.with_proof().get(pk=pk) if won else None

    @transaction.atomic
    def claim_built_in(
        self, most: int, now: datetime, *, worker: str, ticket_hash: str
    ) -> "list[CredentialTest]":
        """Lease so many of the clock's tests of our own endpoint at once, those that have waited longest first."""
        free = self.due(now).scheduled().filter(secret__endpoint=None)
        # Locked where there are other writers; on SQLite the transaction itself keeps them out.
        rows = free.order_by("not_before", "pk").select_for_update(of=("self",), skip_locked=True)
        needed = rows.select_related("secret__key__environment").only(*_NEEDED)
        found = list(needed[:most])
        ids = [test.pk for test in found]
        won = self.filter(pk__in=ids).lease(now, worker=worker, ticket_hash=ticket_hash)
        assert won == len(found), "they were locked"  # noqa: S101
        for test in found:
            test.fence += 1
        return found

    def lease(self, now: datetime, *, worker: str, ticket_hash: str, host: str = "") -> int:
        """Of those that the caller knows to be due; how many."""
        return self.update(
            leased_until=now + LEASE,
            attempt=F("attempt") + 1,
            fence=F("fence") + 1,
            host=host,
            worker=worker,
            ticket_hash=ticket_hash,
            started_at=now,
            stages=[],
        )


class CredentialTest(models.Model):
    """One fetching of a token to see whether a credential works: asked for, leased, finished."""

    class Reason(models.TextChoices):
        SCHEDULE = "schedule", "Schedule"
        PERSON = "person", "A person"
        CREATED = "created", "New secret"
        PROOF = "proof", "Rotation: does the new one work"
        DEATH = "death", "Is the ended one refused"
        BATCH = "batch", "Bulk test"

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="tests")
    secret = models.ForeignKey("keys.Secret", models.CASCADE, related_name="tests")
    reason = models.CharField(max_length=10, choices=Reason)
    rotation = models.ForeignKey(
        "keys.Rotation", models.SET_NULL, related_name="tests", null=True, blank=True
    )
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    interactive = models.BooleanField(default=False)
    not_before = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    host = models.CharField(max_length=255, blank=True)
    """The provider's host, once the test was claimed or told to wait; empty for our own endpoint."""
    worker = models.CharField(max_length=80, blank=True)
    ticket_hash = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=32, blank=True)
    stages = models.JSONField(default=list)
    http_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=80, blank=True)
    said = models.TextField(blank=True)
    duration_ms = models.FloatField(null=True)

    objects = CredentialTestQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(finished_at=None), name="credential_test_due"
            ),
            models.Index(fields=["key", "-asked_at"], name="credential_test_history"),
            models.Index(fields=["asked_at"], name="credential_test_age"),
            models.Index(
                fields=["host", "started_at"],
                condition=~Q(host=""),
                name="credential_test_of_host",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["secret"],
                condition=Q(finished_at=None, reason="schedule"),
                name="one_scheduled_test_per_secret",
            ),
            models.UniqueConstraint(
                fields=["rotation"],
                condition=Q(finished_at=None),
                name="one_running_test_per_rotation",
            ),
        ]

    def __str__(self) -> str:
        return f"test {self.pk} of {self.key_id}"

    @property
    def result(self) -> Outcome | None:
        return Outcome(self.outcome) if self.outcome else None
