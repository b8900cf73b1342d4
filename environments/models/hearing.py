"""How a person wants to hear: of which topic where, and when the daily letter comes."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q

from environments.models.notice import MAIL_LEASE, ByMail, Topic
from environments.models.user import User

USUAL_HOUR = 8


class NoticeChoiceQuerySet(models.QuerySet["NoticeChoice"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user=user)


class NoticeChoice(models.Model):
    """Where one person hears of one topic. No row: the usual way (`notices.USUAL`)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notice_choices")
    topic = models.CharField(max_length=8, choices=Topic)
    by_mail = models.CharField(max_length=5, choices=ByMail)
    in_app = models.BooleanField()

    objects = NoticeChoiceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "topic"], name="one_choice_per_topic"),
            models.CheckConstraint(condition=~Q(topic="security"), name="security_is_always_told"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.by_mail}"


class DailyLetterQuerySet(models.QuerySet["DailyLetter"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(user=user)

    def claim(self, user_id: int, since: datetime, now: datetime) -> "DailyLetter | None":
        """Lease one person's letter of the hour that was `since`; whoever changes the row owns it until the lease ends."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        due = Q(sent_at=None) | Q(sent_at__lt=since)
        mine = self.filter(free, due, user=user_id)
        won = mine.update(leased_until=now + MAIL_LEASE, attempt=F("attempt") + 1)
        return self.select_related("user").get(user=user_id) if won else None


class DailyLetter(models.Model):
    """When one person's letter comes, and when the last one went."""

    user = models.OneToOneField(User, models.CASCADE, related_name="daily_letter")
    hour = models.PositiveSmallIntegerField(default=USUAL_HOUR)
    """In the person's own time zone."""
    sent_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)

    objects = DailyLetterQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(hour__lt=24), name="hour_of_a_day")]

    def __str__(self) -> str:
        return f"{self.hour}:00"
