"""What a token by secret costs, as a ratio to the floor: a bare WSGI function on the same server that
signs one ES256 JWT. Judges nothing; ends with an error only where something does not work.

    .venv/bin/python -m tests.bench.token_bench [rounds] [requests per round]
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from tests.bench.servers import ROOT, Failed, Server, conditions, in_turns, table

BUDGET = "must be ≤ 2.5, aim ≤ 1.8"
PLANT = """
import json
from tests.keys.issuer.conftest import open_shop
shop = open_shop()
print(json.dumps({"path": shop.path, "form": shop.form}))
"""
FLOOR = """
import base64, json, sys, time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
sys.setswitchinterval(0.05)
KEY, HOW = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
def pack(raw): return base64.urlsafe_b64encode(raw).rstrip(b"=")
HEADER = pack(b'{"alg":"ES256","typ":"at+jwt"}')
def application(environ, start_response):
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    now = int(time.time())
    text = HEADER + b"." + pack(json.dumps({"iss": "x", "sub": "y", "iat": now, "exp": now + 300}).encode())
    r, s = decode_dss_signature(KEY.sign(text, HOW))
    token = (text + b"." + pack(r.to_bytes(32) + s.to_bytes(32))).decode()
    body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 300}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
"""


def main(rounds: int = 30, times: int = 500) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        folder = Path(name)
        (folder / "floor.py").write_text(FLOOR)
        environment = _environment(folder)
        request = _prepare(environment)
        before = conditions()
        servers: list[Server] = []
        try:
            servers.append(Server("floor", "floor:application", environment))
            servers.append(Server("token", "dashboard.wsgi:application", environment))
            costs = in_turns(servers, request, rounds, times)
        finally:
            for server in servers:
                server.stop()
    database = environment.get("DATABASE_URL", "sqlite").partition(":")[0]
    print(f"A token by secret ({BUDGET}); {rounds} rounds of {times} in turns, {database}")
    print(table(servers, costs))
    print(f"before: {before}\nafter:  {conditions()}")


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL") if name in os.environ}
    own = {"DATA_DIR": str(folder / "data"), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    # As supervisor starts it: with the longer switch interval, and tied to its parent.
    return kept | own | {"DIE_WITH_PARENT": "1", "PYTHONWARNINGS": "ignore"}


def _prepare(environment: dict[str, str]) -> bytes:
    """An installation with one key → the request that buys a token with it."""
    _manage(environment, "keyring", "make")
    _manage(environment, "migrate", "--verbosity", "0")
    shop = json.loads(_manage(environment, "shell", "--no-imports", "-c", PLANT))
    body = urlencode(shop["form"])
    head = (
        f"POST {shop['path']} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"manage.py {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
