"""Who must hear what: a row for each person and change of state, shown in the app and sent by mail, as they chose."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from environments.models import ByMail, Notice, NoticeChoice, Topic, User


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
    topic: Topic = Topic.TROUBLE


class Way(NamedTuple):
    """How somebody hears of a topic."""

    by_mail: str
    in_app: bool


USUAL: Mapping[str, Way] = {
    Topic.SECURITY: Way(ByMail.NOW, in_app=True),
    Topic.TROUBLE: Way(ByMail.NOW, in_app=True),
    Topic.ENDINGS: Way(ByMail.NOW, in_app=True),
    # The badge shows them, and no single one is worth a letter.
    Topic.ASKED: Way(ByMail.DAILY, in_app=True),
    Topic.ANSWERS: Way(ByMail.NOW, in_app=True),
}
CHOSEN = [topic for topic in Topic if topic is not Topic.SECURITY]
"""What people choose; of security they hear in any case: whoever sits in a session must not silence it."""


def ways_of(user: User) -> dict[str, Way]:
    """For every topic."""
    own = NoticeChoice.objects.visible_to(user)
    return dict(USUAL) | {each.topic: Way(each.by_mail, each.in_app) for each in own}


def tell(people: Iterable[User], news: News) -> None:
    """A part of the act's own transaction: what is rolled back was never told."""
    heard = list(people)
    ways = _ways(heard, news.topic)
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
                topic=news.topic,
                by_mail=ways[person.pk].by_mail,
                in_app=ways[person.pk].in_app,
            )
            for person in heard
        ],
        ignore_conflicts=True,
    )


def _ways(people: Iterable[User], topic: Topic) -> dict[int, Way]:
    ways = {person.pk: USUAL[topic] for person in people}
    if topic in CHOSEN:
        for each in NoticeChoice.objects.filter(topic=topic, user__in=ways):
            ways[each.user_id] = Way(each.by_mail, each.in_app)
    return ways
