"""What rests sealed, under which key, and how it gets under another one: in small steps, so that it may be stopped anywhere."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import BinaryField, Count, Model, QuerySet
from django.db.models.functions import Substr

from environments.keyrings import KEY_ID_BYTES
from keys.crypto import HEADER_BYTES, CannotOpen

BATCH: Final = 500
# The header says format, suite and key; the database counts positions from 1.
KEY_ID: Final = Substr(
    "sealed", HEADER_BYTES - KEY_ID_BYTES + 1, KEY_ID_BYTES, output_field=BinaryField()
)


@dataclass(frozen=True, slots=True)
class Moved:
    """One step: how many boxes it moved, and what stayed shut, each with the reason."""

    count: int
    shut: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Lot:
    """Boxes of one kind."""

    name: str
    under: Callable[[], Counter[str]]
    """How many rest under each key; nobody need be able to open them."""
    move: Callable[[], Iterator[Moved]]
    """Each that rests under an older key goes under the newest one."""


def under(boxes: QuerySet[Any]) -> Counter[str]:
    """Of rows with a column `sealed`: read from the headers, by the database."""
    headed = boxes.exclude(sealed=None).order_by().annotate(held_by=KEY_ID).values_list("held_by")
    return Counter({bytes(head).hex(): count for head, count in headed.annotate(Count("pk"))})


def older(boxes: QuerySet[Any], newest: str) -> QuerySet[Any]:
    held: QuerySet[Any] = boxes.exclude(sealed=None).annotate(held_by=KEY_ID)
    return held.exclude(held_by=bytes.fromhex(newest))


def rewrite[Row: Model](
    rows: QuerySet[Row], columns: Sequence[str], renew: Callable[[Row], Sequence[str | bytes]]
) -> Iterator[Moved]:
    """Each row's columns anew. A row that somebody has changed meanwhile keeps what they made of it."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = chunk[-1].pk
        changes, shut = [], []
        for row in chunk:
            try:
                old = (_plain(getattr(row, column)) for column in columns)
                changes.append([*renew(row), row.pk, *old])
            except CannotOpen as error:
                shut.append(f"{type(row).__name__} {row.pk}: {error}")
        yield Moved(_write(rows.model, columns, changes), shut)


def _write(model: type[Model], columns: Sequence[str], changes: list[list[Any]]) -> int:
    about = model._meta  # noqa: SLF001  # documented, whatever its name
    table, key = about.db_table, about.pk.column
    new, old = (joint.join(f"{c} = %s" for c in columns) for joint in (", ", " AND "))
    # All names are our own. bulk_update would take fifty times as long.
    text = f"UPDATE {table} SET {new} WHERE {key} = %s AND {old}"  # noqa: S608
    if not changes:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(text, changes)
        return int(cursor.rowcount)


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
