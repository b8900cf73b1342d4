"""The table of rights as a file: one line for each cell, to be read in a spreadsheet."""

import csv
import os
import sys
from pathlib import Path

import django

HEAD = ("person", "address", "method", "environment", "team of the key", "about", "takes", "answer")


def main(path: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.rights.table import ROWS, every_cell

    cells = list(every_cell())
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEAD)
        for cell in cells:
            person, target = cell.person or "nobody signed in", cell.target
            row = ROWS.get(cell.address)
            needs = row.needs if row else ""
            about = target.name if target.name != target.team else ""
            lines.writerow([person, cell.address, cell.method, target.place, target.team, about, needs, cell.answer])  # fmt: skip
    print(f"{len(cells)} cells in {path}")


main(Path(sys.argv[1] if len(sys.argv) > 1 else "rights.csv"))
