"""Letters that hold a secret leave from a thread of this process: no row and no broker may hold what they say.

Whoever asks for one is answered at once, whether the address has an account or not: the time would tell.
"""

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from allauth.account.forms import ResetPasswordForm
from django.db import connection
from django.http import HttpRequest

PAUSE = 1.0
"""Seconds until the answer is out: two threads of one process share its time, and the answer would be later for a letter."""
log = structlog.get_logger(__name__)
_hands = ThreadPoolExecutor(2, thread_name_prefix="letterbox")


def post(write: Callable[[], object]) -> None:
    """allauth asks for the request by a context variable, so the thread gets a copy."""
    sending = _hands.submit(contextvars.copy_context().run, _send, write)
    sending.add_done_callback(lambda done: done.result())  # else a fault of ours would pass unseen


def _send(write: Callable[[], object]) -> None:
    time.sleep(PAUSE)
    try:
        write()
    except OSError as error:  # smtplib's own errors are its children
        log.warning("letter not sent", cause=type(error).__name__)
    finally:
        connection.close()


class NewPasswordForm(ResetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    def save(self, request: HttpRequest, **facts: Any) -> str:
        """Looking the person up has cost the same for everybody; the rest nobody waits for."""
        post(lambda: super(NewPasswordForm, self).save(request, **facts))
        return str(self.cleaned_data["email"])
