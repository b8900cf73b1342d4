"""An export of the log as JSON Lines, and its proof: read on a machine that has nothing but this code and the public key.

First a line that says what it is, then the entries in their order as they were hashed, then the signed heads among
them, each with its way up to the root of its checkpoint.
"""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from environments import signing
from environments.chain import START, Entry, Walk, Walked, digest
from environments.signing import BadSignature, Checkpoint, Floor, Head, Signature, Verifier

FORMAT: Final = 1
_TYPES: Final = ([bool, int, int, int], [bool, int, int, type(None)])
HEADING, PROOF = '{"latchkey_log":', '{"checkpoint":'


class BadExport(ValueError):
    """The file is not an export, or what stands in it besides entries is not what was signed."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The first line."""

    organization: int
    name: str
    whole: bool
    """Everything from the floor to a signed head; else a selection, which proves nothing about what is left out."""
    made_at: str
    asked: str
    """The filter, as the address of the page wrote it."""
    floor: dict[str, Any] | None = None

    def line(self) -> str:
        return _written({"latchkey_log": FORMAT, **asdict(self)})


@dataclass(frozen=True, slots=True)
class Proof:
    """A head of this chain under a signed checkpoint."""

    checkpoint: Checkpoint
    signature: Signature
    head: Head
    path: signing.Path

    def line(self) -> str:
        signed = asdict(self.checkpoint) | {
            "key": self.signature.key_id,
            "signature": self.signature.value,
        }
        return _written({"checkpoint": signed, "head": self.head, "path": self.path})

    @classmethod
    def read(cls, line: str) -> "Proof":
        facts = json.loads(line)
        signed = facts["checkpoint"]
        signature = Signature(signed.pop("key"), signed.pop("signature"))
        path = [(str(side), str(digest)) for side, digest in facts["path"]]
        return cls(Checkpoint(**signed), signature, Head(*facts["head"]), path)

    def check(self, verifier: Verifier) -> Head:
        verifier.check(self.checkpoint, self.signature)
        if signing.root_by(self.head, self.path) != self.checkpoint.root:
            raise BadSignature("the head is not under the root that was signed")
        return self.head


@dataclass(frozen=True, slots=True)
class Verdict:
    heading: Heading
    walked: Walked
    signed_at: str


def line_of(entry: Entry) -> str:
    return _written(entry._asdict())


def floor_facts(floor: Floor, signature: Signature) -> dict[str, Any]:
    return asdict(floor) | {"key": signature.key_id, "signature": signature.value}


def verify(path: Path, verifier: Verifier) -> Verdict:
    """Twice through the file: for the signed heads, then for the entries. Memory holds one line and the heads."""
    try:
        heading = _heading(path)
        proofs = [Proof.read(line) for line in _lines(path) if line.startswith(PROOF)]
        heads = sorted(proof.check(verifier) for proof in proofs)
        start = _start(heading, verifier)
        if any(head.organization != heading.organization for head in heads):
            raise BadExport("a signed head belongs to another organization")
        walk = Walk(heading.organization, start, heads)
        walked = walk.through(_entries(path)) if heading.whole else _selection(heading, path)
    except BadSignature as error:
        raise BadExport(str(error)) from None
    except (ValueError, KeyError, TypeError, OSError, EOFError) as error:
        if isinstance(error, BadExport):
            raise
        raise BadExport(f"not an export of the log, or a damaged one: {error}") from None
    last = max((proof.checkpoint for proof in proofs), key=lambda each: each.serial, default=None)
    return Verdict(heading, walked, last.at if last else "")


def _selection(heading: Heading, path: Path) -> Walked:
    """Each entry by itself: whether one was changed can be told, whether one is missing cannot."""
    count = last = 0
    for entry in _entries(path):
        if digest(entry) != entry.digest:
            return Walk(heading.organization, (entry.sequence - 1, entry.previous)).through([entry])
        count, last = count + 1, max(last, entry.sequence)
    return Walked(last, "", count, 0)


def _start(heading: Heading, verifier: Verifier) -> tuple[int, str]:
    if heading.floor is None:
        return START
    facts = dict(heading.floor)
    signature = Signature(facts.pop("key"), facts.pop("signature"))
    floor = Floor(**facts)
    verifier.check(floor, signature)
    if floor.organization != heading.organization:
        raise BadExport("the floor belongs to another organization")
    return floor.sequence, floor.digest


def _heading(path: Path) -> Heading:
    facts = json.loads(next(_lines(path), "{}"))
    if facts.pop("latchkey_log", None) != FORMAT:
        raise BadExport("its first line does not say that it is an export of the log")
    return Heading(**facts)


def _entries(path: Path) -> Iterator[Entry]:
    for line in _lines(path):
        if not line.startswith((HEADING, PROOF)):
            entry = Entry(**json.loads(line))
            if not _as_written(entry, line):
                raise BadExport(f"entry {entry.sequence} is not written as an export writes it")
            yield entry


def _as_written(entry: Entry, line: str) -> bool:
    """No member twice and no 1 for true: a reader would see something else than what the digest covers."""
    facts = (entry.denied, entry.organization, entry.sequence, entry.actor_id)
    whole = [type(each) for each in facts] in _TYPES
    return whole and line_of(entry) == line


def _lines(path: Path) -> Iterator[str]:
    with _opened(path) as file:
        for line in file:
            if line.strip():
                yield line


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Packed or not."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rt") if packed else path.open() as file:
        yield file


def _written(facts: object) -> str:
    return json.dumps(facts, separators=(",", ":")) + "\n"
