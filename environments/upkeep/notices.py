"""Notices go out by mail, and are tried again later when the server took one not.

At least once: a worker that is killed after the mail server took a letter and before the row says so sends it again,
with the same Message-ID, by which mail readers show it once (docs/decisions/03-rows-not-messages.md).
"""

from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.template.loader import render_to_string
from django.utils import timezone

from environments.models import Notice

STRIKES = 8
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
KEPT = timedelta(days=365)
OF_THIS_LETTER = (SMTPRecipientsRefused, SMTPDataError)
"""What the server said about one letter; anything else would befall the next one too."""

log = structlog.get_logger(__name__)


def deliver_notices(now: datetime, limit: int = 50) -> int:
    """Send what waits, oldest first; how many went. Two workers share the rows, for each is claimed."""
    waiting = Notice.objects.unsent(now).order_by("not_before", "pk").values_list("pk", flat=True)
    sent = 0
    for pk in list(waiting[:limit]):
        notice = Notice.objects.claim(pk, timezone.now())
        if notice is None:
            continue
        try:
            sent += _send(notice)
        except OF_THIS_LETTER as error:
            _postpone(notice, error)
        except OSError as error:  # smtplib's own errors are its children
            _postpone(notice, error)
            break
    return sent


def _send(notice: Notice) -> bool:
    now = timezone.now()
    row = Notice.objects.filter(pk=notice.pk, attempt=notice.attempt)
    if not notice.may_be_mailed:
        row.update(given_up_at=now, leased_until=None)
        return False
    mailers.default.send_messages([letter(notice)])
    row.update(mailed_at=now, leased_until=None)
    return True


def letter(notice: Notice) -> EmailMessage:
    facts = {
        "notice": notice,
        "address": f"{settings.LATCHKEY_BASE_URL}{notice.path}",
        "all": f"{settings.LATCHKEY_BASE_URL}/o/{notice.organization.slug}/notices/",
        "choices": f"{settings.LATCHKEY_BASE_URL}/account/notifications/",
    }
    return EmailMessage(
        subject=" ".join(f"{notice.title} · {notice.organization.name}".split()),
        body=render_to_string("environments/mail/notice.txt", facts),
        to=[notice.user.email],
        headers={"Auto-Submitted": "auto-generated", "Message-ID": _message_id(notice)},
    )


def _message_id(notice: Notice) -> str:
    """The same at each try. With its moment: an installation that was set up anew counts its rows from one again."""
    host = urlsplit(settings.LATCHKEY_BASE_URL).hostname or "localhost"
    domain = f"[{host}]" if ":" in host else host
    return f"<notice.{notice.pk}.{int(notice.at.timestamp())}@{domain}>"


def forget_notices(now: datetime, limit: int = 1000) -> None:
    """News of more than a year ago."""
    old = Notice.objects.filter(at__lt=now - KEPT).order_by("at").values_list("pk", flat=True)
    Notice.objects.filter(pk__in=list(old[:limit])).delete()


def _postpone(notice: Notice, error: OSError) -> None:
    """The row stays: it is read in the app, and the date on it says when to try again."""
    now = timezone.now()
    last = notice.attempt >= STRIKES
    Notice.objects.filter(pk=notice.pk, attempt=notice.attempt).update(
        leased_until=None,
        not_before=now + min(FIRST_WAIT * 4 ** (notice.attempt - 1), LONGEST_WAIT),
        given_up_at=now if last else None,
    )
    # The class alone: a server's words hold addresses.
    words = "mail given up" if last else "mail not sent"
    log.warning(words, notice=notice.pk, attempt=notice.attempt, cause=type(error).__name__)
