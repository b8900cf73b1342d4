"""An authenticator in software: makes a passkey and signs with it, as a browser would send it (WebAuthn, 6)."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.utils.http import int_to_base36
from fido2 import cbor

HOST, ORIGIN = "testserver", "http://testserver"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Passkey:
    ident: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def register(self, challenge: str) -> str:
        numbers = self.private.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        cose = cbor.encode({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        known = bytes(16) + len(self.ident).to_bytes(2) + self.ident + cose
        data = self._data(PRESENT | VERIFIED | ATTESTED) + known
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", challenge)
        answer = {"clientDataJSON": text(client), "attestationObject": text(made)}
        return self._sent(answer, clientExtensionResults={"credProps": {"rk": True}})

    def sign(self, challenge: str, user: int, flags: int = PRESENT | VERIFIED) -> str:
        data, client = self._data(flags), self._client("webauthn.get", challenge)
        signed = data + hashlib.sha256(client).digest()
        answer = {
            "clientDataJSON": text(client),
            "authenticatorData": text(data),
            "signature": text(self.private.sign(signed, ec.ECDSA(SHA256()))),
            "userHandle": text(int_to_base36(user).encode()),
        }
        return self._sent(answer)

    def _sent(self, answer: dict[str, str], **more: Any) -> str:
        whole = {"id": text(self.ident), "rawId": text(self.ident), "type": "public-key"}
        return json.dumps({**whole, "response": answer, **more})

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(HOST.encode()).digest() + bytes([flags]) + bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": ORIGIN}).encode()
