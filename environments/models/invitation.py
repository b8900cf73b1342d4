"""One-time links."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User
from environments.models.words import choices
from environments.policy import OrganizationRole


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> Self:
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """A one-time link, kept as a hash. Without an organization it is the set-up link of the installation."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations", null=True, blank=True
    )
    email = models.EmailField(blank=True)
    role = models.CharField(
        max_length=8, choices=choices(OrganizationRole), default=OrganizationRole.MEMBER
    )
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email or "set-up link"
