"""A client that signs: its private keys, and assertions of any shape, right or not."""

import base64
import json
import time
from functools import cache

from joserfc import jwk
from joserfc.jws import JWSRegistry

from keys.issuer.assertion import ALGORITHMS
from keys.issuer.bodies import ASSERTION_TYPE
from keys.models import PublicKey
from tests.keys.issuer.conftest import post

UNKNOWN = "client_id and what was sent to prove it do not fit together."
CURVES = {"ES256": "P-256", "ES384": "P-384"}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def private_key(algorithm):
    if algorithm == "EdDSA":
        return jwk.OKPKey.generate_key("Ed25519")
    if algorithm in CURVES:
        return jwk.ECKey.generate_key(CURVES[algorithm])
    return jwk.RSAKey.generate_key(2048)


def public_text(key):
    return json.dumps(dict(key.as_dict(private=False)))


def encoded(members):
    return b64(members if isinstance(members, bytes) else json.dumps(members).encode())


def signature(algorithm, text, key=None):
    made = JWSRegistry.algorithms[algorithm].sign(text.encode(), key or private_key(algorithm))
    return b64(made)


class Signer:
    """One key of the product with one public key, and the machine that holds the private half."""

    def __init__(self, key, algorithm="ES256", kid="k1", **dates):
        self.key, self.algorithm, self.kid = key, algorithm, kid
        self.public = PublicKey.objects.create(
            key=key,
            kid=kid,
            algorithm=algorithm,
            jwk=public_text(private_key(algorithm)),
            kind=algorithm,
            thumbprint="",
            **dates,
        )

    @property
    def issuer(self):
        return f"http://localhost:8000/t/{self.key.environment.issuer_id}"

    @property
    def path(self):
        return f"/t/{self.key.environment.issuer_id}/token"

    def header(self, **changes):
        return without_none({"alg": self.algorithm, "kid": self.kid} | changes)

    def claims(self, **changes):
        now = int(time.time())
        return without_none(
            {
                "iss": self.key.client_id,
                "sub": self.key.client_id,
                "aud": self.issuer,
                "iat": now,
                "exp": now + 60,
                "jti": b64(json.dumps([now, time.perf_counter_ns()]).encode()),
            }
            | changes
        )

    def assertion(self, header=None, claims=None, key=None):
        """Signed as it should be, around whatever header and claims: values to change, or raw bytes."""
        head = header if isinstance(header, bytes) else self.header(**(header or {}))
        body = claims if isinstance(claims, bytes) else self.claims(**(claims or {}))
        text = f"{encoded(head)}.{encoded(body)}"
        return f"{text}.{signature(self.algorithm, text, key)}"

    def form(self, assertion=None, **more):
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion() if assertion is None else assertion,
        } | more

    def buy(self, assertion=None, **more):
        return post(self.path, self.form(assertion, **more))


def refused(answer, status=401):
    assert answer.status == status, answer.body
    return answer.json["error_description"]


def without_none(members):
    return {name: value for name, value in members.items() if value is not None}


__all__ = [
    "ALGORITHMS",
    "UNKNOWN",
    "Signer",
    "b64",
    "encoded",
    "private_key",
    "public_text",
    "refused",
    "signature",
]
