"""Make, add, list and retire the keys that this installation seals, signs and recognises with."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.crypto import get_random_string

from dashboard.management.resealing import RINGS
from environments import keyrings
from environments.keyrings import BadKeyring, Entry, Shape


@dataclass(frozen=True, slots=True)
class Box:
    """What a keyring is for, and the files that hold it. `public` follows from `file`."""

    file: str
    shape: Shape
    public: str | None = None
    public_shape: Shape = keyrings.PUBLIC
    public_of: Callable[[Entry], Entry] = keyrings.public_of


BOXES: Final = {
    "credentials": Box("credential-private.json", keyrings.PRIVATE, "credential-public.json"),
    "issuer": Box("issuer-private.json", keyrings.PRIVATE, "issuer-public.json"),
    "audit": Box(
        "audit-private.json",
        keyrings.SIGNING,
        "audit-public.json",
        keyrings.VERIFYING,
        keyrings.verifying_of,
    ),
    "web": Box("web.json", keyrings.WEB),
    "peppers": Box("peppers.json", keyrings.PEPPER),
}


class Command(BaseCommand):
    help = "Makes, adds, lists and retires the keys in DATA_DIR/keys."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("make", help="make what is missing, touch nothing else")
        verbs.add_parser("list", help="ids and dates, never a key")
        add = verbs.add_parser("add", help="a new newest key; the older ones stay readable")
        add.add_argument("box", choices=sorted(BOXES))
        retire = verbs.add_parser("retire", help="an older key, once nothing rests under it")
        retire.add_argument("box", choices=sorted(RINGS))
        retire.add_argument("id")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run(options["verb"], options.get("box"), options.get("id", ""))
        except BadKeyring as error:
            raise CommandError(f"{error}. Restore the file from a backup.") from None

    def _run(self, verb: str, box: str | None, key_id: str) -> None:
        folder = settings.DATA_DIR / "keys"
        if verb == "list":
            self._list(folder)
            return
        with _locked(folder):
            if box is not None and verb == "retire":
                self._retire(folder, box, key_id)
            elif box is not None:
                self._add(folder, BOXES[box])
            else:
                self._make(folder)

    def _make(self, folder: Path) -> None:
        if _write_new(folder / "secret_key.txt", get_random_string(64) + "\n"):
            self.stdout.write("made secret_key.txt")
        for box in BOXES.values():
            made = _make_box(folder, box)
            for name in made:
                self.stdout.write(f"made {name}")

    def _add(self, folder: Path, box: Box) -> None:
        entries = _read(folder, box)
        entries.append(keyrings.new_entry(box.shape, timezone.now()))
        # The private half first: nothing may be sealed to a key that nobody holds.
        _replace(folder / box.file, box.shape.write(entries))
        if box.public is not None:
            _replace(folder / box.public, _public_text(box, entries))
        self.stdout.write(f"added {entries[-1].id}. Restart every process, so that all know it.")

    def _retire(self, folder: Path, name: str, key_id: str) -> None:
        """For good: what was sealed under it, and lies in a backup, opens no more."""
        box, entries = BOXES[name], _read(folder, BOXES[name])
        kept = [entry for entry in entries if entry.id != key_id]
        if len(kept) == len(entries):
            raise CommandError(f"{name} has no key {key_id}. `manage.py keyring list` shows all.")
        if key_id == entries[-1].id:
            raise CommandError(f"{key_id} is the newest key of {name}. Add another one first.")
        resting = RINGS[name].under(key_id)
        if resting:
            what = ", ".join(f"{count} {lot}" for lot, count in resting.items())
            raise CommandError(
                f"{what} still rest under {key_id}. Run `manage.py reseal {name}` first."
            )
        # The public half first: nothing may be sealed to a key that nobody holds.
        if box.public is not None:
            _replace(folder / box.public, _public_text(box, kept))
        _replace(folder / box.file, box.shape.write(kept))
        self.stdout.write(f"retired {key_id}. Restart every process, so that all forget it.")

    def _list(self, folder: Path) -> None:
        for name, box in BOXES.items():
            entries = _read(folder, box)
            for entry in entries:
                newest = "  newest" if entry is entries[-1] else ""
                self.stdout.write(f"{name:<12} {entry.id}  {entry.made}{newest}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One maker at a time: two would each write half of a pair."""
    for path in (folder.parent, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_box(folder: Path, box: Box) -> list[str]:
    """The names of the files that were missing and are there now."""
    if (
        box.public is not None
        and not (folder / box.file).exists()
        and (folder / box.public).exists()
    ):
        raise CommandError(
            f"{box.public} is there and {box.file} is not: what was sealed to it can be opened by "
            f"that file alone. Restore {box.file} from a backup."
        )
    made = []
    entry = keyrings.new_entry(box.shape, timezone.now())
    if _write_new(folder / box.file, box.shape.write([entry])):
        made.append(box.file)
    if box.public is not None and not (folder / box.public).exists():
        _write_new(folder / box.public, _public_text(box, _read(folder, box)))
        made.append(box.public)
    return made


def _read(folder: Path, box: Box) -> list[Entry]:
    path = folder / box.file
    if not path.exists():
        raise CommandError(f"{path} is missing. Run `manage.py keyring make` first.")
    try:
        return box.shape.read(path.read_text())
    except BadKeyring as error:
        raise BadKeyring(f"{path}: {error}") from None


def _public_text(box: Box, entries: list[Entry]) -> str:
    return box.public_shape.write([box.public_of(entry) for entry in entries])


def _write_new(path: Path, text: str) -> bool:
    """Whether the file was missing. It appears whole, readable by its owner alone, or not at all."""
    if path.exists():
        return False
    _replace(path, text)
    return True


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
