"""People choose what they hear of and where; of security they hear in any case; the rest may come in a daily letter."""

from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
import time_machine
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from environments import notices, tasks
from environments.events import Event
from environments.models import AuditEvent, ByMail, DailyLetter, Notice, Topic, User
from environments.notices import CHOSEN, USUAL, News, Way
from environments.origin import NOWHERE
from environments.services import hearing
from environments.services.roles import remove_member
from environments.upkeep.digests import Waiting, slot_of
from tests.approving import asks_for, owner, wish
from tests.pages import text_of

pytestmark = pytest.mark.django_db
PAGE = "/account/notifications/"
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Way(ByMail.DAILY, in_app=True)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as machine:
        yield machine


@pytest.fixture
def tell(acme):
    def say(once: str, topic: Topic = Topic.TROUBLE, name: str = "engineer") -> None:
        news = News(acme.organization.pk, once, f"Of {once}", "More.", "/o/acme/", topic=topic)
        notices.tell([acme[name]], news)

    return say


def chooses(acme, name: str = "engineer", hour: int = 8, **ways: Way) -> bool:
    usual = {topic: USUAL[topic] for topic in CHOSEN}
    return hearing.choose(acme[name], usual | ways, hour, NOWHERE)


def sent(**changes: str) -> dict[str, str]:
    """The page's form as a person sends it."""
    form = {"hour": "8"}
    for topic in CHOSEN:
        form |= {f"mail_{topic}": "now", f"app_{topic}": "on"}
    return form | changes


def run(clock, at: datetime, mailoutbox) -> int:
    """How many letters went by then."""
    before = len(mailoutbox)
    clock.move_to(at)
    tasks.send_digests()
    return len(mailoutbox) - before


def test_what_is_chosen_on_the_page_is_how_the_next_news_comes(acme, sign_in, tell, mailoutbox):
    answer = sign_in("engineer").post(PAGE, sent(mail_trouble="never", app_endings=""))
    assert answer["Location"] == PAGE
    tell("a failure", Topic.TROUBLE)
    tell("an end", Topic.ENDINGS)
    tasks.deliver_notices()
    assert [letter.subject for letter in mailoutbox] == ["Of an end · Acme"]
    page = text_of(sign_in("engineer").get("/o/acme/notices/"))
    assert "Of a failure" in page
    assert "Of an end" not in page
    assert "1 unread" in page


def test_the_log_says_what_was_chosen_and_an_empty_choice_says_nothing(acme):
    assert chooses(acme, trouble=DAILY)
    assert not chooses(acme, trouble=DAILY)
    line = AuditEvent.objects.get(event=Event.NOTICES_CHOSEN)
    assert line.subject == f"user:{acme['engineer'].pk}"
    assert line.detail["before"]["trouble"] == "now, in the app"
    assert line.detail["after"]["trouble"] == "daily, in the app"


def test_security_is_told_at_once_whatever_is_sent(acme, sign_in, tell, mailoutbox):
    sign_in("engineer").post(PAGE, sent(mail_security="never", app_security=""))
    tell("broken glass", Topic.SECURITY)
    tasks.deliver_notices()
    assert len(mailoutbox) == 1
    assert Notice.objects.get().in_app


def test_each_chooses_for_themselves_alone(acme, sign_in, client, tell, mailoutbox):
    chooses(acme, "lead", trouble=Way(ByMail.NEVER, in_app=False))
    tell("a failure")
    assert Notice.objects.get().by_mail == ByMail.NOW
    client.logout()
    assert "/accounts/login/" in client.get(PAGE)["Location"]


def test_what_is_no_choice_is_refused(acme, sign_in):
    client = sign_in("engineer")
    assert client.post(PAGE, sent(hour="24")).status_code == 422
    assert client.post(PAGE, sent(mail_trouble="twice")).status_code == 422
    assert not acme["engineer"].notice_choices.exists()


def test_requests_for_ones_word_come_in_the_daily_letter_and_glass_at_once(acme, mailoutbox):
    owner(acme, "olga")
    asks_for(acme, roles=1)
    wish(acme)
    tasks.deliver_notices()
    assert mailoutbox == []
    assert set(Notice.objects.values_list("by_mail", "topic")) == {("daily", "asked")}


def test_the_daily_letter_comes_at_its_hour_once_and_names_what_happened_before(
    acme, tell, clock, mailoutbox
):
    chooses(acme, hour=18, trouble=DAILY)
    tell("one")
    assert run(clock, NOON + 5 * HOUR, mailoutbox) == 0
    assert run(clock, NOON + 6 * HOUR, mailoutbox) == 1
    assert mailoutbox[0].subject == "Your day: 1 notice · Acme"
    assert "- Of one" in mailoutbox[0].body
    assert mailoutbox[0].to == ["engineer@acme.test"]
    tell("two")
    assert run(clock, NOON + 11 * HOUR, mailoutbox) == 0
    assert run(clock, NOON + DAY + 7 * HOUR, mailoutbox) == 1
    assert "Of one" not in mailoutbox[1].body


def test_where_nothing_happened_no_letter_comes(acme, tell, clock, mailoutbox):
    chooses(acme, trouble=DAILY)
    assert run(clock, NOON + DAY, mailoutbox) == 0
    tell("a failure")
    Notice.objects.update(read_at=timezone.now())
    assert run(clock, NOON + 2 * DAY, mailoutbox) == 0


def test_the_hour_is_that_of_the_person(acme, tell, clock, mailoutbox):
    User.objects.filter(pk=acme["engineer"].pk).update(timezone="America/New_York")
    chooses(acme, hour=8, trouble=DAILY)
    tell("a failure")
    assert run(clock, NOON + HOUR - timedelta(minutes=1), mailoutbox) == 0
    assert run(clock, NOON + HOUR, mailoutbox) == 1  # 8:00 in New York is 13:00 UTC


def test_an_hour_put_later_brings_no_second_letter_on_the_same_day(acme, tell, clock, mailoutbox):
    chooses(acme, hour=13, trouble=DAILY)
    tell("one")
    assert run(clock, NOON + HOUR, mailoutbox) == 1
    tell("two")
    chooses(acme, hour=15, trouble=DAILY)
    assert run(clock, NOON + 3 * HOUR, mailoutbox) == 0
    assert run(clock, NOON + DAY + 3 * HOUR, mailoutbox) == 1


def test_who_has_left_gets_no_letter(acme, tell, clock, mailoutbox):
    chooses(acme, trouble=DAILY)
    tell("a failure")
    remove_member(acme.org("owner"), acme.member("engineer").pk)
    assert run(clock, NOON + DAY, mailoutbox) == 0
    assert not Notice.objects.for_daily_letter().exists()


def test_while_the_server_is_away_the_letter_waits_and_then_goes_once(
    acme, tell, clock, mailoutbox, monkeypatch
):
    chooses(acme, trouble=DAILY)
    tell("a failure")
    with monkeypatch.context() as patch:

        def gone(*_args: object) -> int:
            raise SMTPServerDisconnected

        patch.setattr(EmailBackend, "send_messages", gone)
        assert run(clock, NOON + DAY, mailoutbox) == 0
    assert run(clock, NOON + DAY + timedelta(seconds=30), mailoutbox) == 0
    assert run(clock, NOON + DAY + timedelta(minutes=2), mailoutbox) == 1
    assert run(clock, NOON + DAY + timedelta(minutes=4), mailoutbox) == 0


def test_two_workers_send_one_letter(acme, tell, clock):
    chooses(acme, trouble=DAILY)
    tell("a failure")
    now = NOON + DAY
    clock.move_to(now)
    user = acme["engineer"].pk
    assert DailyLetter.objects.claim(user, now - HOUR, now)
    assert DailyLetter.objects.claim(user, now - HOUR, now) is None


def test_an_hour_that_the_clocks_leave_out_is_still_an_hour():
    """In Berlin there is no 2:30 on 28 March 2027."""
    night = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    waits = Waiting(1, "Europe/Berlin", 2, None, night - DAY)
    assert slot_of(waits, night) is not None
    assert slot_of(waits._replace(sent_at=night), night + HOUR) is None
