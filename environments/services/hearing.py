"""A person's verb on what they hear of, and when."""

from collections.abc import Mapping

from django.db import transaction

from environments import audit, notices
from environments.events import Event
from environments.models import DailyLetter, User
from environments.notices import CHOSEN, Way
from environments.origin import Origin


@transaction.atomic
def choose(user: User, ways: Mapping[str, Way], hour: int, origin: Origin) -> bool:
    """Only how often and where; that security is told is nobody's choice. False when nothing changed."""
    letter, _ = DailyLetter.objects.visible_to(user).get_or_create(user=user)
    held = notices.ways_of(user)
    before = {topic.value: _said(held[topic]) for topic in CHOSEN}
    after = {topic.value: _said(ways[topic]) for topic in CHOSEN}
    if (before, letter.hour) == (after, hour):
        return False
    for topic in CHOSEN:
        way = ways[topic]._asdict()
        user.notice_choices.update_or_create(topic=topic, defaults=way)
    audit.record(
        audit.Installation(user, origin),
        Event.NOTICES_CHOSEN,
        f"user:{user.pk}",
        label=user.email,
        before=before | {"hour": letter.hour},
        after=after | {"hour": hour},
    )
    letter.hour = hour
    letter.save(update_fields=["hour"])
    return True


def _said(way: Way) -> str:
    return f"{way.by_mail}, {'in the app' if way.in_app else 'not in the app'}"
