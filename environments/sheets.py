"""Lines of CSV, one at a time, that no spreadsheet takes for a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence

BEGINNINGS = frozenset("=+-@＝＋－＠")  # the wide ones count in East Asian spreadsheets


def safe_cell(text: str) -> str:
    """A spreadsheet takes these beginnings for a formula, also behind what is not seen: spaces, marks, tabs."""
    first = next((sign for sign in text if sign.isprintable() and not sign.isspace()), "")
    return f"'{text}" if first in BEGINNINGS or text[:1] in tuple("\t\r\n") else text


class _Line:
    """A file that hands back what is written, so that csv.writer can be streamed."""

    def write(self, text: str) -> str:
        return text


def sheet(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(head)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])
