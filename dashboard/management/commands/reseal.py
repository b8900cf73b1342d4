"""Move all that rests sealed under the newest key of each ring. It may be stopped at any time and started again."""

import time
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboard.management.resealing import RINGS, Ring
from keys.resting import Lot

EVERY: Final = 2.0
"""Seconds between two lines of progress."""
TOLD: Final = 20
"""So many of those that stay shut are named."""


class Command(BaseCommand):
    help = "Moves what rests sealed under the newest key of each ring; stop and start it again as you like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "ring", nargs="*", help=f"one or more of {', '.join(RINGS)}; all that are at hand"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        asked = options["ring"] or list(RINGS)
        for name in asked:
            if name not in RINGS:
                raise CommandError(f"There is no ring {name}. There are: {', '.join(RINGS)}.")
        left = [name for name in asked if not self._ring(name, named=bool(options["ring"]))]
        if left:
            raise CommandError(f"Not everything rests under the newest key: {', '.join(left)}.")

    def _ring(self, name: str, *, named: bool) -> bool:
        """Whether nothing is left of it that should have been moved."""
        ring = RINGS[name]
        if not ring.at_hand:
            self.stdout.write(f"{name}: {_elsewhere(name, ring)}")
            return not named
        for lot in ring.lots:
            self._lot(name, lot, ring.newest())
        older = sum(_older(lot, ring.newest()) for lot in ring.lots)
        self.stdout.write(f"{name}: {older} under older keys than {ring.newest()}")
        return not older

    def _lot(self, ring: str, lot: Lot, newest: str) -> None:
        total, done, told = _older(lot, newest), 0, time.monotonic()
        shut: list[str] = []
        for moved in lot.move():
            done += moved.count
            shut += moved.shut
            if time.monotonic() - told >= EVERY:
                self.stdout.write(f"{ring}: {done:,} of {total:,} {lot.name}")
                told = time.monotonic()
        if total:
            self.stdout.write(f"{ring}: {done:,} of {total:,} {lot.name} moved")
        for each in shut[:TOLD]:
            self.stderr.write(f"stays shut: {each}")
        if len(shut) > TOLD:
            self.stderr.write(f"… and {len(shut) - TOLD:,} more")


def _older(lot: Lot, newest: str) -> int:
    counts = lot.under()
    return counts.total() - counts[newest]


def _elsewhere(name: str, ring: Ring) -> str:
    missing = " and ".join(need for need in ring.needs if not getattr(settings, need))
    return (
        f"not at hand. This process is a {settings.LATCHKEY_ROLE} and has no {missing}. "
        f"Run `manage.py reseal {name}` with LATCHKEY_ROLE={ring.roles}."
    )
