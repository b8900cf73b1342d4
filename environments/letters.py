"""The letter that brings a one-time link. Sent at once by whoever asks for it: only they ever hold the link."""

from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage, mailers
from django.template.loader import render_to_string
from django.utils import timezone

from environments.models import Invitation


def mail_is_set_up() -> bool:
    """Without a mail server letters land in a folder, where nobody reads them."""
    return not settings.MAIL_URL.startswith("file:")


def bring(invitation: Invitation, link: str) -> None:
    """Send it, and note on the row that it went, or what the mail server said instead."""
    facts = {"invitation": invitation, "link": link}
    letter = EmailMessage(
        subject=f"Join {invitation.organization} on Latchkey",
        body=render_to_string("environments/mail/invitation.txt", facts),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        mailers.default.send_messages([letter])
    except OSError as error:  # smtplib's own errors are its children
        invitation.mail_trouble = _said(error)
    else:
        invitation.mailed_at = timezone.now()
    invitation.save(update_fields=["mail_trouble", "mailed_at"])


def _said(error: OSError) -> str:
    """The server's words in one printable line, or what kept us from hearing them."""
    answer: object = str(error.strerror or type(error).__name__)
    if isinstance(error, SMTPRecipientsRefused) and error.recipients:
        answer = b" ".join(next(iter(error.recipients.values()))[1:2])
    elif isinstance(error, SMTPResponseException | SMTPDataError):
        answer = error.smtp_error
    words = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    return "".join(c if c.isprintable() else " " for c in words)[:200]
