"""An installation with one key, and the requests that buy tokens with it: by secret, always the same one; by signed
assertion, a new one each time."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.bench.servers import ROOT, Failed, Requests

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PLANT = """
import json
from tests.keys.issuer.conftest import open_shop
from tests.keys.issuer.signed import Signer, private_key
shop = open_shop()
signer = Signer(shop.key)
print(json.dumps({
    "path": shop.path, "form": shop.form, "client_id": shop.key.client_id, "issuer": signer.issuer,
    "private": private_key("ES256").as_dict(private=True),
}))
"""

_numbers = count()


def prepared(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """An installation with one key → its environment, and the key."""
    environment = environment_of(folder)
    manage(environment, "keyring", "make")
    manage(environment, "migrate", "--verbosity", "0")
    return environment, json.loads(manage(environment, "shell", "--no-imports", "-c", PLANT))


def environment_of(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL") if name in os.environ}
    own = {"DATA_DIR": str(folder / "data"), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    # As supervisor starts it: with the longer switch interval, and tied to its parent.
    return kept | own | {"DIE_WITH_PARENT": "1", "PYTHONWARNINGS": "ignore"}


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"manage.py {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


def post(path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form)
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def by_secret(path: str, form: dict[str, str]) -> Requests:
    request = post(path, form)
    return lambda times: [request] * times


@dataclass(frozen=True)
class Signing:
    """A client that signs with ES256, without a library between."""

    path: str
    client_id: str
    audience: str
    private: dict[str, str]
    kid: str = "k1"

    def __call__(self, times: int) -> Sequence[bytes]:
        numbers = ec.derive_private_key(_number(self.private["d"]), ec.SECP256R1())
        return [post(self.path, self._form(numbers)) for _ in range(times)]

    def _form(self, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "iat": now,
            "exp": now + 300,
            "jti": f"{os.getpid()}-{next(_numbers)}",
        }
        header = {"alg": "ES256", "kid": self.kid, "typ": "JWT"}
        text = f"{_packed(json.dumps(header).encode())}.{_packed(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": f"{text}.{_packed(r.to_bytes(32) + s.to_bytes(32))}",
        }


def by_assertion(planted: dict[str, Any]) -> Requests:
    return Signing(planted["path"], planted["client_id"], planted["issuer"], planted["private"])


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="))
