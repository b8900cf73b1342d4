"""What a person must hear: a row each, shown in the app and sent by mail."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User

MAIL_LEASE = timedelta(minutes=2)


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user=user)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def unsent(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, mailed_at=None, given_up_at=None, not_before__lte=now)

    def claim(self, pk: int, now: datetime) -> "Notice | None":
        """Lease the row for one try to send it; whoever changes it owns it until the lease ends."""
        won = (
            self.unsent(now)
            .filter(pk=pk)
            .update(leased_until=now + MAIL_LEASE, attempt=F("attempt") + 1)
        )
        return self.select_related("user", "organization").get(pk=pk) if won else None


class Notice(models.Model):
    """One message to one person. `once` names the change of state it tells of: never told twice."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="notices")
    user = models.ForeignKey(User, models.CASCADE, related_name="notices")
    once = models.CharField(max_length=160)
    tone = models.CharField(max_length=4, default="warn")
    title = models.CharField(max_length=160)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=300)
    """The page it leads to, below the installation's address."""
    environment = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "once"], name="one_notice_per_change")
        ]
        indexes = [
            models.Index(fields=["user", "-at"], name="notice_of_person"),
            models.Index(
                fields=["not_before"],
                condition=Q(mailed_at=None, given_up_at=None),
                name="notice_unsent",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def may_be_mailed(self) -> bool:
        """Who has left hears nothing more."""
        here = self.user.memberships.filter(organization=self.organization_id)
        return self.user.is_active and here.exists()
