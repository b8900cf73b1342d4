"""What a provider says about who has signed in (OpenID Connect Core, 3.1.3.7), read strictly. No network, no database.

A token is believed for its signature alone, with a public key of the provider, though it came over TLS.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

LONGEST: Final = 16_384
LEEWAY: Final = 60  # seconds that two clocks may differ
OLDEST: Final = 600  # seconds since it was made
SUBJECT_LENGTH: Final = 255
FAR: Final = 10**12  # NaN, which Python reads in JSON, is neither before nor after anything
ALGORITHMS: Final = tuple(
    f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)
)


class BadIdToken(Exception):
    """Not who it says, or not for us, or not now; the text names which, for the log and for owners."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What this very sign-in asked for."""

    issuer: str
    client_id: str
    nonce: str
    fresh: bool = False
    """Whether the person was to prove themselves anew (`max_age=0`)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who has signed in there. Only issuer and subject decide anything."""

    issuer: str
    subject: str
    shown: str
    name: str


def read_id_token(text: str, keys: str, expected: Expected, *, now: float) -> Claimed:
    claims = _signed_claims(text, keys)
    _check_party(claims, expected)
    _check_times(claims, expected, now)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH:
        raise BadIdToken("sub is missing or too long")
    if not subject.isascii() or not subject.isprintable():
        raise BadIdToken("sub is not plain text")
    name = _said(claims, "name")
    shown = _said(claims, "email") or _said(claims, "preferred_username") or name
    return Claimed(expected.issuer, subject, shown, name)


def _signed_claims(text: str, keys: str) -> Mapping[str, Any]:
    """Public keys alone: a token "signed" with nothing, or with our own secret, is signed by anybody."""
    if len(text) > LONGEST:
        raise BadIdToken("longer than any")
    try:
        known = KeySet.import_key_set(json.loads(keys))
        claims = jwt.decode(text, known, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadIdToken(f"its signature does not hold ({type(error).__name__})") from error
    if not isinstance(claims, dict):
        raise BadIdToken("it holds no claims")
    return claims


def _check_party(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise BadIdToken("iss is another issuer")
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if expected.client_id not in audiences:
        raise BadIdToken("aud is another client")
    by = claims.get("azp")
    if by not in ([None, expected.client_id] if len(audiences) == 1 else [expected.client_id]):
        raise BadIdToken("azp is another client")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(errors="replace"), expected.nonce.encode()
    ):
        raise BadIdToken("nonce belongs to another sign-in")


def _check_times(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    made, ends = _time(claims, "iat"), _time(claims, "exp")
    if not now - OLDEST <= made <= now + LEEWAY:
        raise BadIdToken("iat is not now")
    if ends <= now - LEEWAY:
        raise BadIdToken("it has ended")
    if "nbf" in claims and _time(claims, "nbf") > now + LEEWAY:
        raise BadIdToken("nbf is ahead")
    if expected.fresh and not now - OLDEST <= _time(claims, "auth_time") <= now + LEEWAY:
        raise BadIdToken("auth_time is not now: the provider has not asked the person anew")


def _time(claims: Mapping[str, Any], name: str) -> float:
    at = claims.get(name)
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < FAR:
        raise BadIdToken(f"{name} is missing or no time")
    return at


def _said(claims: Mapping[str, Any], name: str) -> str:
    """For people to read, without what turns or hides text."""
    said = claims.get(name)
    return (
        "".join(sign for sign in said if sign.isprintable())[:80] if isinstance(said, str) else ""
    )
