"""Which key signs, which keys verify. The private halves are sealed to the token service alone."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from django.db.models import Q
from joserfc.jwk import import_key

from environments.models import Environment
from keys import sealing
from keys.crypto import CannotOpen, PrivateKeyring, SecretText
from keys.issuer.clients import Place
from keys.issuer.refusals import Unavailable
from keys.issuer.turns import TURN
from keys.models import SigningKey
from keys.signing_pairs import context_of, new_pair

ES256: Final = ec.ECDSA(hashes.SHA256())
KEPT: Final = 4096

parse = cache(PrivateKeyring.parse)
_signers: dict[str, "Signer"] = {}


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A private key, ready, with the header that every token of it begins with."""

    header: bytes
    raw: Callable[[bytes], bytes]
    """Message → signature, as RFC 7515 joins it."""

    @classmethod
    def of(cls, row: SigningKey, private_jwk: SecretText) -> Self:
        header = {"alg": row.algorithm, "kid": row.kid, "typ": "at+jwt"}  # RFC 9068, 2.1
        private = getattr(import_key(json.loads(private_jwk.reveal())), "private_key", None)
        return cls(
            base64url(json.dumps(header, separators=(",", ":")).encode()), _signing_with(private)
        )

    def sign(self, claims: str) -> str:
        """joserfc does the same in twice the time; it reads what is foreign, and this is our own."""
        text = self.header + b"." + base64url(claims.encode())
        return (text + b"." + base64url(self.raw(text))).decode()


def _signing_with(private: object) -> Callable[[bytes], bytes]:
    match private:
        case ec.EllipticCurvePrivateKey():
            return partial(_es256, private)
        case rsa.RSAPrivateKey():
            return partial(private.sign, padding=padding.PKCS1v15(), algorithm=hashes.SHA256())
        case ed25519.Ed25519PrivateKey():
            return private.sign
        case _:
            raise CannotOpen("no private key of a known kind inside")


def _es256(private: ec.EllipticCurvePrivateKey, text: bytes) -> bytes:
    r, s = decode_dss_signature(private.sign(text, ES256))
    return r.to_bytes(32) + s.to_bytes(32)


def base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signer_of(place: Place) -> Signer:
    """Kept per key id, which the query names anew for each token: a new key signs at once."""
    signer = _signers.get(place.kid) if place.kid is not None else None
    if signer is None:
        row = first_key(place) if place.kid is None else SigningKey.objects.get(kid=place.kid)
        signer = _open(row, place)
        if len(_signers) >= KEPT:
            _signers.clear()
        _signers[row.kid] = signer
    return signer


def first_key(place: Place) -> SigningKey:
    """Made when first needed; workers make the later ones. Of two processes that need it at once, one finds the other's."""
    algorithm = Environment.objects.values_list("signing_algorithm", flat=True).get(pk=place.id)
    kid, private, public = new_pair(algorithm)
    sealed = sealing.seal_signing_key(
        private, context_of(place.organization_id, place.id, place.issuer_id, kid)
    )
    with TURN.left():
        row, _ = SigningKey.objects.get_or_create(
            environment_id=place.id,
            serial=1,
            defaults={"kid": kid, "algorithm": algorithm, "public_jwk": public, "sealed": sealed},
        )
    return row


def public_keys(environment_id: int, now: datetime) -> list[dict[str, Any]]:
    """Those that verify now, oldest first."""
    current = Q(verifies_until=None) | Q(verifies_until__gt=now)
    rows = SigningKey.objects.filter(current, environment_id=environment_id).order_by("serial")
    return list(rows.values_list("public_jwk", flat=True))


def _open(row: SigningKey, place: Place) -> Signer:
    ring = parse(settings.LATCHKEY_ISSUER_PRIVATE_KEYS)
    context = context_of(place.organization_id, place.id, place.issuer_id, row.kid)
    try:
        return Signer.of(row, ring.open(bytes(row.sealed), context))
    except CannotOpen as error:
        raise Unavailable(f"signing key {row.kid} cannot be opened: {error}") from error
