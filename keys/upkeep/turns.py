"""One writer at a time among a worker's threads on SQLite: its own way of waiting is unfair, and of 64 threads that
write at once some starve past its five seconds. Other processes are still waited for by the database."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_turn = threading.Lock()


@contextmanager
def my_turn() -> Iterator[None]:
    """Around short writes, never around a call to the network."""
    if connection.vendor != "sqlite":
        yield
        return
    with _turn:
        yield
