"""One-time links."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Value
from django.utils import timezone

from environments.models.places import Organization, Team
from environments.models.user import User
from environments.models.words import choices
from environments.policy import OrganizationRole, TeamRole


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
    environment_roles = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    """Address of an environment → role there, given when the person joins."""
    team = models.ForeignKey(Team, models.SET_NULL, null=True, related_name="+")
    team_role = models.CharField(max_length=6, choices=choices(TeamRole), blank=True, db_default="")
    note = models.CharField(max_length=300, blank=True, db_default="")
    mailed_at = models.DateTimeField(null=True)
    mail_trouble = models.CharField(max_length=200, blank=True, db_default="")
    """What the mail server said when it refused the letter."""
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email or "set-up link"

    def state(self, now: datetime) -> str:
        """One word for where it stands; computed, so that nothing has to run when it ends."""
        if self.used_at:
            return "taken"
        if self.revoked_at:
            return "withdrawn"
        if self.expires_at <= now:
            return "ended"
        return "undelivered" if self.mail_trouble else "waiting"
