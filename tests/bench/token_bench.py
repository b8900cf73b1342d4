"""What a token costs, by secret and by signed assertion, as a ratio to the floor: a bare WSGI function on the same
server that signs one ES256 JWT. Judges nothing; ends with an error only where something does not work.

    .venv/bin/python -m tests.bench.token_bench [rounds] [requests per round] [connections ...]
"""

import sys
import tempfile
from pathlib import Path

from tests.bench.buying import by_assertion, by_secret, prepared
from tests.bench.servers import Server, as_up_starts, conditions, in_turns, table

BUDGET = "by secret must be ≤ 2.5, aim ≤ 1.8"
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
NAMES = ("floor", "token by secret", "token by ES256 assertion")


def main(rounds: int = 20, times: int = 500, *connections: int) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as name:
        folder = Path(name)
        (folder / "floor.py").write_text(FLOOR)
        environment, planted = prepared(folder)
        secret, assertion = by_secret(planted["path"], planted["form"]), by_assertion(planted)
        database = environment.get("DATABASE_URL", "sqlite").partition(":")[0]
        print(f"A token ({BUDGET}); {rounds} rounds of {times} in turns, {database}")
        print(f"before: {conditions()}")
        servers: list[Server] = []
        try:
            servers.append(Server("floor", as_up_starts("floor:application"), environment))
            servers.append(Server("token", as_up_starts("dashboard.wsgi:application"), environment))
            floor, token = servers
            for lines in connections or (1, 16, 64):
                three = [(floor, secret), (token, secret), (token, assertion)]
                costs = in_turns(three, rounds, times, lines)
                print(f"{lines} connections\n{table(NAMES, costs)}", flush=True)
        finally:
            for server in servers:
                server.stop()
    print(f"after:  {conditions()}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
