"""The values of a public key: encoded in the one way, of a known kind, and strong. No Django."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from keys.weaknesses import weak_ed25519, weak_rsa

KID: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")
MEMBERS: Final = MappingProxyType({"RSA": ("e", "n"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")})
_CURVES: Final = MappingProxyType({"P-256": (ec.SECP256R1(), 32), "P-384": (ec.SECP384R1(), 48)})
_ED25519_BYTES: Final = 32
_LONGEST_NUMBER: Final = 2048  # base64url digits: more than any RSA modulus here, cheap to decode
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")


class BadPublicKey(Exception):
    """What was entered cannot prove a key; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A key as it was read: the members that count, and what it says of itself."""

    members: Mapping[str, str]
    kid: str = ""
    algorithm: str = ""
    expires_at: datetime | None = None


def kind_of(members: Mapping[str, str]) -> tuple[str, str]:
    """RSA or the curve, and the same with its size as people say it; refused if its numbers are weak."""
    if members["kty"] == "RSA":
        return "RSA", _rsa(members)
    if members["kty"] == "EC":
        return (_ec(members),) * 2
    return (_okp(members),) * 2


def _rsa(members: Mapping[str, str]) -> str:
    modulus, exponent = _number(members["n"]), _number(members["e"])
    weakness = weak_rsa(modulus, exponent)
    if weakness:
        raise BadPublicKey(weakness)
    return f"RSA {modulus.bit_length()}"


def _ec(members: Mapping[str, str]) -> str:
    name = members["crv"]
    if name not in _CURVES:
        raise BadPublicKey("This curve is not taken here. Use P-256, P-384 or Ed25519.")
    curve, size = _CURVES[name]
    x, y = (_coordinate(members[each], size) for each in "xy")
    try:
        ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    except ValueError:
        raise BadPublicKey(f"This is no point on the curve {name}.") from None
    return name


def _okp(members: Mapping[str, str]) -> str:
    name = members["crv"]
    if name != "Ed25519":
        raise BadPublicKey("This curve is not taken here. Use Ed25519, P-256 or P-384.")
    weakness = weak_ed25519(_coordinate(members["x"], _ED25519_BYTES))
    if weakness:
        raise BadPublicKey(weakness)
    return name


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def as_number(value: int) -> str:
    """RFC 7518, 6.3.1: in as few octets as it needs."""
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))


def _decoded(text: str) -> bytes:
    """RFC 7515, 2: no padding, no line breaks, and the last digit without spare bits."""
    if len(text) > _LONGEST_NUMBER:
        raise BadPublicKey("A number of this key is larger than any that is taken here.")
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise BadPublicKey("A number of this key is not base64url.")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise BadPublicKey("A number of this key is not base64url in its one form.")
    return data


def _number(text: str) -> int:
    """RFC 7518, 6.3.1: as few octets as it needs."""
    data = _decoded(text)
    if data[0] == 0:
        raise BadPublicKey("A number of this key begins with zeros.")
    return int.from_bytes(data)


def _coordinate(text: str, size: int) -> bytes:
    data = _decoded(text)
    if len(data) != size:
        raise BadPublicKey(f"A coordinate of this key has {len(data)} bytes, not {size}.")
    return data


def one_kid(typed: str, own: str) -> str:
    if typed and own and typed != own:
        raise BadPublicKey(
            "The kid typed here and the one in the JWK differ. Leave the field empty."
        )
    kid = typed or own
    if kid and not KID.fullmatch(kid):
        raise BadPublicKey(
            "A kid has up to 200 letters, digits and signs, and no space at its ends."
        )
    return kid
