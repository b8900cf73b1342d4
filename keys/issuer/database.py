"""The thread's own connection, without Django's cursor: that one costs as much as the whole look-up."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections

from keys.issuer.refusals import Unavailable
from keys.issuer.turns import TURN

PREPARE_AFTER: Final = 1


def steadily[Answer](work: Callable[[], Answer]) -> Answer:
    """Do it, and once more on a new connection: after a restart of the database this thread's is dead.

    So `work` must be harmless when done twice."""
    try:
        return work()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise Unavailable(type(error).__name__) from error


def fetch_all(statement: "Statement", parameters: Sequence[object]) -> list[tuple[Any, ...]]:
    database = connections[DEFAULT_DB_ALIAS]  # once: Django's `connection` looks it up at every dot
    with database.wrap_database_errors:
        return _execute(database, statement, parameters).fetchall()  # type: ignore[no-any-return]


def insert_once(statement: "Statement", parameters: Sequence[Any]) -> bool:
    """False where the row is there already: of two at once, in whichever processes, one wins."""
    database = connections[DEFAULT_DB_ALIAS]
    with database.wrap_database_errors, TURN.left():
        return bool(_execute(database, statement, parameters).rowcount == 1)


def _execute(database: Any, statement: "Statement", parameters: Sequence[object]) -> Any:
    if database.connection is None:
        database.ensure_connection()
    raw = database.connection
    if database.vendor == "sqlite":
        return raw.execute(statement.sqlite, parameters)
    return _prepared(raw).execute(statement.postgresql, parameters, prepare=True)


class Statement:
    """One text with `?`, ready for both databases."""

    def __init__(self, text: str) -> None:
        self.sqlite = " ".join(text.split())
        self.postgresql = self.sqlite.replace("%", "%%").replace("?", "%s")


def _prepared(raw: Any) -> Any:
    """Django's own cursor binds on this side and switches preparing off."""
    from psycopg import Cursor  # here: 10 MB that an installation on SQLite does not need

    if raw.prepare_threshold is None:
        raw.prepare_threshold = PREPARE_AFTER
    return Cursor(raw)
