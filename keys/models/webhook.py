"""Where an organization wants its events told, and each telling as a row that drives the work."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from environments.access import OrgScope
from environments.events import TOPICS
from environments.models import Organization, User
from keys.crypto import Context, new_id

DELIVERY_LEASE = timedelta(seconds=60)
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 24 * 3600)
)
"""Before the second, third … try; after the last of them it is given up."""


def new_webhook_id() -> str:
    return new_id("wh_")


def new_message_id() -> str:
    return new_id("msg_")


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def within(self, scope: OrgScope) -> Self:
        return self.filter(organization=scope.organization, ended_at=None)


class Webhook(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="webhooks")
    public_id = models.CharField(max_length=40, unique=True, default=new_webhook_id)
    url = models.CharField(max_length=500)
    topics = models.JSONField(default=list)
    """Which of `TOPICS` are told."""
    sealed = models.BinaryField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    told_up_to = models.BigIntegerField()
    """The sequence in the organization's log up to which deliveries were made."""
    ended_at = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    def __str__(self) -> str:
        return self.url

    def tells(self, event: str) -> bool:
        names = {event, event.partition(".")[0]}
        return any(names & TOPICS[topic][1] for topic in self.topics if topic in TOPICS)

    @property
    def words(self) -> list[str]:
        return [TOPICS[topic][0] for topic in self.topics if topic in TOPICS]

    @property
    def context(self) -> Context:
        """Bound to its address: under another one the secret stays shut."""
        return Context(self.organization_id, 0, "webhook", self.public_id, "secret", self.url)


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def waiting(self) -> Self:
        return self.filter(delivered_at=None, given_up_at=None)

    def due(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.waiting().filter(free, due_at__lte=now, webhook__ended_at=None)

    def claim(self, pk: int, now: datetime) -> "WebhookDelivery | None":
        """Lease the row for one try; whoever changes it owns it until the lease ends."""
        mine = self.filter(pk__in=self.due(now).filter(pk=pk).values("pk"))
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        won = mine.filter(free).update(leased_until=now + DELIVERY_LEASE, attempt=F("attempt") + 1)
        return self.select_related("webhook__organization").get(pk=pk) if won else None


class WebhookDelivery(models.Model):
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    public_id = models.CharField(max_length=40, unique=True, default=new_message_id)
    event = models.CharField(max_length=60)
    sequence = models.BigIntegerField(null=True)
    """Of the entry of the log that it tells; null: a person tried the webhook out."""
    body = models.TextField()
    made_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    trouble = models.CharField(max_length=120, blank=True)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["webhook", "sequence"], name="one_telling_per_event")
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(delivered_at=None, given_up_at=None),
                name="telling_waits",
            )
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def state(self) -> tuple[str, str]:
        """(word, tone) for the page."""
        if self.delivered_at:
            return "Delivered", "ok"
        if self.given_up_at:
            return "Given up", "bad"
        return ("Tried, waits", "warn") if self.attempt else ("Waiting", "idle")
