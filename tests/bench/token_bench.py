"""What a token costs, as a ratio to the floor: a bare WSGI function on the same server that signs
one ES256 JWT. CPU time per request as the kernel counts it, the two measured in turns.

    .venv/bin/python -m tests.bench.token_bench [rounds] [requests per round]
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from tests.installation import free_port, until

ROOT = Path(__file__).resolve().parents[2]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONNECTIONS = 8
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
SERVED = "import sys; sys.setswitchinterval(0.05)\nfrom dashboard.wsgi import application\n"


class Server:
    def __init__(self, name: str, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        command = [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            "--no-ws",
        ]
        command += [
            "--workers",
            "1",
            "--blocking-threads",
            "4",
            "--port",
            str(self.port),
            f"{name}:application",
        ]
        environment = environment | {"PYTHONPATH": f"{folder}:{ROOT}"}
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet
        )

    def ask(self, path: str, body: bytes, times: int) -> None:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        for _ in range(times):
            client.request("POST", path, body, FORM)
            reply = client.getresponse()
            reply.read()
            if reply.status != 200:
                raise SystemExit(f"{path} answered {reply.status}")
        client.close()

    def answers(self) -> bool:
        try:
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=1).connect()
        except OSError:
            return False
        return True

    def cpu(self) -> float:
        """Seconds of the server and all its children."""
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True
        )
        ticks = 0
        for pid in [self.process.pid, *map(int, children.stdout.split())]:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def measure(self, path: str, body: bytes, requests: int) -> float:
        """Microseconds of CPU per request."""
        before = self.cpu()
        each = requests // CONNECTIONS
        threads = [
            threading.Thread(target=self.ask, args=(path, body, each)) for _ in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (self.cpu() - before) / (each * CONNECTIONS) * 1e6


def main(rounds: int = 5, requests: int = 8000) -> None:
    folder = Path(tempfile.mkdtemp(prefix="latchkey-bench-"))
    (folder / "floor.py").write_text(FLOOR)
    (folder / "served.py").write_text(SERVED)
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(ROOT),
    }
    environment |= {name: os.environ[name] for name in ("DATABASE_URL",) if name in os.environ}
    for command in (["keyring", "make"], ["migrate", "--verbosity", "0"]):
        subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True
        )
    shell = [sys.executable, "manage.py", "shell", "--no-imports", "-c", PLANT]
    planted = subprocess.run(
        shell, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    shop = json.loads(planted.stdout)
    body = urlencode(shop["form"]).encode()
    servers = [Server(name, folder, environment) for name in ("floor", "served")]
    try:
        costs = _in_turns(servers, shop["path"], body, rounds, requests)
    finally:
        for server in servers:
            server.process.terminate()
            server.process.wait()
        shutil.rmtree(folder)
    floor, token = (median(cost) for cost in costs)
    ratios = sorted(token / floor for floor, token in zip(*costs, strict=True))
    print(
        f"floor {floor:.0f} µs, token {token:.0f} µs; ratio {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def _in_turns(
    servers: list[Server], path: str, body: bytes, rounds: int, requests: int
) -> list[list[float]]:
    for server in servers:
        until(server.answers)
        server.measure(path, body, 2000)
    costs: list[list[float]] = [[] for _ in servers]
    for _ in range(rounds):
        for server, cost in zip(servers, costs, strict=True):
            cost.append(server.measure(path, body, requests))
    return costs


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
