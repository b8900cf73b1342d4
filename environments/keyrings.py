"""The text of a keyring: one JSON object, oldest key first; the last one seals."""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

KEY_ID_BYTES: Final = 8
RAW_KEY_BYTES: Final = 32


class BadKeyring(ValueError):
    """A keyring's text is not what it should be; the message never quotes it."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One key of a keyring, its id proven to be its own."""

    id: str
    made: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of keyring: the member that holds a key's bytes, and how those name themselves."""

    member: str
    identify: Callable[[bytes], str]

    def read(self, text: str) -> list[Entry]:
        """The entries, oldest first; never empty."""
        entries = [self._entry(item) for item in _items(text)]
        if len({entry.id for entry in entries}) != len(entries):
            raise BadKeyring("two keys have the same id")
        return entries

    def write(self, entries: list[Entry]) -> str:
        keys = [{"id": e.id, "made": e.made, self.member: _pack(e.raw)} for e in entries]
        return json.dumps({"version": 1, "keys": keys}, indent=1) + "\n"

    def entry(self, raw: bytes, made: str) -> Entry:
        return Entry(self.identify(raw), made, raw)

    def _entry(self, item: object) -> Entry:
        names = ("id", "made", self.member)
        if not isinstance(item, dict) or not all(isinstance(item.get(n), str) for n in names):
            raise BadKeyring(f"each key needs the texts {', '.join(names)}")
        entry = self.entry(_unpack(item[self.member]), item["made"])
        if entry.id != item["id"]:
            raise BadKeyring("an id does not belong to its key: the text was changed or mixed up")
        return entry


def _items(text: str) -> list[object]:
    try:
        document = json.loads(text)
    except ValueError:
        raise BadKeyring("it is not JSON") from None
    if not isinstance(document, dict) or document.get("version") != 1:
        raise BadKeyring('it is not an object with "version": 1')
    items = document.get("keys")
    if not isinstance(items, list) or not items:
        raise BadKeyring('"keys" is not a list with at least one key')
    return items


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpack(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadKeyring("a key is not base64url") from None
    if len(raw) != RAW_KEY_BYTES:
        raise BadKeyring(f"a key is not {RAW_KEY_BYTES} bytes long")
    return raw


def _labelled(label: str, raw: bytes) -> str:
    return hashlib.sha256(f"latchkey {label} id".encode() + raw).digest()[:KEY_ID_BYTES].hex()


def _public_half(raw: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def _verifying_half(raw: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


PUBLIC: Final = Shape("public", lambda raw: _labelled("sealing key", raw))
PRIVATE: Final = Shape("private", lambda raw: _labelled("sealing key", _public_half(raw)))
VERIFYING: Final = Shape("public", lambda raw: _labelled("audit key", raw))
SIGNING: Final = Shape("private", lambda raw: _labelled("audit key", _verifying_half(raw)))
PEPPER: Final = Shape("secret", lambda raw: _labelled("pepper", raw))
WEB: Final = Shape("secret", lambda raw: _labelled("web key", raw))


def new_entry(shape: Shape, now: datetime) -> Entry:
    """A fresh key. Any 32 bytes are a private key of X25519, which clamps them, and of Ed25519, which hashes them."""
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return shape.entry(secrets.token_bytes(RAW_KEY_BYTES), stamp)


def public_of(private: Entry) -> Entry:
    return Entry(private.id, private.made, _public_half(private.raw))


def verifying_of(private: Entry) -> Entry:
    return Entry(private.id, private.made, _verifying_half(private.raw))
