"""Signed assertions of clients (RFC 7523), read more strictly than they need be. No Django.

Reading tells whom to ask about; nothing is believed before the signature. Signatures are joserfc's."""

import base64
import binascii
import json
import math
import secrets
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NoReturn, Self

from joserfc import jwk
from joserfc.jws import JWSRegistry

LONGEST: Final = 8_192
LONGEST_TEXT: Final = 1_024
LONGEST_SIGNATURE: Final = 1_024  # bytes: RSA of 8192 bits
LEAST_RSA: Final = 2048
LEEWAY: Final = 10  # seconds that two clocks may differ
LONGEST_LIFE: Final = 3_600
FRESH: Final = 300  # seconds that an assertion without exp is good for (the Redox door)
LATEST: Final = 2**53
TYPES: Final = ("JWT", "client-authentication+jwt")
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384"),
    "EdDSA",
)
NAMES: Final = MappingProxyType(
    {name: name for name in ALGORITHMS} | {"Ed25519": "EdDSA"}
)  # RFC 9864
# Each would let the sender choose the key, or change what is signed.
REFUSED_MEMBERS: Final = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip")

type Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey


class BadAssertion(Exception):
    """The text may be told to its sender: with the cause, and what to do."""


class Claimed(NamedTuple):
    """What an assertion says before anyone has checked it: only whom to ask about."""

    client_id: str
    kid: str
    algorithm: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        if len(text) > LONGEST:
            raise BadAssertion(f"client_assertion is longer than {LONGEST} characters.")
        parts = text.split(".")
        if len(parts) != 3 or not all(parts):
            raise BadAssertion(
                "client_assertion is not a signed JWT: three parts with dots between them."
            )
        header, claims = _object(parts[0], "header"), _object(parts[1], "body")
        algorithm, kid = _read_header(header)
        signature = _decoded(parts[2], "signature")
        if len(signature) > LONGEST_SIGNATURE:
            raise BadAssertion("The signature of client_assertion is longer than any.")
        signed = f"{parts[0]}.{parts[1]}".encode()
        return cls(_read_subject(claims), kid, algorithm, claims, signed, signature)

    def is_signed_by(self, public_jwk: str | None, algorithm: str) -> bool:
        """With the one algorithm that the key is for. As much work where there is no such key."""
        key = _key(public_jwk) if public_jwk and algorithm == self.algorithm else None
        bits = len(self.signature) * 8
        # RSA of another length would say no at once, and so tell its size.
        known = key is not None and not (isinstance(key, jwk.RSAKey) and _bits(key) != bits)
        key = key if known else _decoy(self.algorithm, bits)
        verifies = JWSRegistry.algorithms[self.algorithm].verify(self.signed, self.signature, key)
        return known and verifies


class Rules(NamedTuple):
    """What a door asks of an assertion."""

    audiences: Sequence[str]
    strict: bool = True
    """False at the Redox door: exp, jti and aud may be left out, and iat must be there instead."""


class Verified(NamedTuple):
    """The same assertion once its age and addressee have been checked, behind its signature."""

    jti: str
    """Empty where the door asks for none and none was sent."""
    kept_until: int
    """How long its jti must be remembered, in seconds since 1970: as long as it could be accepted, and twice the leeway."""
    scope: str | None

    @classmethod
    def check(cls, claimed: Claimed, rules: Rules, *, now: int) -> Self:
        claims = claimed.claims
        _check_audience(claims, rules)
        until = _check_times(claims, rules, now)
        jti = _text(claims, "jti") if "jti" in claims or rules.strict else ""
        scope = claims.get("scope")
        if scope is not None and not isinstance(scope, str):
            raise BadAssertion("scope in the assertion is not a text.")
        return cls(jti, math.ceil(until) + 2 * LEEWAY, scope)


def _read_header(header: Mapping[str, Any]) -> tuple[str, str]:
    for name in REFUSED_MEMBERS:
        if name in header:
            raise BadAssertion(f"The header of client_assertion holds {name}. Leave it out.")
    algorithm = NAMES.get(_text(header, "alg"))
    if algorithm is None:
        raise BadAssertion(f"alg is none that is accepted here: {', '.join(ALGORITHMS)}.")
    if "kid" not in header:
        raise BadAssertion(
            "There is no kid in the header of client_assertion. It stands on the key's page, beside its public key."
        )
    if header.get("typ", "JWT") not in TYPES:
        raise BadAssertion(f"typ is none of {' or '.join(TYPES)}. Leave it out.")
    return algorithm, _text(header, "kid")


def _read_subject(claims: Mapping[str, Any]) -> str:
    client_id = _text(claims, "sub")
    if _text(claims, "iss") != client_id:
        raise BadAssertion("iss and sub differ: both are the client ID.")
    return client_id


def _check_audience(claims: Mapping[str, Any], rules: Rules) -> None:
    """One addressee, or a server that it also names could use it here (RFC 10070)."""
    if "aud" not in claims and not rules.strict:
        return
    named = claims.get("aud")
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    if named not in rules.audiences:
        raise BadAssertion(f"aud is not the one that is expected here: {rules.audiences[0]}.")


def _check_times(claims: Mapping[str, Any], rules: Rules, now: int) -> float:
    """Until when it can be accepted, leeway left out."""
    issued, ends = _time(claims, "iat"), _time(claims, "exp")
    for name, at in (("iat", issued), ("nbf", _time(claims, "nbf"))):
        if at is not None and at > now + LEEWAY:
            raise BadAssertion(f"{name} is {_seconds(at - now)} ahead of the clock here. {_CLOCK}")
    if ends is not None and ends <= now - LEEWAY:
        raise BadAssertion(f"The assertion ended {_seconds(now - ends)} ago. {_CLOCK}")
    return _strict_end(issued, ends, now) if rules.strict else _fresh_end(issued, ends, now)


def _strict_end(issued: float | None, ends: float | None, now: int) -> float:
    if ends is None:
        raise BadAssertion("There is no exp in the assertion. Five minutes ahead is a good choice.")
    from_when = now if issued is None else min(issued, now)
    if ends - from_when > LONGEST_LIFE + LEEWAY:
        raise BadAssertion("exp is too far ahead: an assertion lives an hour at most.")
    return ends


def _fresh_end(issued: float | None, ends: float | None, now: int) -> float:
    if issued is None:
        raise BadAssertion("There is no iat in the assertion: the moment at which it was made.")
    if issued < now - FRESH - LEEWAY:
        ago = _seconds(now - issued)
        raise BadAssertion(f"iat is {ago} ago, and {FRESH} are accepted. {_CLOCK}")
    return issued + FRESH if ends is None else min(issued + FRESH, ends)


_CLOCK: Final = "Make it anew for each request, and check the clock of the machine that signs."


def _seconds(span: float) -> str:
    return f"{math.ceil(span)} seconds"


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    at = claims[name]
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < LATEST:
        raise BadAssertion(f"{name} is not a number of seconds since 1970.")
    return at


def _text(members: Mapping[str, Any], name: str) -> str:
    given = members.get(name)
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_TEXT or not given.isprintable():
        raise BadAssertion(f"{name} in client_assertion is missing or not a text.")
    return given


def _object(part: str, name: str) -> Mapping[str, Any]:
    try:
        found = _STRICT.decode(_decoded(part, name).decode())
    except (ValueError, RecursionError):
        raise BadAssertion(f"The {name} of client_assertion is not strict JSON.") from None
    if not isinstance(found, dict):
        raise BadAssertion(f"The {name} of client_assertion is not a JSON object.")
    return found


def _decoded(part: str, name: str) -> bytes:
    try:
        return _unpacked(part)
    except ValueError:
        raise BadAssertion(
            f"The {name} of client_assertion is not base64url without padding."
        ) from None


def _unpacked(part: str) -> bytes:
    """Only the one spelling that an encoder makes: a second one would be a second assertion."""
    text = part.encode("ascii").translate(_ALPHABET)
    raw = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    if binascii.b2a_base64(raw).rstrip(b"=\n") != text:
        raise ValueError
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _no_number(_: str) -> NoReturn:
    raise ValueError


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_number
)
# From base64url to base64, whose own two signs and padding are none here. The codec alone: `base64` takes
# three times as long around it.
_ALPHABET: Final = bytes.maketrans(b"-_+/=", b"+/???")


# Looked up by the text that the query has just read: it keeps no key alive that was revoked.
@lru_cache(maxsize=1024)
def _key(public_jwk: str) -> Any:
    return jwk.import_key(json.loads(public_jwk))


def _bits(key: jwk.RSAKey) -> int:
    """Of whole bytes, as a signature has them."""
    return -(-key.raw_value.key_size // 8) * 8


def _decoy(algorithm: str, bits: int) -> Any:
    """Nobody's key of the right kind; for RSA, of the size that the signature claims."""
    if algorithm.startswith(("RS", "PS")):
        return _rsa_decoy(max(bits, LEAST_RSA))
    return _curve_decoy(algorithm)


@lru_cache(maxsize=len(ALGORITHMS))
def _curve_decoy(algorithm: str) -> Any:
    if algorithm == "EdDSA":
        return jwk.OKPKey.generate_key("Ed25519", private=False)
    return jwk.ECKey.generate_key("P-256" if algorithm == "ES256" else "P-384", private=False)


@lru_cache(maxsize=LONGEST_SIGNATURE)
def _rsa_decoy(bits: int) -> jwk.RSAKey:
    """Any odd number of that length: nothing is ever signed for it, and there are no primes to look for."""
    number = secrets.randbits(bits) | 1 << (bits - 1) | 1
    text = base64.urlsafe_b64encode(number.to_bytes(bits // 8)).rstrip(b"=").decode()
    return jwk.RSAKey.import_key({"kty": "RSA", "n": text, "e": "AQAB"})
