"""Database triggers that let the audit table grow and nothing else."""

from collections.abc import Mapping

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

_TRIGGERS: Mapping[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON environments_auditevent "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON environments_auditevent "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "CREATE OR REPLACE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON environments_auditevent "
        "FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
        "CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON environments_auditevent "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
    ),
}
_DROPS: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"),
    "postgresql": (
        "DROP TRIGGER IF EXISTS audit_no_change ON environments_auditevent",
        "DROP TRIGGER IF EXISTS audit_no_truncate ON environments_auditevent",
    ),
}
_ASK: Mapping[str, str] = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'environments_auditevent'",
    "postgresql": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' "
    "AND tgrelid = to_regclass('environments_auditevent')",
}


def install_triggers(database: BaseDatabaseWrapper) -> None:
    """Make the table append-only. SQLite loses triggers when a migration rebuilds the table: call it again there."""
    with database.cursor() as cursor:
        for statement in _TRIGGERS[database.vendor]:
            cursor.execute(statement)


def drop_triggers(database: BaseDatabaseWrapper) -> None:
    """For a migration that rebuilds the table, and for tests that empty it."""
    with database.cursor() as cursor:
        for statement in _DROPS[database.vendor]:
            cursor.execute(statement)


def triggers_present() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ASK[connection.vendor])
        (found,) = cursor.fetchone()
    return bool(found == len(_DROPS[connection.vendor]))
