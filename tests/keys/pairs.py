"""Pairs of keys and certificates that tests paste, made once a run."""

import json
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from joserfc import jwk

RSA = jwk.RSAKey.generate_key(2048)
P256, P384 = jwk.ECKey.generate_key("P-256"), jwk.ECKey.generate_key("P-384")
ED = jwk.OKPKey.generate_key("Ed25519")
EACH = [("RS384", RSA), ("ES256", P256), ("ES384", P384), ("EdDSA", ED)]


def public(key: Any, **changes: object) -> dict[str, Any]:
    """The public half as a JWK, with a member changed or, by None, left out."""
    found = key.as_dict(private=False) | changes
    return {name: value for name, value in found.items() if value is not None}


def private(key: Any, **changes: object) -> dict[str, Any]:
    return dict(key.as_dict(private=True) | changes)


def key_set(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def certificate(
    key: Any, *, start: datetime, days: int = 30, signs: bool | None = None
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "billing")])
    made = x509.CertificateBuilder(
        subject_name=name,
        issuer_name=name,
        public_key=key.public_key,
        serial_number=1,
        not_valid_before=start,
        not_valid_after=start + timedelta(days=days),
    )
    if signs is not None:
        uses = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "key_cert_sign"), False
        )
        uses |= dict.fromkeys(("crl_sign", "encipher_only", "decipher_only"), False)
        usage = x509.KeyUsage(digital_signature=signs, key_encipherment=not signs, **uses)
        made = made.add_extension(usage, critical=True)
    return made.sign(key.private_key, None if key is ED else hashes.SHA256())
