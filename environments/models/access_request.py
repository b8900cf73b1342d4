"""Somebody asks for a role in an environment."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models.places import Environment, Member, Organization
from environments.models.user import User
from environments.models.words import choices
from environments.policy import EnvironmentRole


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def open(self) -> Self:
        return self.filter(granted_at=None, declined_at=None, withdrawn_at=None)


class AccessRequest(models.Model):
    """A role that a member would like to have. It goes with the member who leaves."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="access_requests")
    member = models.ForeignKey(Member, models.CASCADE, related_name="access_requests")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="access_requests")
    role = models.CharField(max_length=8, choices=choices(EnvironmentRole))
    reason = models.CharField(max_length=200)
    asked_at = models.DateTimeField(default=timezone.now)
    granted_at = models.DateTimeField(null=True)
    declined_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "environment"],
                condition=Q(granted_at=None, declined_at=None, withdrawn_at=None),
                name="one_open_access_request",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.environment_id}"

    @property
    def ended_at(self) -> datetime | None:
        return self.granted_at or self.declined_at or self.withdrawn_at

    @property
    def words(self) -> str:
        """'Engineer in Production'."""
        return f"{self.role.capitalize()} in {self.environment.name}"
