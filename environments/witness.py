"""Checkpoints outside the database: a line each in a file, or to syslog, so that whoever owns the database alone
cannot take back what was signed.

A line is JSON: the signed statement and the heads that changed since the line before. A long one is split: lines of
the same serial belong together.
"""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from environments.signing import Checkpoint, Head, Signature

HEADS_IN_A_LINE: Final = 8  # a syslog message of 1,024 bytes holds them
SYSLOG: Final = 514


@dataclass(frozen=True, slots=True)
class Witnessed:
    statement: Checkpoint
    signature: Signature
    changed: Sequence[Head]

    def lines(self) -> Iterator[str]:
        parts = [
            self.changed[start : start + HEADS_IN_A_LINE]
            for start in range(0, len(self.changed), HEADS_IN_A_LINE)
        ]
        signed = {"key": self.signature.key_id, "signature": self.signature.value}
        facts: dict[str, object] = asdict(self.statement) | signed
        for heads in parts or [[]]:
            yield json.dumps(facts | {"heads": heads}, separators=(",", ":"))
            facts = {"serial": self.statement.serial}


class BadWitness(ValueError):
    """A line is not one of ours."""


def is_new(url: str) -> bool:
    """Nothing was written there yet, or it was put away: begin with all heads."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    return parts.scheme == "file" and not (path.is_file() and path.stat().st_size)


def write(url: str, checkpoints: Iterable[Witnessed]) -> None:
    """Append them there; OSError where that cannot be."""
    lines = [line for each in checkpoints for line in each.lines()]
    parts = urlsplit(url)
    if parts.scheme == "file":
        _append(Path(unquote(parts.path)), lines)
    else:
        _send(parts.hostname, parts.port or SYSLOG, unquote(parts.path), lines)


def _append(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def _send(host: str | None, port: int, path: str, lines: Sequence[str]) -> None:
    """RFC 3164, facility auth, to a host by UDP or to this machine's socket."""
    priority = SysLogHandler.LOG_AUTH << 3 | SysLogHandler.LOG_INFO
    family = socket.AF_UNIX if host is None else socket.AF_INET
    target: Any = path if host is None else (host, port)
    with socket.socket(family, socket.SOCK_DGRAM) as door:
        for line in lines:
            door.sendto(f"<{priority}>latchkey-audit: {line}".encode(), target)


def read(lines: Iterable[str]) -> Iterator[Witnessed]:
    """What a file holds, or a log that other programs write to as well."""
    whole: Witnessed | None = None
    for line in lines:
        start = line.find('{"serial":')
        if start < 0:
            continue
        facts, heads = _parse(line[start:])
        if whole is not None and len(facts) == 1 and facts["serial"] == whole.statement.serial:
            whole = Witnessed(whole.statement, whole.signature, [*whole.changed, *heads])
            continue
        if whole is not None:
            yield whole
        whole = _begin(facts, heads)
    if whole is not None:
        yield whole


def _parse(line: str) -> tuple[dict[str, Any], list[Head]]:
    try:
        facts = json.loads(line)
        heads = [Head(int(a), int(b), str(c)) for a, b, c in facts.pop("heads")]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BadWitness(f"not a line of checkpoints: {line[:60]!r}") from None
    return facts, heads


def _begin(facts: dict[str, Any], heads: list[Head]) -> Witnessed:
    try:
        signature = Signature(str(facts.pop("key")), str(facts.pop("signature")))
        return Witnessed(Checkpoint(**facts), signature, heads)
    except (KeyError, TypeError):
        raise BadWitness("a line of checkpoints lacks its beginning") from None
