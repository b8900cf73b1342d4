"""One thread at a time, where the database is a file."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, get_ident
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections


class Turn:
    """A query of a file takes 5 µs and lets go of the interpreter five times, each time into the hands of a thread
    that wants the same. Threads that wait here do not ask for it: a sixth of a token's CPU, with 16 connections."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = get_ident()

    def __exit__(self, *_: object) -> None:
        self._owner = 0
        self._lock.release()

    @contextmanager
    def left(self) -> Iterator[None]:
        """For a write: it may wait for another process, and nobody else waits for it."""
        if self._owner != get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


TURN: Final = Turn()


def in_turn() -> AbstractContextManager[None]:
    """Over a network the waits for answers are long, and threads have them side by side."""
    return TURN if connections[DEFAULT_DB_ALIAS].vendor == "sqlite" else nullcontext()
