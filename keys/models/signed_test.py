"""A person's try of a signed assertion: asked for, leased once, finished."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.access import Scope
from environments.models import User
from keys.crypto import Context, new_id
from keys.models.credential_test import LEASE
from keys.models.public_key import PublicKey
from keys.models.reach import reach
from keys.signed_outcomes import SignedOutcome

PATIENCE = timedelta(seconds=10)  # a message this young may still be on its way


def new_signed_test_id() -> str:
    return new_id("sig_")


class SignedTestQuerySet(models.QuerySet["SignedTest"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(reach(scope, "key__"))

    def unmet(self, now: datetime) -> Self:
        """Those whose message was lost."""
        return self.filter(finished_at=None, leased_until=None, asked_at__lte=now - PATIENCE)

    def lost(self, now: datetime) -> Self:
        """Begun by a worker that died. The assertion may be spent, so nobody else sends it again."""
        return self.filter(finished_at=None, leased_until__lte=now)

    def claim(self, pk: int, now: datetime, ticket_hash: str) -> "SignedTest | None":
        free = self.filter(Q(leased_until=None), pk=pk, finished_at=None)
        won = free.update(
            leased_until=now + LEASE, fence=F("fence") + 1, started_at=now, ticket_hash=ticket_hash
        )
        return self.select_related("key__environment").get(pk=pk) if won else None


class SignedTest(models.Model):
    """Whether an assertion that somebody signed elsewhere buys a token; it is sealed for the worker that tries it."""

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="signed_tests")
    public_key = models.ForeignKey(PublicKey, models.CASCADE, related_name="signed_tests")
    public_id = models.CharField(
        max_length=40, unique=True, default=new_signed_test_id, editable=False
    )
    sealed = models.BinaryField(null=True)
    """The assertion, until it was tried."""
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    ticket_hash = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=32, blank=True)
    stages = models.JSONField(default=list)
    http_status = models.PositiveSmallIntegerField(null=True)
    said = models.TextField(blank=True)

    objects = SignedTestQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["asked_at"], condition=Q(finished_at=None), name="signed_test_waiting"
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def result(self) -> SignedOutcome | None:
        return SignedOutcome(self.outcome) if self.outcome else None

    @property
    def context(self) -> Context:
        """What the sealed text is bound to: opened elsewhere, it stays shut (design part 7)."""
        environment = self.key.environment
        return Context(
            organization=environment.organization_id,
            environment=environment.pk,
            key=self.key.client_id,
            secret=self.public_id,
            field="assertion",
            bound_to=f"built-in {environment.pk}",
        )
