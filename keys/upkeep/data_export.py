"""The data of an organization is put together: a ZIP archive of JSON Lines, kept in parts for seven days."""

import json
import zipfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from environments.exporting import SignedRange
from environments.models import DataExport, DataExportPart, Organization
from environments.models.log_work import LEASE
from keys.upkeep.inventory import SHEETS

KEPT: Final = timedelta(days=7)
PART: Final = 4_000_000
SOME: Final = 20
LOG: Final = "log.jsonl"
ABOUT: Final = """Data of {name} ({slug}), put together by Latchkey at {now} UTC.

Each file holds JSON Lines (UTF-8): one object a line. Times are ISO 8601 in UTC, spans ISO 8601 durations.
No secret is in any of them, no private key, and no hash by which one could be recognised.

{files}
{log}
"""
PROVEN: Final = """log.jsonl: the whole log as far as it is signed. It proves itself; on another machine, with the source of
Latchkey and the file that the installation shows at /audit/keys.json:
    manage.py verify_audit --export log.jsonl --keys audit-public.json"""
UNSIGNED: Final = "The log is not in here: nothing of it was signed yet. Ask again in five minutes."


class TakenOver(Exception):
    """The lease had ended, and another worker makes this export."""


class Parts:
    """What a ZIP archive writes into: rows of the database, each as large as a letter may be, and the hash of all."""

    def __init__(self, export: DataExport) -> None:
        self.export, self.number, self.size = export, 0, 0
        self.hash, self.held = sha256(), bytearray()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.held += data
        self.size += len(data)
        if len(self.held) >= PART:
            self.put_down()
        return len(data)

    def flush(self) -> None:
        """A part is written when it is full."""

    def close(self) -> None:
        """Nothing is open; the last part is put down once the archive is whole."""

    def put_down(self) -> None:
        with transaction.atomic():
            mine = DataExport.objects.filter(
                pk=self.export.pk, attempt=self.export.attempt, finished_at=None
            )
            if not mine.update(leased_until=timezone.now() + LEASE):
                raise TakenOver
            DataExportPart.objects.create(
                export=self.export, number=self.number, data=bytes(self.held)
            )
        self.number += 1
        self.held.clear()


def make_data_exports(now: datetime) -> int:
    """Those that wait, oldest first; how many were finished."""
    waiting = DataExport.objects.due(now).order_by("asked_at").values_list("pk", flat=True)
    made = 0
    for pk in list(waiting[:SOME]):
        mine = DataExport.objects.claim(pk, timezone.now())
        made += mine is not None and _make(mine)
    return made


def _make(export: DataExport) -> bool:
    """Begun anew when another worker was killed over it; False once somebody else took it over."""
    export.parts.all().delete()
    parts = Parts(export)
    try:
        with zipfile.ZipFile(parts, "w", zipfile.ZIP_DEFLATED) as archive:
            _fill(archive, export.organization)
        parts.put_down()
    except TakenOver:
        return False
    mine = DataExport.objects.filter(pk=export.pk, attempt=export.attempt, finished_at=None)
    facts = {"size": parts.size, "sha256": parts.hash.hexdigest()}
    return bool(mine.update(finished_at=timezone.now(), leased_until=None, **facts))


def _fill(archive: zipfile.ZipFile, organization: Organization) -> None:
    for sheet in SHEETS:
        lines = (
            json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"
            for row in sheet.lines(organization)
        )
        _write(archive, f"{sheet.name}.jsonl", lines)
    log = SignedRange.of(organization.pk)
    if log is not None:
        _write(archive, LOG, log.lines(organization.name))
    files = "".join(f"{sheet.name}.jsonl: {sheet.what}.\n" for sheet in SHEETS)
    said = {
        "name": organization.name,
        "slug": organization.slug,
        "now": f"{timezone.now():%Y-%m-%d %H:%M}",
    }
    archive.writestr(
        "README.txt", ABOUT.format(**said, files=files, log=PROVEN if log else UNSIGNED)
    )


def _write(archive: zipfile.ZipFile, name: str, lines: Iterable[str]) -> None:
    """However long: never held as a whole."""
    with archive.open(name, "w", force_zip64=True) as file:
        for line in lines:
            file.write(line.encode())


def forget_data_exports(now: datetime) -> None:
    DataExport.objects.filter(asked_at__lt=now - KEPT).delete()
