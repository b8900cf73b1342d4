"""What the audit log's own key signs: the heads of all chains at a moment, and where a chain was shortened.

The heads are the leaves of a hash tree, of which only the root is signed: an organization's export can carry the proof
of its own head without telling of anybody else's.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from environments import keyrings

NO_DIGEST: Final = ""
LEAF, NODE = b"\x00", b"\x01"  # so that no node can be taken for a leaf
type Path = list[tuple[str, str]]


class Head(NamedTuple):
    """The last link of an organization's chain, as it stood."""

    organization: int
    sequence: int
    digest: str


class BadSignature(ValueError):
    """A statement was not signed by one of these keys, or says something else than what was signed."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All heads at a moment."""

    serial: int
    at: str
    count: int
    root: str
    previous: str
    """The digest of the statement before, so that none can be left out."""

    def statement(self) -> bytes:
        facts = {name: getattr(self, name) for name in self.__slots__}
        return canonical({"kind": "latchkey audit checkpoint 1", **facts})

    def digest(self) -> str:
        return hashlib.sha256(self.statement()).hexdigest()


@dataclass(frozen=True, slots=True)
class Floor:
    """Up to this entry an organization's chain may be gone, because somebody wanted it so."""

    organization: int
    sequence: int
    digest: str
    at: str
    reason: str

    def statement(self) -> bytes:
        facts = {name: getattr(self, name) for name in self.__slots__}
        return canonical({"kind": "latchkey audit floor 1", **facts})


@dataclass(frozen=True, slots=True)
class Signature:
    key_id: str
    value: str
    """Base64url of the 64 bytes, without padding."""


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """The newest private key signs."""

    key_id: str
    key: Ed25519PrivateKey

    @classmethod
    def parse(cls, text: str) -> Self:
        newest = keyrings.SIGNING.read(text)[-1]
        return cls(newest.id, Ed25519PrivateKey.from_private_bytes(newest.raw))

    def sign(self, statement: Checkpoint | Floor) -> Signature:
        raw = self.key.sign(statement.statement())
        return Signature(self.key_id, base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@dataclass(frozen=True, slots=True)
class Verifier:
    """All public keys that this installation has had."""

    keys: Mapping[str, Ed25519PublicKey]

    @classmethod
    def parse(cls, text: str) -> Self:
        entries = keyrings.VERIFYING.read(text)
        return cls({e.id: Ed25519PublicKey.from_public_bytes(e.raw) for e in entries})

    def check(self, statement: Checkpoint | Floor, signature: Signature) -> None:
        key = self.keys.get(signature.key_id)
        if key is None:
            raise BadSignature(f"no public key {signature.key_id!r} here")
        try:
            raw = base64.b64decode(signature.value + "==", altchars=b"-_", validate=True)
            key.verify(raw, statement.statement())
        except (InvalidSignature, ValueError, binascii.Error):
            raise BadSignature("the signature does not fit") from None


def canonical(facts: object) -> bytes:
    """The one way to write it: members sorted, no spaces, ASCII."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def leaf(head: Head) -> bytes:
    return hashlib.sha256(LEAF + canonical(list(head))).digest()


def root_of(heads: Sequence[Head]) -> str:
    """Of heads in the order of their organizations."""
    level = [leaf(head) for head in heads]
    while len(level) > 1:
        level = _above(level)
    return level[0].hex() if level else hashlib.sha256().hexdigest()


def path_to(heads: Sequence[Head], organization: int) -> Path:
    """The neighbours on the way from this organization's head up to the root, each with its side."""
    place = [head.organization for head in heads].index(organization)
    level, path = [leaf(head) for head in heads], []
    while len(level) > 1:
        other = place ^ 1
        if other < len(level):
            path.append(("left" if other < place else "right", level[other].hex()))
        level, place = _above(level), place // 2
    return path


def root_by(head: Head, path: Path) -> str:
    here = leaf(head)
    for side, neighbour in path:
        other = bytes.fromhex(neighbour)
        here = _node(other, here) if side == "left" else _node(here, other)
    return here.hex()


def _above(level: list[bytes]) -> list[bytes]:
    """The last one without a neighbour goes up as it is."""
    pairs = [_node(*level[place : place + 2]) for place in range(0, len(level) - 1, 2)]
    return pairs + level[len(level) - len(level) % 2 :]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
