"""Which key signs, which keys verify. The private halves are sealed to the token service alone."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from django.db.models import Q
from joserfc.jwk import ECKey

from keys import sealing
from keys.crypto import CannotOpen, Context, PrivateKeyring, SecretText
from keys.issuer.clients import Place
from keys.issuer.refusals import Unavailable
from keys.models import SigningKey

ALGORITHM: Final = "ES256"
ES256: Final = ec.ECDSA(hashes.SHA256())
KEPT: Final = 4096

parse = cache(PrivateKeyring.parse)
_signers: dict[str, "Signer"] = {}


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A private key, ready, with the header that every token of it begins with."""

    header: bytes
    private: ec.EllipticCurvePrivateKey

    @classmethod
    def of(cls, kid: str, private_jwk: SecretText) -> Self:
        key = ECKey.import_key(json.loads(private_jwk.reveal()))
        header = {"alg": ALGORITHM, "kid": kid, "typ": "at+jwt"}  # RFC 9068, 2.1
        private = key.private_key
        if private is None:
            raise CannotOpen("no private key inside")
        return cls(base64url(json.dumps(header, separators=(",", ":")).encode()), private)

    def sign(self, claims: str) -> str:
        """joserfc does the same in twice the time; it reads what is foreign, and this is our own."""
        text = self.header + b"." + base64url(claims.encode())
        r, s = decode_dss_signature(self.private.sign(text, ES256))
        return (text + b"." + base64url(r.to_bytes(32) + s.to_bytes(32))).decode()


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
    """Made when first needed. Of two processes that need it at once, one finds the other's."""
    private = ECKey.generate_key("P-256", private=True)
    kid = private.thumbprint()
    sealed = sealing.seal_signing_key(
        SecretText(json.dumps(private.as_dict(private=True))), _context(place, kid)
    )
    public = {**private.as_dict(private=False), "kid": kid, "alg": ALGORITHM, "use": "sig"}
    row, _ = SigningKey.objects.get_or_create(
        environment_id=place.id,
        serial=1,
        defaults={"kid": kid, "algorithm": ALGORITHM, "public_jwk": public, "sealed": sealed},
    )
    return row


def public_keys(environment_id: int, now: datetime) -> list[dict[str, Any]]:
    """Those that verify now, oldest first."""
    current = Q(verifies_until=None) | Q(verifies_until__gt=now)
    rows = SigningKey.objects.filter(current, environment_id=environment_id).order_by("serial")
    return list(rows.values_list("public_jwk", flat=True))


def _open(row: SigningKey, place: Place) -> Signer:
    ring = parse(settings.LATCHKEY_ISSUER_PRIVATE_KEYS)
    try:
        return Signer.of(row.kid, ring.open(bytes(row.sealed), _context(place, row.kid)))
    except CannotOpen as error:
        raise Unavailable(f"signing key {row.kid} cannot be opened: {error}") from error


def _context(place: Place, kid: str) -> Context:
    return Context(place.organization_id, place.id, "", kid, "signing_key", place.issuer_id)
