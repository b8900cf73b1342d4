"""Who must hear gets one letter; a server that is away costs a wait, not the letter."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from environments import notices, tasks
from environments.models import Notice
from environments.models.notice import MAIL_LEASE
from environments.services.roles import remove_member
from environments.upkeep import notices as upkeep


@pytest.fixture
def tell(acme):
    def say(*names: str, once: str = "it", title: str = "billing-api fails in Production"):
        news = notices.News(
            acme.organization.pk, once, title, "Refused, since noon.", "/o/acme/e/production/"
        )
        notices.tell([acme[name] for name in names], news)

    return say


@pytest.fixture
def refusing(monkeypatch):
    """A server that will not take letters, until it is told to."""
    answers: list[Exception | None] = []
    send = EmailBackend.send_messages

    def answer(backend, letters):
        wrong = answers.pop(0) if answers else None
        if wrong:
            raise wrong
        return send(backend, letters)

    monkeypatch.setattr(EmailBackend, "send_messages", answer)
    return answers


def test_each_keeper_gets_one_letter_of_our_own_words(tell, acme, mailoutbox, settings):
    tell("engineer", "lead")
    tell("engineer", "lead")
    tasks.deliver_notices()
    tasks.deliver_notices()
    assert sorted(letter.to[0] for letter in mailoutbox) == ["engineer@acme.test", "lead@acme.test"]
    letter = mailoutbox[0]
    assert letter.subject == "billing-api fails in Production · Acme"
    assert f"{settings.LATCHKEY_BASE_URL}/o/acme/e/production/" in letter.body
    assert f"{settings.LATCHKEY_BASE_URL}/o/acme/notices/" in letter.body
    assert letter.message().get_content_type() == "text/plain"
    assert letter.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_name_is_written_as_it_is_and_starts_no_header(tell, mailoutbox):
    tell("engineer", title="a<b>&c\nBcc: all@acme.test")
    tasks.deliver_notices()
    assert mailoutbox[0].subject == "a<b>&c Bcc: all@acme.test · Acme"
    assert "a<b>&c" in mailoutbox[0].body
    assert mailoutbox[0].recipients() == ["engineer@acme.test"]


def test_a_letter_that_another_worker_holds_is_left_to_it(tell, mailoutbox):
    tell("engineer")
    now = timezone.now()
    notice = Notice.objects.get()
    assert Notice.objects.claim(notice.pk, now)
    assert Notice.objects.claim(notice.pk, now) is None
    assert upkeep.deliver_notices(now) == 0
    assert upkeep.deliver_notices(now + MAIL_LEASE) == 0  # the clock of the claim is its own
    Notice.objects.update(leased_until=now - timedelta(seconds=1))
    assert upkeep.deliver_notices(now) == 1


def test_while_the_server_is_away_one_try_is_made_and_the_letter_goes_later(
    tell, mailoutbox, refusing, time_machine
):
    tell("engineer", "lead")
    refusing.append(SMTPServerDisconnected("gone"))
    now = timezone.now()
    assert upkeep.deliver_notices(now) == 0
    assert list(Notice.objects.order_by("pk").values_list("attempt", flat=True)) == [1, 0]
    assert upkeep.deliver_notices(now) == 1
    time_machine.move_to(now + timedelta(minutes=2))
    assert upkeep.deliver_notices(timezone.now()) == 1
    assert len(mailoutbox) == 2


def test_one_refused_address_does_not_hold_up_the_others(tell, mailoutbox, refusing):
    tell("engineer", "lead")
    refusing.append(SMTPRecipientsRefused({}))
    assert upkeep.deliver_notices(timezone.now()) == 1
    assert Notice.objects.filter(mailed_at=None, given_up_at=None).count() == 1


def test_after_eight_tries_it_is_given_up_and_stays_in_the_app(
    tell, refusing, time_machine, mailoutbox
):
    tell("engineer")
    waits = []
    for _ in range(upkeep.STRIKES):
        refusing.append(SMTPRecipientsRefused({}))
        now = timezone.now()
        upkeep.deliver_notices(now)
        notice = Notice.objects.get()
        waits.append(round((notice.not_before - now) / timedelta(minutes=1)))
        time_machine.move_to(notice.not_before + timedelta(seconds=1))
    assert waits == [1, 4, 16, 64, 256, 360, 360, 360]
    assert notice.given_up_at
    assert upkeep.deliver_notices(timezone.now()) == 0
    assert notice.read_at is None
    assert mailoutbox == []


def test_who_has_left_meanwhile_hears_nothing_more(tell, acme, mailoutbox):
    tell("engineer")
    remove_member(acme.org("owner"), acme.member("engineer").pk)
    tasks.deliver_notices()
    assert mailoutbox == []
    assert Notice.objects.get().given_up_at


def test_news_of_more_than_a_year_ago_is_forgotten(tell):
    tell("engineer", "lead")
    Notice.objects.filter(user__email="lead@acme.test").update(
        at=timezone.now() - timedelta(days=366)
    )
    tasks.forget_notices()
    assert Notice.objects.get().user.email == "engineer@acme.test"


def test_a_letter_of_a_worker_that_was_killed_goes_once_more_under_the_same_name(
    tell, mailoutbox, monkeypatch, time_machine
):
    """Readers of mail show what bears one Message-ID once."""
    tell("engineer", "lead")
    send = EmailBackend.send_messages

    def killed(backend, letters):
        send(backend, letters)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", killed)
        with pytest.raises(SystemExit):
            tasks.deliver_notices()
    time_machine.move_to(timezone.now() + MAIL_LEASE + timedelta(seconds=1))
    tasks.deliver_notices()
    first, other, again = (letter.message()["Message-ID"] for letter in mailoutbox)
    assert first in {other, again}
    assert len({first, other, again}) == 2
    assert first.startswith(f"<notice.{Notice.objects.earliest('pk').pk}.")
