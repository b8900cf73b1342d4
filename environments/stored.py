"""The chain as the database holds it: read in batches, as it is hashed, past the ORM that would double the time."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from django.db import connection

from environments.chain import Entry

BATCH: Final = 2000
_AT: Final[Mapping[str, str]] = {
    "sqlite": "replace(at, ' ', 'T') || CASE length(at) WHEN 19 THEN '.000000' ELSE '' END || '+00:00'",
    "postgresql": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US') || '+00:00'",
}
_SELECT: Final = (
    "SELECT organization_id, sequence, {at}, event, CAST(denied AS integer), actor_id, actor, environment, subject, "
    "label, CAST(detail AS text), address, request_id, previous, digest FROM environments_auditevent "
    "WHERE organization_id = %s AND sequence > %s AND sequence <= %s ORDER BY sequence LIMIT %s"
)
_NOTHING: Final = "{}"


def entries(organization: int, after: int, upto: int) -> Iterator[Entry]:
    """In their order. Two of one number, which the database refuses unless somebody changed it, both come."""
    select = _SELECT.format(at=_AT[connection.vendor])
    while True:
        with connection.cursor() as cursor:
            cursor.execute(select, [organization, after, upto, BATCH])
            rows = cursor.fetchall()
        yield from map(_entry, rows)
        if len(rows) < BATCH:
            return
        after = rows[-1][1]


def _entry(row: tuple[object, ...]) -> Entry:
    detail = row[10]
    return Entry._make(
        (
            *row[:4],
            bool(row[4]),
            *row[5:10],
            {} if detail == _NOTHING else json.loads(str(detail)),
            *row[11:],
        )
    )


def organizations() -> set[int]:
    """All that have an entry, whether they are still there or not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT organization_id FROM environments_auditevent")
        return {number for (number,) in cursor.fetchall()}
