"""From a pasted text to the public keys in it: PEM, certificate, JWK, key set. No Django.

Whatever is private is recognised first, in readable text and in broken text alike, so that nobody stores or logs it.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from keys.key_values import MEMBERS, BadPublicKey, Entered, as_number, base64url

LONGEST: Final = 16_384  # characters of one key, its certificates included
LONGEST_SET: Final = 20 * LONGEST
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PRIVATE_LOOK: Final = re.compile(r'["\'](?:d|p|q|dp|dq|qi|oth|k)["\']\s*:')
_PRIVATE_BLOCK: Final = re.compile(r"PRIVATE[\s-]+(?:KEY|LINES)", re.IGNORECASE)
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_READ_BLOCKS: Final = ("PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE")
_CURVES: Final = MappingProxyType({"secp256r1": "P-256", "secp384r1": "P-384"})
_NOT_A_KEY: Final = (
    "This is neither a PEM nor a JWK. Paste the whole text, with its first and last line."
)
_UNREADABLE: Final = "This PEM cannot be read. RSA, P-256, P-384 and Ed25519 are taken."


class PrivatePasted(BadPublicKey):
    """A private or shared key stood in the text: it is burnt."""

    def __init__(self) -> None:
        super().__init__(
            "This is a private key. It was not stored. Treat it as exposed and make a new pair."
        )


def entered_in(text: str, now: datetime) -> list[Entered]:
    """Every key of the text, with the members of its kind alone."""
    text = text.strip()
    if len(text) > LONGEST_SET:
        raise BadPublicKey("This is longer than any key set that is taken here.")
    if _PRIVATE_BLOCK.search(text) or _is_bare_private(text):
        raise PrivatePasted
    if text.startswith(("{", "[")):
        return _from_json(text, now)
    if len(text) > LONGEST:
        raise BadPublicKey("This is longer than any public key.")
    return [_from_pem(text, now)]


def _is_bare_private(text: str) -> bool:
    """The base64 of a PEM without its first and last line."""
    if not text.startswith("M") or len(text) > LONGEST:
        return False
    try:
        data = b64decode("".join(text.split()), validate=True)
        serialization.load_der_private_key(data, password=None)
    except TypeError:
        return True  # a passphrase is on it: private all the same
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return False
    return True


def set_in(text: str) -> list[Any]:
    """The members of a key set (RFC 7517, 5) and nothing else, each still to be read; private ones are refused."""
    if _PRIVATE_BLOCK.search(text):
        raise PrivatePasted
    found = _public_json(text)
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise BadPublicKey("This is no key set: a JSON object with a list named keys.")
    return keys


def _public_json(text: str) -> Any:
    found = _parsed(text)
    if any(_PRIVATE_MEMBERS & each.keys() for each in _objects(found)):
        raise PrivatePasted
    return found


def _from_json(text: str, now: datetime) -> list[Entered]:
    found = _public_json(text)
    keys = found.get("keys", found) if isinstance(found, dict) else found
    if isinstance(keys, dict):
        keys = [keys]
    if not isinstance(keys, list) or not keys:
        raise BadPublicKey("This key set holds no key.")
    if len(keys) == 1:
        return [from_jwk(keys[0], now)]
    return [_numbered(number, len(keys), each, now) for number, each in enumerate(keys, 1)]


def _numbered(number: int, count: int, found: object, now: datetime) -> Entered:
    try:
        return from_jwk(found, now)
    except BadPublicKey as refusal:
        raise BadPublicKey(f"Key {number} of {count}: {refusal}") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        # Broken, or with a member twice: what it holds is judged by its looks.
        if _PRIVATE_LOOK.search(text):
            raise PrivatePasted from None
        raise BadPublicKey("This begins like JSON, but is none, or names a member twice.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    """Every object in it, however deep; without recursion, since the depth is the sender's choice."""
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def from_jwk(found: object, now: datetime) -> Entered:
    if not isinstance(found, dict):
        raise BadPublicKey("This is no JWK.")
    if len(json.dumps(found)) > LONGEST:
        raise BadPublicKey("This is longer than any public key.")
    _check_purpose(found)
    members = _members(found)
    return Entered(members, _text(found, "kid"), _text(found, "alg"), _end_of(found, members, now))


def _check_purpose(found: Mapping[str, Any]) -> None:
    """RFC 7517, 4.1 to 4.3."""
    if found.get("kty") == "oct":
        raise BadPublicKey(
            "This is a shared secret (oct), not a public key. Choose the method Secret."
        )
    if not isinstance(found.get("kty"), str) or found["kty"] not in MEMBERS:
        raise BadPublicKey("The kty of this JWK is not one of RSA, EC, OKP.")
    if found.get("use", "sig") != "sig":
        raise BadPublicKey("This key says that it is not for signatures (use).")
    acts = found.get("key_ops", ["verify"])
    if not isinstance(acts, list) or acts != ["verify"]:
        raise BadPublicKey("This key says that it is for other acts than to verify (key_ops).")


def _members(found: Mapping[str, Any]) -> Mapping[str, str]:
    names = ("kty", *MEMBERS[found["kty"]])
    if not all(isinstance(found.get(name), str) for name in names):
        raise BadPublicKey(f"This JWK lacks one of {', '.join(names)}, or it is not a text.")
    return {name: found[name] for name in names}


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise BadPublicKey(f"The {name} of this JWK is not a text.")
    return value


def _end_of(found: Mapping[str, Any], members: Mapping[str, str], now: datetime) -> datetime | None:
    """RFC 7517, 4.7: the first certificate is the one of this key."""
    chain = found.get("x5c")
    if chain is None:
        return None
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        raise BadPublicKey("The x5c of this JWK is no list of certificates.")
    try:
        certificate = x509.load_der_x509_certificate(b64decode(chain[0], validate=True))
        held = _members_of(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise BadPublicKey("The certificate of this JWK (x5c) cannot be read.") from None
    if held != members:
        raise BadPublicKey("The certificate of this JWK (x5c) is for another key.")
    return _judged(certificate, now)


def _from_pem(text: str, now: datetime) -> Entered:
    kinds = _BLOCK.findall(text)
    if not kinds:
        raise BadPublicKey(_NOT_A_KEY)
    if len(kinds) > 1:
        raise BadPublicKey(
            "Paste one key, or one certificate without its chain. For several keys paste a key set."
        )
    if kinds[0] not in _READ_BLOCKS:
        raise BadPublicKey("This PEM is neither a public key nor a certificate.")
    return _from_block(text, kinds[0], now)


def _from_block(text: str, kind: str, now: datetime) -> Entered:
    start = text.index(f"-----BEGIN {kind}-----")
    try:
        block = text[start:].encode()
        if kind == "CERTIFICATE":
            certificate = x509.load_pem_x509_certificate(block)
            members = _members_of(certificate.public_key())
        else:
            certificate, members = None, _members_of(serialization.load_pem_public_key(block))
    except (ValueError, UnsupportedAlgorithm):
        raise BadPublicKey(_UNREADABLE) from None
    return Entered(members, expires_at=_judged(certificate, now) if certificate else None)


def _members_of(key: object) -> Mapping[str, str]:
    """As a JWK has them (RFC 7518, 6; RFC 8037, 2)."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "e": as_number(numbers.e), "n": as_number(numbers.n)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point, size = key.public_numbers(), (key.curve.key_size + 7) // 8
        x, y = (base64url(each.to_bytes(size)) for each in (point.x, point.y))
        return {"kty": "EC", "crv": _CURVES.get(key.curve.name, key.curve.name), "x": x, "y": y}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_bytes_raw())}
    raise UnsupportedAlgorithm("another kind of key")


def _judged(certificate: x509.Certificate, now: datetime) -> datetime:
    """When it ends; what it says of its use counts like a JWK's (RFC 5280, 4.2.1.3)."""
    if certificate.not_valid_after_utc <= now:
        raise BadPublicKey("This certificate has expired.")
    if certificate.not_valid_before_utc > now:
        raise BadPublicKey("This certificate is not valid yet.")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return certificate.not_valid_after_utc
    except ValueError:
        raise BadPublicKey("The extensions of this certificate cannot be read.") from None
    if not usage.digital_signature:
        raise BadPublicKey("This certificate says that it is not for signatures (key usage).")
    return certificate.not_valid_after_utc
