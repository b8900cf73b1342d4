"""Public keys that people paste or publish: read strictly, judged, kept as one JWK each. No Django.

No message quotes what was read. What is private is told apart before anything else is looked at.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from keys import key_texts, key_values
from keys.key_texts import PrivatePasted
from keys.key_values import BadPublicKey, Entered

__all__ = [
    "ALGORITHMS",
    "MOST",
    "BadPublicKey",
    "CheckedKey",
    "PrivatePasted",
    "Published",
    "read_key_set",
    "read_public_keys",
]

MOST: Final = 20
# What each algorithm verifies with, by kty or curve; the first of each kind is its default.
_FITTING: Final = MappingProxyType(
    {
        "RSA": ("RS384", "RS256", "RS512", "PS256", "PS384", "PS512"),
        "P-256": ("ES256",),
        "P-384": ("ES384",),
        "Ed25519": ("EdDSA",),
    }
)
ALGORITHMS: Final = tuple(name for names in _FITTING.values() for name in names)


@dataclass(frozen=True, slots=True)
class CheckedKey:
    """A public key that may prove: its one algorithm, its JWK with the public members alone."""

    kid: str
    algorithm: str
    jwk: str
    kind: str
    thumbprint: str
    expires_at: datetime | None


def read_public_keys(
    text: str, *, now: datetime, algorithm: str = "", kid: str = ""
) -> tuple[CheckedKey, ...]:
    """A PEM, a certificate, a JWK or a key set. `algorithm` and `kid` are what was typed beside it."""
    entered = key_texts.entered_in(text, now)
    if len(entered) > MOST:
        raise BadPublicKey(f"A key set has {MOST} keys at most here; this one has {len(entered)}.")
    if kid and len(entered) > 1:
        raise BadPublicKey("This set has several keys. Leave the kid empty: each keeps its own.")
    if len(entered) == 1:
        return (_checked(entered[0], algorithm, kid),)
    found = tuple(
        _nth(number, len(entered), each, algorithm) for number, each in enumerate(entered, 1)
    )
    _refuse_twins(found)
    return found


@dataclass(frozen=True, slots=True)
class Published:
    """What a key set is good for: the keys that may prove, and why others of it may not."""

    keys: tuple[CheckedKey, ...]
    left_out: tuple[str, ...]


def read_key_set(text: str, *, now: datetime, algorithm: str = "") -> Published:
    """A set that somebody publishes. It may hold keys for other purposes, which are left out with their reason;
    `algorithm` is for those that name none and that it fits."""
    found = key_texts.set_in(text)
    if len(found) > MOST:
        raise BadPublicKey(f"A key set has {MOST} keys at most here; this one has {len(found)}.")
    keys: list[CheckedKey] = []
    left_out: list[str] = []
    for number, each in enumerate(found, 1):
        try:
            keys.append(_published(key_texts.from_jwk(each, now), algorithm))
        except BadPublicKey as refusal:
            left_out.append(f"Key {number} of {len(found)}: {refusal}")
    _refuse_twins(tuple(keys))
    return Published(tuple(keys), tuple(left_out))


def _published(entered: Entered, algorithm: str) -> CheckedKey:
    kind, _ = key_values.kind_of(entered.members)
    fits = not entered.algorithm and algorithm in _FITTING[kind]
    return _checked(entered, algorithm if fits else "", "")


def _nth(number: int, count: int, entered: Entered, algorithm: str) -> CheckedKey:
    try:
        return _checked(entered, algorithm, "")
    except BadPublicKey as refusal:
        raise BadPublicKey(f"Key {number} of {count}: {refusal}") from None


def _refuse_twins(found: tuple[CheckedKey, ...]) -> None:
    if len({each.kid for each in found}) < len(found):
        raise BadPublicKey("Two keys of this set have the same kid.")
    if len({each.thumbprint for each in found}) < len(found):
        raise BadPublicKey("One key stands in this set twice. A key is for one algorithm alone.")


def _checked(entered: Entered, algorithm: str, kid: str) -> CheckedKey:
    kind, spoken = key_values.kind_of(entered.members)
    canonical = json.dumps(dict(entered.members), sort_keys=True, separators=(",", ":"))
    thumbprint = key_values.base64url(hashlib.sha256(canonical.encode()).digest())
    return CheckedKey(
        kid=key_values.one_kid(kid, entered.kid) or thumbprint,
        algorithm=_one_algorithm(algorithm, entered.algorithm, kind),
        jwk=canonical,
        kind=spoken,
        thumbprint=thumbprint,
        expires_at=entered.expires_at,
    )


def _one_algorithm(chosen: str, own: str, kind: str) -> str:
    """RFC 8725, 3.1: a key is used with exactly one."""
    fitting = _FITTING[kind]
    if own and own not in fitting:
        raise BadPublicKey(f"This {kind} key names another alg than {_or(fitting)}.")
    if chosen and own and chosen != own:
        raise BadPublicKey("The algorithm chosen here and the alg of the JWK differ.")
    if chosen and chosen not in fitting:
        raise BadPublicKey(f"This is a key of the kind {kind}: it goes with {_or(fitting)}.")
    return own or chosen or fitting[0]


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
