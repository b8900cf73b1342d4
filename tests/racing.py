"""Several people at the same moment, each in a thread and on a connection of their own, and how it ended for each."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier
from time import monotonic, sleep
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from tests.browsers import Browser, let_in
from tests.cast import Place
from tests.pages import text_of

PATIENCE = 30


def at_once(*acts: Callable[[], Any], held: QuerySet[Any]) -> list[Any]:
    """What each of them returned or raised.

    On PostgreSQL the rows are held until everybody waits for one of them, so that they do meet, on a slow machine and
    on a quick one. SQLite has one writer at a time: there they only begin together."""
    together = Barrier(len(acts))
    with ThreadPoolExecutor(len(acts)) as pool:
        with transaction.atomic() if _holds_rows() else nullcontext():
            if _holds_rows():
                list(held.select_for_update(of=("self",)))
            running = [pool.submit(_act, act, together) for act in acts]
            if _holds_rows():
                _wait_for_waiting(len(acts))
        return [each.exception() or each.result() for each in running]


def _holds_rows() -> bool:
    return connection.vendor == "postgresql"


def _act(act: Callable[[], Any], together: Barrier) -> Any:
    try:
        together.wait(PATIENCE)
        return act()
    finally:
        connection.close()


def _wait_for_waiting(number: int) -> None:
    until = monotonic() + PATIENCE
    while waiting() < number:
        assert monotonic() < until, "they never met"
        sleep(0.01)


def waiting() -> int:
    """How many wait for a row that another holds. Inside a transaction PostgreSQL would go on telling what it told first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        number: int = cursor.fetchone()[0]
    return number


def sent(
    acme: Place, name: str, path: str, body: dict[str, Any] | None = None
) -> Callable[[], Any]:
    """A form that this person sends, signed in now."""
    browser = let_in(Browser(), acme[name])
    return lambda: browser.post(path, body or {})


def statuses(answers: Iterable[Any]) -> list[int]:
    """Of what everybody was answered; a fault of ours is raised here."""
    found = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found.append(answer.status_code)
    return sorted(found)


def refused(answers: Iterable[Any], status: int) -> str:
    """What the page said to the one who was refused."""
    (answer,) = [each for each in answers if each.status_code == status]
    return text_of(answer)
