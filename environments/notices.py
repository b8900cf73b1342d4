"""Who must hear what: a row for each person and change of state, shown in the app and sent by mail."""

from collections.abc import Iterable
from dataclasses import dataclass

from environments.models import Notice, User


@dataclass(frozen=True, slots=True)
class News:
    """`once` names the change of state: told again under the same name, it makes nothing."""

    organization_id: int
    once: str
    title: str
    text: str
    path: str
    environment: str = ""
    tone: str = "warn"


def tell(people: Iterable[User], news: News) -> None:
    """A part of the act's own transaction: what is rolled back was never told."""
    Notice.objects.bulk_create(
        [
            Notice(
                organization_id=news.organization_id,
                user=person,
                once=news.once[:160],
                tone=news.tone,
                title=news.title[:160],
                text=news.text,
                path=news.path[:300],
                environment=news.environment,
            )
            for person in people
        ],
        ignore_conflicts=True,
    )
