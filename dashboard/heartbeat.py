"""The last signs of life of the processes that nobody sees: rows, so that every web process can tell."""

import time
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from environments.models import Heartbeat

EVERY = 10.0
STALE = timedelta(seconds=45)  # three sweeps missed

log = structlog.get_logger(__name__)
_written: dict[str, float] = {}


def signal(name: str) -> None:
    """Write the row, at most every ten seconds. A database that is gone ends nobody here."""
    if time.monotonic() - _written.get(name, -EVERY) < EVERY:
        return
    try:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})
    except DatabaseError as error:
        log.warning("heartbeat not written", worker=name, cause=type(error).__name__)
        connection.close()
    else:
        _written[name] = time.monotonic()


def last(name: str) -> datetime | None:
    return Heartbeat.last(name)


def is_alive(name: str, now: datetime) -> bool:
    at = last(name)
    return at is not None and now - at < STALE
