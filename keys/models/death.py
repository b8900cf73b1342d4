"""The proof that a secret is dead which ended because its client signs: one row, which drives that work."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.access import Scope
from keys.models.credential_test import CredentialTest
from keys.models.reach import reach


class DeathQuerySet(models.QuerySet["Death"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(reach(scope, "secret__key__"))

    def due(self, now: datetime) -> Self:
        return self.filter(closed_at=None, next_at__lte=now)

    def undead(self) -> Self:
        """Accepted after their end, and not proven dead since."""
        return self.filter(closed_at=None).exclude(alarmed_at=None)

    def for_page(self) -> Self:
        """Newest first, with its receipts."""
        found = self.select_related("secret__revoked_by", "refused_by", "signed_with")
        return found.order_by("-secret__revoked_at", "-pk")


class Death(models.Model):
    """Refused, while a signature of its client's was accepted: two receipts. Its sealed text stays until then."""

    secret = models.OneToOneField("keys.Secret", models.CASCADE, related_name="death")
    next_at = models.DateTimeField(default=timezone.now)
    refused_by = models.ForeignKey(CredentialTest, models.SET_NULL, null=True, related_name="+")
    signed_with = models.ForeignKey("keys.PublicKey", models.SET_NULL, null=True, related_name="+")
    signed_at = models.DateTimeField(null=True)
    """When a signature was accepted, within a minute of the refusal."""
    alarmed_at = models.DateTimeField(null=True)
    """The secret was accepted after its end: an incident, told once."""
    closed_at = models.DateTimeField(null=True)

    objects = DeathQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_at"], condition=Q(closed_at=None), name="death_due")]

    def __str__(self) -> str:
        return f"end of {self.secret_id}"

    @property
    def proven(self) -> bool:
        return self.closed_at is not None and self.signed_at is not None
