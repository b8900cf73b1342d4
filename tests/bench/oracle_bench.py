"""Does the time of a refusal tell a stranger whether a client, a public key or a secret exists? Each kind of stranger's
request takes turns with one that names an unknown client, over one connection; Mann-Whitney's test compares the two.
Judges nothing.

    .venv/bin/python -m tests.bench.oracle_bench [pairs]
"""

import json
import random
import socket
import sys
import tempfile
import time
from math import erfc, sqrt
from pathlib import Path
from statistics import median
from subprocess import DEVNULL
from urllib.parse import urlencode

from tests.bench.buying import environment_of, manage
from tests.bench.servers import Failed, Server, as_up_starts, conditions

PLANT = """
import json, secrets
from django.utils import timezone
from joserfc import jwk
from keys.models import Key, PublicKey, TokenEndpoint
from tests.keys.issuer.conftest import open_shop
from tests.keys.issuer.signed import ASSERTION_TYPE, b64, encoded, public_text
shop = open_shop()
place = shop.key.environment
def key(**more): return Key.objects.create(environment=place, name=secrets.token_hex(4), **more)
def signed(owner, kid, bits):
    made = jwk.RSAKey.generate_key(bits)
    PublicKey.objects.create(key=owner, kid=kid, algorithm="RS256", jwk=public_text(made), kind="RSA", thumbprint="")
def secret(name): return {"client_id": name, "client_secret": "wrong"}
def forged(name, kid, bytes_):
    text = encoded({"alg": "RS256", "kid": kid}) + "." + encoded({"iss": name, "sub": name})
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text + "." + b64(bytes(1) + secrets.token_bytes(bytes_ - 1))}
signed(shop.key, "k2", 2048), signed(shop.key, "k4", 4096)
deleted = key(deleted_at=timezone.now())
outside = key(endpoint=TokenEndpoint.objects.create(
    environment=place, name="outside", url="https://a.example/token", method="client_secret_post"))
nobody, known = "ck_" + "a" * 20, shop.key.client_id
unknown = secret(nobody)
u2, u4 = forged(nobody, "k2", 256), forged(nobody, "k2", 512)
pairs = {
    "wrong secret": (unknown, secret(known)),
    "imported key": (unknown, secret(outside.client_id)),
    "deleted key": (unknown, secret(deleted.client_id)),
    "unknown kid": (u2, forged(known, "no", 256)),
    "bad signature": (u2, forged(known, "k2", 256)),
    "RSA 4096, its length": (u4, forged(known, "k4", 512)),
    "RSA 4096, short": (u2, forged(known, "k4", 256)),
    "the same": (unknown, unknown),
}
print(json.dumps({"path": shop.path, "pairs": pairs}))
"""


def main(pairs: int = 3000) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        # A proxy of ours names the address: each try comes from another, so that none is told to wait.
        environment = environment_of(Path(name)) | {"LATCHKEY_PROXIES": "1"}
        manage(environment, "keyring", "make")
        manage(environment, "migrate", "--verbosity", "0")
        planted = json.loads(manage(environment, "shell", "--no-imports", "-c", PLANT))
        # Each refusal writes a line of the log.
        server = Server(
            "token", as_up_starts("dashboard.wsgi:application"), environment, errors=DEVNULL
        )
        try:
            print(f"A refusal beside an unknown client's, {pairs} interleaved pairs of each")
            print(f"{'':22}{'µs':>8}{'unknown':>9}{'P(later)':>10}{'p':>8}")
            for title, (unknown, other) in planted["pairs"].items():
                print(_row(title, *_times(server, planted["path"], unknown, other, pairs)))
        finally:
            server.stop()
    print(conditions())


def _times(
    server: Server, path: str, unknown: dict[str, str], other: dict[str, str], pairs: int
) -> tuple[list[float], list[float]]:
    found: tuple[list[float], list[float]] = [], []
    heads: set[bytes] = set()
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        for turn in range(pairs + 50):
            for which in random.sample((0, 1), 2):
                text = _request(path, (unknown, other)[which])
                before = time.perf_counter_ns()
                line.sendall(text)
                answer = line.recv(65536)
                took = (time.perf_counter_ns() - before) / 1000
                heads.add(b"\r\n".join(x for x in answer.split(b"\r\n") if x[:5] != b"date:"))
                if turn >= 50:
                    found[which].append(took)
    if len(heads) != 1 or not next(iter(heads)).startswith(b"HTTP/1.1 401"):
        raise Failed(f"answers differ: {heads!r}")
    return found


def _request(path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form | {"grant_type": "client_credentials"})
    address = ".".join(str(random.randrange(1, 255)) for _ in range(4))  # noqa: S311
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _row(title: str, unknown: list[float], other: list[float]) -> str:
    later, chance = mann_whitney(unknown, other)
    return f"{title:22}{median(other):8.0f}{median(unknown):9.0f}{later:10.3f}{chance:8.3f}"


def mann_whitney(first: list[float], second: list[float]) -> tuple[float, float]:
    """How often the second comes later than the first, and p of two sides (normal approximation; ties are rare)."""
    ranked = sorted([(one, 0) for one in first] + [(one, 1) for one in second])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which)
    n, m = len(first), len(second)
    u = ranks - m * (m + 1) / 2
    z = (u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12)
    return u / (n * m), erfc(abs(z) / sqrt(2))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
