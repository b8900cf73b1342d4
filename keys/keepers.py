"""A key's keepers: the leads of its team, else the environment's engineers. They are told, and asked to act."""

from dataclasses import replace

from django.db.models import Q, QuerySet
from django.urls import reverse

from environments import notices
from environments.models import Topic, User
from environments.policy import EnvironmentRole, TeamRole
from keys.models import Key


def keepers_of(key: Key) -> QuerySet[User]:
    """A team without a lead leaves its keys to the engineers."""
    leads = User.objects.filter(
        memberships__team_memberships__team=key.team_id,
        memberships__team_memberships__role=TeamRole.LEAD,
        is_active=True,
    )
    if key.team_id and leads.exists():
        return leads.distinct()
    return engineers_of(key.environment_id)


def engineers_of(environment_id: int) -> QuerySet[User]:
    held = Q(
        memberships__environment_grants__environment=environment_id,
        memberships__environment_grants__role=EnvironmentRole.ENGINEER,
    )
    return User.objects.filter(held, is_active=True).distinct()


def tell_keepers(
    key: Key, once: str, title: str, text: str, *, page: str = "keys:detail", tone: str = "warn"
) -> None:
    """`once` names the change of state, so that nobody hears of it twice."""
    notices.tell(keepers_of(key), news_of(key, once, title, text, page=page, tone=tone))


def tell_keepers_about(topic: Topic, key: Key, news: notices.News) -> None:
    """For what people choose apart from trouble with keys."""
    notices.tell(keepers_of(key), replace(news, topic=topic))


def news_of(
    key: Key, once: str, title: str, text: str, *, page: str = "keys:detail", tone: str = "warn"
) -> notices.News:
    environment = key.environment
    return notices.News(
        organization_id=environment.organization_id,
        once=f"{once}:{key.client_id}",
        title=title,
        text=text,
        path=reverse(page, kwargs=key.address),
        environment=environment.slug,
        tone=tone,
    )
