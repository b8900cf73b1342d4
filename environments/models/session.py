"""Who is signed in, in which browser, since when: one row, read once by every request."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from environments.models.places import Organization
from environments.models.user import User

SEEN_EVERY = timedelta(minutes=1)
"""So exact is "last seen": a row written at every request would cost more than all that the page reads."""
AGENT_LENGTH = 300
ONLY = "only_organization"
"""In a session's data: the organization whose provider has vouched for the person."""


class SessionQuerySet(models.QuerySet["Session"]):
    def ended(self, now: datetime) -> Self:
        return self.filter(
            Q(expire_date__lte=now)
            | Q(seen_at__lte=now - settings.LATCHKEY_SESSION_IDLE)
            | Q(started_at__lte=now - settings.LATCHKEY_SESSION_LIFE)
        )

    def open(self, now: datetime) -> Self:
        """The others, the last used first."""
        return self.filter(
            expire_date__gt=now,
            seen_at__gt=now - settings.LATCHKEY_SESSION_IDLE,
            started_at__gt=now - settings.LATCHKEY_SESSION_LIFE,
        ).order_by("-seen_at")


class Session(AbstractBaseSession):
    """`session_key` is the hash of the browser's cookie (docs/decisions/05)."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    organization = models.ForeignKey(
        Organization, models.CASCADE, null=True, related_name="sessions"
    )
    """Whose provider has vouched for the person; then this organization alone opens."""
    address = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=AGENT_LENGTH, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    """When the person signed in; a changed password or a confirmation begins no new one."""
    seen_at = models.DateTimeField(default=timezone.now)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment,misc]  # Django's own manager serves other engines

    def __str__(self) -> str:
        return f"{self.user_id} {self.started_at:%Y-%m-%d %H:%M}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        store: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
        return store

    def is_over(self, now: datetime) -> bool:
        idle, life = settings.LATCHKEY_SESSION_IDLE, settings.LATCHKEY_SESSION_LIFE
        return now - self.seen_at >= idle or now - self.started_at >= life

    def touch(self, now: datetime, address: str, agent: str) -> None:
        """Write down that it was used, and from where; once a minute."""
        if now - self.seen_at < SEEN_EVERY:
            return
        self.seen_at, self.address, self.agent = now, address, agent
        Session.objects.filter(pk=self.pk).update(seen_at=now, address=address, agent=agent)
