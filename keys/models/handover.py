"""The row of the one sight of a new secret."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone

from environments.access import Scope
from environments.models import User
from keys.models.reach import reach

SHOWN_FOR = timedelta(minutes=10)


class HandoverQuerySet(models.QuerySet["Handover"]):
    def visible_to(self, user: User) -> Self:
        """Only the person who made the secret ever sees it, whatever anybody's role."""
        return self.filter(user=user)

    def within(self, scope: Scope) -> Self:
        """And only while they may still view its key."""
        return self.visible_to(scope.actor).filter(reach(scope, "secret__key__"))


class Handover(models.Model):
    """The one sight of a new secret: for one person, in one browser, for ten minutes."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    secret = models.ForeignKey("keys.Secret", models.CASCADE, related_name="handovers")
    public_id = models.CharField(max_length=40, unique=True)
    form_hash = models.CharField(max_length=64)
    sealed = models.BinaryField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "form_hash"], name="one_secret_per_form")
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ends_at(self) -> datetime:
        return self.made_at + SHOWN_FOR
