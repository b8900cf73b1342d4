"""That an organization will be deleted: the row is the request, and drives the work when its time has come."""

from datetime import datetime, timedelta
from typing import Protocol, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User

LEASE = timedelta(minutes=5)


class _Place(Protocol):
    @property
    def organization_id(self) -> int: ...


class DeletionQuerySet(models.QuerySet["Deletion"]):
    def within(self, scope: _Place) -> Self:
        return self.filter(organization=scope.organization_id)

    def due(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, due_at__lte=now)

    def claim(self, pk: int, now: datetime) -> "Deletion | None":
        """Lease the row if it is due; whoever changes it works on it until the lease ends."""
        won = self.due(now).filter(pk=pk).update(leased_until=now + LEASE)
        return self.select_related("organization", "asked_by").get(pk=pk) if won else None


class Deletion(models.Model):
    """Until it is due it can be cancelled, which takes the row away; it goes last, with the organization itself."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="deletion")
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(db_index=True)
    begun_at = models.DateTimeField(null=True)
    """From then on nobody comes in and no token is given; rows go."""
    leased_until = models.DateTimeField(null=True)

    objects = DeletionQuerySet.as_manager()

    def __str__(self) -> str:
        return f"deletion of {self.organization_id}"
