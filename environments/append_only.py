"""Database triggers that let the audit tables grow and nothing else, but below a floor that was signed."""

from collections.abc import Mapping
from typing import Final

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

EVENTS: Final = "environments_auditevent"
FIXED: Final = {
    "environments_auditcheckpoint": "serial, at, count, root, previous, key_id, signature",
    "environments_auditsignedhead": "serial, organization_id, sequence, digest",
    "environments_auditfloor": "organization_id, sequence, digest, asked_at, reason",
}
"""Tables that nothing is deleted from, and the columns that stay as they were written."""
_FLOOR: Final = (
    "NOT EXISTS (SELECT 1 FROM environments_auditfloor f WHERE f.organization_id = OLD.organization_id "
    "AND f.sequence >= OLD.sequence AND f.signature <> '')"
)
_SAYS: Final = "the audit log is append-only"


def _on_sqlite(name: str, event: str, table: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {event} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
    )


def _on_postgresql(name: str, event: str, table: str, function: str = "audit_append_only") -> str:
    each = "STATEMENT" if event == "TRUNCATE" else "ROW"
    return (
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {event} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {function}()"
    )


def _function(name: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


_REFUSE: Final = f"RAISE EXCEPTION '{_SAYS}';"
_TRIGGERS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    # name → table, statement
    "sqlite": {
        "audit_no_update": (EVENTS, _on_sqlite("audit_no_update", "UPDATE", EVENTS)),
        "audit_no_delete": (
            EVENTS,
            _on_sqlite("audit_no_delete", "DELETE", EVENTS, f"WHEN {_FLOOR}"),
        ),
        **{
            f"{table}_kept": (table, _on_sqlite(f"{table}_kept", "DELETE", table))
            for table in FIXED
        },
        **{
            f"{table}_fixed": (
                table,
                _on_sqlite(f"{table}_fixed", f"UPDATE OF {columns}", table),
            )
            for table, columns in FIXED.items()
        },
    },
    "postgresql": {
        "audit_no_change": (EVENTS, _on_postgresql("audit_no_change", "UPDATE", EVENTS)),
        "audit_no_delete": (
            EVENTS,
            _on_postgresql("audit_no_delete", "DELETE", EVENTS, "audit_above_the_floor"),
        ),
        "audit_no_truncate": (EVENTS, _on_postgresql("audit_no_truncate", "TRUNCATE", EVENTS)),
        **{
            f"{table}_kept": (table, _on_postgresql(f"{table}_kept", "DELETE", table))
            for table in FIXED
        },
        **{
            f"{table}_whole": (table, _on_postgresql(f"{table}_whole", "TRUNCATE", table))
            for table in FIXED
        },
        **{
            f"{table}_fixed": (
                table,
                _on_postgresql(f"{table}_fixed", f"UPDATE OF {columns}", table),
            )
            for table, columns in FIXED.items()
        },
    },
}
_FUNCTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "sqlite": (),
    "postgresql": (
        _function("audit_append_only", _REFUSE),
        _function("audit_above_the_floor", f"IF {_FLOOR} THEN {_REFUSE} END IF; RETURN OLD;"),
    ),
}
_HERE: Final[Mapping[str, str]] = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


def install_triggers(database: BaseDatabaseWrapper) -> None:
    """Make the tables append-only. SQLite loses triggers when a migration rebuilds a table: call it again there."""
    drop_triggers(database)
    with database.cursor() as cursor:
        for statement in _FUNCTIONS[database.vendor]:
            cursor.execute(statement)
        for _table, statement in _TRIGGERS[database.vendor].values():
            cursor.execute(statement)


def drop_triggers(database: BaseDatabaseWrapper) -> None:
    """For a migration that rebuilds a table, and for tests that empty it."""
    with database.cursor() as cursor:
        for name, (table, _statement) in _TRIGGERS[database.vendor].items():
            place = f" ON {table}" if database.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{place}")


def triggers_present() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HERE[connection.vendor])
        found = {name for (name,) in cursor.fetchall()}
    return found >= _TRIGGERS[connection.vendor].keys()
