"""The private key of an imported credential: read strictly once, kept as one JWK, signed with by workers. No Django.

No message quotes what was read.
"""

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from keys.crypto import SecretText

LONGEST: Final = 16_384  # characters; an RSA key of 8192 bits as a PEM has 6,400
RSA_BITS: Final = (2048, 8192)
LIFE: Final = 240  # seconds; providers allow five minutes, and their clock may be behind ours
KID: Final = re.compile(r"[\x20-\x7e]{1,200}")
HINT: Final = 8  # characters of the public half's thumbprint: 48 bits, so two keys are told apart

# What each algorithm signs with: kty, curve.
_KINDS: Final = MappingProxyType(
    {
        "RS256": ("RSA", ""),
        "RS384": ("RSA", ""),
        "PS256": ("RSA", ""),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "EdDSA": ("OKP", "Ed25519"),
    }
)
_MEMBERS: Final = MappingProxyType(
    {
        "RSA": ("n", "e", "d", "p", "q", "dp", "dq", "qi"),
        "EC": ("crv", "x", "y", "d"),
        "OKP": ("crv", "x", "d"),
    }
)
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----")
_NOT_A_KEY: Final = (
    "This is neither a JWK nor a PEM. Paste the whole text, with its first and last line."
)
_PUBLIC: Final = "This is a public key. The private half is needed: it signs what proves the key."
_ONE: Final = "Paste one key: the one that signs."


class BadPrivateKey(Exception):
    """What was entered is not the private key that is needed; the text says why, for people."""


@dataclass(frozen=True, slots=True, repr=False)
class PrivateKey:
    """A private key that fits its algorithm and has signed once: as one JWK, and what may be shown of it."""

    text: SecretText
    kid: str
    hint: str


def read_private_key(entered: SecretText, algorithm: str, kid: str = "") -> PrivateKey:
    """A JWK, a key set with one key, or a PEM without a passphrase."""
    text = entered.reveal().strip()
    if len(text) > LONGEST:
        raise BadPrivateKey("This is longer than any private key.")
    own_kid, members = (
        _from_json(text, algorithm) if text.startswith(("{", "[")) else ("", _from_pem(text))
    )
    kind, curve = _KINDS[algorithm]
    if members.get("kty") != kind or members.get("crv", "") != curve:
        raise BadPrivateKey(
            f"{algorithm} signs with a key of the kind {curve or kind}, and this is another."
        )
    chosen = {name: members[name] for name in ("kty", *_MEMBERS[kind]) if name in members}
    _check_size(chosen)
    kid = _one_kid(kid, own_kid)
    canonical = SecretText(json.dumps(chosen, sort_keys=True))
    return PrivateKey(canonical, kid, _proven(canonical, algorithm, chosen))


def sign_assertion(
    private: SecretText, algorithm: str, kid: str, *, client_id: str, audience: str, now: int
) -> SecretText:
    """RFC 7523: who we are, to whom we say it, once, for a few minutes."""
    header = {"alg": algorithm, "kid": kid} if kid else {"alg": algorithm}
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(24),
        "iat": now,
        "exp": now + LIFE,
    }
    return SecretText(jwt.encode(header, claims, _key_of(private), registry=_Listed()))


def parts_of(private: SecretText) -> list[str]:
    """The members that must not be shown, as they stand in the JWK."""
    members = json.loads(private.reveal())
    shown = {"kty", "crv", "n", "e", "x", "y"}
    return [value for name, value in members.items() if name not in shown]


class _Listed(jws.JWSRegistry):
    """The algorithms of our own list alone; joserfc's is not asked, and does not warn of EdDSA's old name."""

    def get_alg(self, name: str) -> Any:
        if name not in _KINDS:
            raise BadPrivateKey("This algorithm is not one of ours.")
        return self.algorithms[name]


def _from_json(text: str, algorithm: str) -> tuple[str, Mapping[str, Any]]:
    found = _one_object(text)
    if found.get("kty") == "oct":
        raise BadPrivateKey(
            "This is a shared secret, not a private key. Choose a method with a secret."
        )
    _check_purpose(found, algorithm)
    if "d" not in found and found.get("kty") in _MEMBERS:
        raise BadPrivateKey(_PUBLIC)
    kid = found.get("kid", "")
    if not isinstance(kid, str):
        raise BadPrivateKey("The kid of this JWK is not a text.")
    return kid, _texts(found)


def _one_object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadPrivateKey("This begins like JSON, but is none.") from None
    if isinstance(found, dict) and isinstance(found.get("keys"), list):
        found = found["keys"][0] if len(found["keys"]) == 1 else None
    if not isinstance(found, dict):
        raise BadPrivateKey(_ONE)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _check_purpose(found: Mapping[str, Any], algorithm: str) -> None:
    if found.get("use", "sig") != "sig":
        raise BadPrivateKey("This key says that it is not for signatures (use).")
    acts = found.get("key_ops", ["sign"])
    if not isinstance(acts, list) or "sign" not in acts:
        raise BadPrivateKey("This key says that it does not sign (key_ops).")
    if found.get("alg", algorithm) != algorithm:
        raise BadPrivateKey(
            f"This key says that it is for another algorithm than {algorithm} (alg)."
        )


def _texts(found: Mapping[str, Any]) -> Mapping[str, str]:
    """The members of a key; a foreign one plays no part, and of ours each is a text."""
    known = {name for names in _MEMBERS.values() for name in names} | {"kty"}
    members = {name: value for name, value in found.items() if name in known}
    if not all(isinstance(value, str) and value.isascii() for value in members.values()):
        raise BadPrivateKey("A member of this JWK is not a text.")
    return members


def _from_pem(text: str) -> Mapping[str, Any]:
    block = _private_block(text).encode()
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        with suppress(JoseError, ValueError, TypeError, UnsupportedAlgorithm):
            return dict(kind.import_key(block).as_dict(private=True))
    raise BadPrivateKey(_NOT_A_KEY)


def _private_block(text: str) -> str:
    """What stands around it (EC parameters, a certificate) may be public; only this block is read."""
    kinds = _BLOCK.findall(text)
    private = [kind for kind in kinds if "PRIVATE KEY" in kind]
    if not private:
        raise BadPrivateKey(_PUBLIC if kinds else _NOT_A_KEY)
    if len(private) > 1:
        raise BadPrivateKey(_ONE)
    if "ENCRYPTED" in private[0] or "Proc-Type: 4,ENCRYPTED" in text:
        raise BadPrivateKey("This key has a passphrase. Paste it without one: it is sealed here.")
    lines = rf"-----BEGIN {private[0]}-----.*?-----END {private[0]}-----"
    block = re.search(lines, text, re.DOTALL)
    if block is None or "OPENSSH" in private[0]:
        raise BadPrivateKey(_NOT_A_KEY)
    return block[0]


def _check_size(members: Mapping[str, str]) -> None:
    """Before any arithmetic: huge numbers take long."""
    least, most = RSA_BITS
    if any(len(value) > most // 6 + 4 for value in members.values()):
        raise BadPrivateKey("This key is larger than any that providers take.")
    if members["kty"] == "RSA" and len(members.get("n", "")) * 6 < least - 6:
        raise BadPrivateKey(f"This RSA key is too short: providers want {least} bits or more.")


def _one_kid(typed: str, own: str) -> str:
    if typed and own and typed != own:
        raise BadPrivateKey(
            "The kid typed here and the one in the JWK differ. Leave one of them out."
        )
    kid = typed or own
    if kid and not KID.fullmatch(kid):
        raise BadPrivateKey(
            "The kid has signs other than letters, digits and punctuation, or is too long."
        )
    return kid


def _proven(private: SecretText, algorithm: str, members: Mapping[str, str]) -> str:
    """It signs, and its own public half agrees; the hint of that half."""
    hidden = set(parts_of(private))
    public: dict[str, str | list[str]] = {
        name: value for name, value in members.items() if value not in hidden
    }
    try:
        key = _key_of(private)
        _check_bits(key)
        signed = jws.serialize_compact({"alg": algorithm}, b"{}", key, registry=_Listed())
        half = jwk.import_key(public)
        jws.deserialize_compact(signed, half, registry=_Listed())
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        raise BadPrivateKey("The parts of this key do not belong together.") from None
    return half.thumbprint()[:HINT]


def _check_bits(key: jwk.Key) -> None:
    if not isinstance(key, jwk.RSAKey):
        return
    least, most = RSA_BITS
    if not least <= key.raw_value.key_size <= most:
        size = key.raw_value.key_size
        raise BadPrivateKey(f"An RSA key has {least} to {most} bits here; this one has {size}.")


def _key_of(private: SecretText) -> jwk.Key:
    return jwk.import_key(json.loads(private.reveal()))
