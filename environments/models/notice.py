"""What a person must hear: a row each, shown in the app and sent by mail."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User

MAIL_LEASE = timedelta(minutes=2)


class Topic(models.TextChoices):
    """What a notice is about, as people choose what they hear of."""

    SECURITY = "security", "Security"
    TROUBLE = "trouble", "Trouble with keys, and its end"
    ENDINGS = "endings", "Expiries, and rotations that are due"
    ASKED = "asked", "Requests that wait for your word"
    ANSWERS = "answers", "Answers to your requests, and bulk work that is done"


class ByMail(models.TextChoices):
    NOW = "now", "At once"
    DAILY = "daily", "In the daily letter"
    NEVER = "never", "Not at all"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user=user)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def unsent(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(
            free, by_mail=ByMail.NOW, mailed_at=None, given_up_at=None, not_before__lte=now
        )

    def for_daily_letter(self) -> Self:
        return self.filter(by_mail=ByMail.DAILY, mailed_at=None, given_up_at=None)

    def shown(self) -> Self:
        """Not those that their person wants to hear of by mail alone, or not at all."""
        return self.filter(in_app=True)

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
    topic = models.CharField(
        max_length=8, choices=Topic, default=Topic.TROUBLE, db_default="trouble"
    )
    by_mail = models.CharField(max_length=5, choices=ByMail, default=ByMail.NOW, db_default="now")
    in_app = models.BooleanField(default=True, db_default=True)
    """As its person had chosen for its topic when it was told."""
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
                condition=Q(mailed_at=None, given_up_at=None, by_mail="now"),
                name="notice_unsent",
            ),
            models.Index(
                fields=["user", "at"],
                condition=Q(mailed_at=None, given_up_at=None, by_mail="daily"),
                name="notice_for_daily_letter",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def may_be_mailed(self) -> bool:
        """Who has left hears nothing more."""
        here = self.user.memberships.filter(organization=self.organization_id)
        return self.user.is_active and here.exists()
