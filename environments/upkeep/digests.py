"""The daily letter: at the hour that its person chose, what was held for it since the last one; nothing when nothing was."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.db.models import Min
from django.template.loader import render_to_string
from django.utils import timezone

from environments.models import DailyLetter, Notice, NoticeQuerySet, User
from environments.models.hearing import USUAL_HOUR
from environments.upkeep.notices import FIRST_WAIT, LONGEST_WAIT

MOST = 200
"""Notices that one letter names; the rest come with the next."""

log = structlog.get_logger(__name__)


class Waiting(NamedTuple):
    """What waits for one person's letter, in figures."""

    user: int
    zone: str
    hour: int | None
    sent_at: datetime | None
    oldest: datetime


def send_digests(now: datetime, limit: int = 50) -> int:
    """How many letters went. Two workers share the rows, for each is claimed."""
    sent = 0
    for user, slot in _due(now):
        if sent == limit:
            break
        DailyLetter.objects.get_or_create(user_id=user)
        letter = DailyLetter.objects.claim(user, slot, timezone.now())
        if letter is None:
            continue
        try:
            sent += _send(letter)
        except OSError as error:  # smtplib's own errors are its children
            _postpone(letter, error)
    return sent


def _due(now: datetime) -> Iterator[tuple[int, datetime]]:
    held = Notice.objects.for_daily_letter().order_by("user")
    facts = ("user", "user__timezone", "user__daily_letter__hour", "user__daily_letter__sent_at")
    for found in held.values_list(*facts).annotate(oldest=Min("at")):
        waits = Waiting(*found)
        slot = slot_of(waits, now)
        if slot is not None:
            yield waits.user, slot


def slot_of(waits: Waiting, now: datetime) -> datetime | None:
    """The hour that has come for this letter; None while it has not, or today's has gone."""
    here = now.astimezone(ZoneInfo(waits.zone))
    hour = USUAL_HOUR if waits.hour is None else waits.hour
    slot = here.replace(hour=hour, minute=0, second=0, microsecond=0)
    if slot > here:
        slot -= timedelta(days=1)  # of the clock on the wall: the same hour
    if waits.oldest >= slot:
        return None
    if waits.sent_at is None:
        return slot
    last = waits.sent_at.astimezone(here.tzinfo)
    return None if last >= slot or last.date() == here.date() else slot


def _send(letter: DailyLetter) -> bool:
    now = timezone.now()
    own = Notice.objects.visible_to(letter.user).for_daily_letter()
    held = _of_this_letter(own)
    row = DailyLetter.objects.filter(pk=letter.pk, attempt=letter.attempt)
    if not held:
        row.update(leased_until=None, attempt=0)
        return False
    mailers.default.send_messages([digest(letter.user, held)])
    own.filter(pk__in=[notice.pk for notice in held]).update(mailed_at=now)
    row.update(sent_at=now, leased_until=None, attempt=0)
    return True


def _of_this_letter(own: NoticeQuerySet) -> list[Notice]:
    """Those of places that the person is still in; what they read in the app meanwhile is not told again."""
    rows = list(
        own.select_related("user", "organization").order_by("organization", "at", "pk")[:MOST]
    )
    held = [notice for notice in rows if notice.read_at is None and notice.may_be_mailed]
    gone = {notice.pk for notice in rows} - {notice.pk for notice in held}
    own.filter(pk__in=gone).update(given_up_at=timezone.now())
    return held


def digest(user: User, held: list[Notice]) -> EmailMessage:
    places = [(place, list(theirs)) for place, theirs in groupby(held, attrgetter("organization"))]
    facts = {"places": places, "base": settings.LATCHKEY_BASE_URL, "person": user}
    said = "1 notice" if len(held) == 1 else f"{len(held)} notices"
    names = ", ".join(str(place) for place, _ in places)
    return EmailMessage(
        subject=" ".join(f"Your day: {said} · {names}".split())[:200],
        body=render_to_string("environments/mail/digest.txt", facts),
        to=[user.email],
        headers={"Auto-Submitted": "auto-generated"},
    )


def _postpone(letter: DailyLetter, error: OSError) -> None:
    """The notices stay; the lease says when to try again."""
    wait = min(FIRST_WAIT * 4 ** min(letter.attempt - 1, 6), LONGEST_WAIT)
    row = DailyLetter.objects.filter(pk=letter.pk, attempt=letter.attempt)
    row.update(leased_until=timezone.now() + wait)
    log.warning("daily letter not sent", user=letter.user_id, attempt=letter.attempt, cause=type(error).__name__)  # fmt: skip
