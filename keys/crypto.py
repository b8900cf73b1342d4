"""Minting, sealing and recognising secrets. Keys come in as arguments; nothing here knows Django."""

import hmac
import secrets
import string
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from environments import keyrings

BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE32: Final = string.ascii_lowercase + "234567"
HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

FORMAT: Final = 1
HPKE_SUITE: Final = 1
AES_GCM_SUITE: Final = 2
HEADER_BYTES: Final = 2 + keyrings.KEY_ID_BYTES
NONCE_BYTES: Final = 12


class CannotOpen(Exception):
    """A box stays shut: unknown key, another context, or damaged."""


class SecretText:
    """A secret on its way through this process: it neither prints nor travels."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "SecretText(•••)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretText stays in the process that made it")


def new_id(prefix: str) -> str:
    """An opaque public id: prefix and 100 random bits."""
    return prefix + "".join(secrets.choice(BASE32) for _ in range(20))


def mint_client_id() -> str:
    return new_id("ck_")


def mint_secret(kind: str) -> SecretText:
    body = f"lk_{kind}_" + "".join(secrets.choice(BASE62) for _ in range(43))
    return SecretText(f"{body}_{_checksum(body)}")


def hint(text: str) -> str:
    """What a person sees of a secret: its last four characters before the checksum."""
    return text.rpartition("_")[0][-4:]


def looks_like_secret(text: str) -> bool:
    """Has this text the form and the checksum of a secret of ours?"""
    body, _, tail = text.rpartition("_")
    parts = body.split("_")
    shape = len(parts) == 3 and parts[0] == "lk" and parts[1] in {"dev", "stg", "prd"}
    return shape and len(parts[2]) == 43 and text.isascii() and _checksum(body) == tail


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits.rjust(6, "0")


@dataclass(frozen=True, slots=True)
class Context:
    """Where a box belongs. A box moved to another row or pointed elsewhere stays shut."""

    organization: int
    environment: int
    key: str
    secret: str
    field: str
    bound_to: str

    def encode(self) -> bytes:
        values = (str(getattr(self, part.name)) for part in fields(self))
        return length_prefixed("latchkey", *values)


def length_prefixed(*parts: str) -> bytes:
    """Unambiguous concatenation: no two different lists give the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4) + part for part in encoded)


def _header(suite: int, key_id: str) -> bytes:
    return bytes((FORMAT, suite)) + bytes.fromhex(key_id)


def _split(sealed: bytes, suite: int) -> tuple[bytes, str, bytes]:
    header, box = sealed[:HEADER_BYTES], sealed[HEADER_BYTES:]
    if len(header) != HEADER_BYTES or header[:2] != bytes((FORMAT, suite)):
        raise CannotOpen("unknown format")
    return header, header[2:].hex(), box


def key_id_of(sealed: bytes) -> str:
    """Which key opens it: what its header says, whether that is held here or not."""
    if len(sealed) < HEADER_BYTES:
        raise CannotOpen("unknown format")
    return sealed[2:HEADER_BYTES].hex()


@dataclass(frozen=True, slots=True)
class PublicKeyring:
    """Seals, and can never read back."""

    newest_id: str
    keys: Mapping[str, X25519PublicKey]

    @classmethod
    def parse(cls, text: str) -> Self:
        entries = keyrings.PUBLIC.read(text)
        keys = {e.id: X25519PublicKey.from_public_bytes(e.raw) for e in entries}
        return cls(entries[-1].id, keys)

    def seal(self, secret: SecretText, context: Context) -> bytes:
        header = _header(HPKE_SUITE, self.newest_id)
        # HPKE has no separate associated data here, so the header leads the info.
        info = header + context.encode()
        return header + HPKE.encrypt(secret.reveal().encode(), self.keys[self.newest_id], info)


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKeyring:
    keys: Mapping[str, X25519PrivateKey]

    @classmethod
    def parse(cls, text: str) -> Self:
        entries = keyrings.PRIVATE.read(text)
        return cls({e.id: X25519PrivateKey.from_private_bytes(e.raw) for e in entries})

    def open(self, sealed: bytes, context: Context) -> SecretText:
        header, key_id, box = _split(sealed, HPKE_SUITE)
        private = self.keys.get(key_id)
        if private is None:
            raise CannotOpen(f"this process does not hold key {key_id}")
        try:
            text = HPKE.decrypt(box, private, header + context.encode())
        except InvalidTag:
            raise CannotOpen("another context, or damaged") from None
        return SecretText(text.decode())


@dataclass(frozen=True, slots=True, repr=False)
class SymmetricKeyring:
    """Sign-in seeds: web processes must be able to read these back."""

    newest_id: str
    keys: Mapping[str, AESGCM]

    @classmethod
    def parse(cls, text: str) -> Self:
        entries = keyrings.WEB.read(text)
        return cls(entries[-1].id, {e.id: AESGCM(e.raw) for e in entries})

    def seal(self, secret: SecretText, purpose: str) -> bytes:
        header, nonce = _header(AES_GCM_SUITE, self.newest_id), secrets.token_bytes(NONCE_BYTES)
        about = header + length_prefixed(purpose)
        box = self.keys[self.newest_id].encrypt(nonce, secret.reveal().encode(), about)
        return header + nonce + box

    def open(self, sealed: bytes, purpose: str) -> SecretText:
        header, key_id, rest = _split(sealed, AES_GCM_SUITE)
        key = self.keys.get(key_id)
        if key is None or len(rest) < NONCE_BYTES:
            raise CannotOpen(f"this process does not hold key {key_id}, or the box is cut short")
        about = header + length_prefixed(purpose)
        try:
            text = key.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], about)
        except InvalidTag:
            raise CannotOpen("another purpose, or damaged") from None
        return SecretText(text.decode())


@dataclass(frozen=True, slots=True, repr=False)
class Peppers:
    """Keys of the mark by which a secret is recognised without being opened."""

    newest_id: str
    keyed: Mapping[str, hmac.HMAC]

    @classmethod
    def parse(cls, text: str) -> Self:
        entries = keyrings.PEPPER.read(text)
        return cls(entries[-1].id, {e.id: hmac.new(e.raw, digestmod="sha256") for e in entries})

    def fingerprint(self, text: str, pepper_id: str) -> bytes:
        # A copy of the keyed state costs less than hmac.digest, which also lets the interpreter go: 5 % of a token.
        mac = self.keyed[pepper_id].copy()
        mac.update(text.encode("utf-8", "surrogatepass"))
        return mac.digest()

    def marks(self, text: str) -> dict[str, bytes]:
        """With every pepper: the same work, whoever the text belongs to."""
        return {pepper_id: self.fingerprint(text, pepper_id) for pepper_id in self.keyed}
