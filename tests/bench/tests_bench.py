"""Tests of credentials: how many a second one worker makes with an endpoint that takes 100 ms, and how soon an
interactive one starts while 10,000 scheduled ones are due. `python -m tests.bench.tests_bench [TESTS] [HERD]`."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import redis

from dashboard import programs
from tests.installation import free_port

ROOT = Path(__file__).resolve().parents[2]
THREADS = 64
TAKES = 0.1
BODY = b'{"access_token":"opaque","token_type":"Bearer","expires_in":300}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY


class Endpoint(threading.Thread):
    """Answers each request after 100 ms, any number at once."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.port = free_port()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._answer, "127.0.0.1", self.port, backlog=512)
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            await asyncio.sleep(TAKES)
            writer.write(ANSWER)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a worker that is stopped hangs up
        finally:
            writer.close()


def measured(broker: str, tests: int, herd: int) -> dict[str, object]:
    endpoint = Endpoint()
    endpoint.start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL") if name in os.environ}
        environment = kept | {
            "DATA_DIR": f"{folder}/data",
            "CELERY_BROKER_URL": broker,
            "LATCHKEY_INTERNAL_URL": f"http://127.0.0.1:{endpoint.port}",
            "LATCHKEY_WORKER_THREADS": str(THREADS),
        }
        _run(environment, "manage.py", "keyring", "make")
        _run(environment, "manage.py", "migrate", "--verbosity", "0")
        _run(
            environment,
            "manage.py",
            "shell",
            "-c",
            "from dashboard import startup; startup.make_folders()",
        )
        worker = subprocess.Popen(
            programs.worker_command(),
            cwd=ROOT,
            env=environment | {"LATCHKEY_ROLE": "worker", "TMPDIR": f"{folder}/data/run"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(3)
            said = _run(
                environment, "-m", "tests.bench.herd", str(tests), str(herd), str(worker.pid)
            )
        finally:
            worker.terminate()
            worker.wait(60)
    return dict(json.loads(said.strip().splitlines()[-1]))


def _run(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}\n{done.stderr[-3000:]}")
    return done.stdout


def brokers() -> dict[str, str]:
    found = {"embedded (files)": ""}
    url = os.environ.get("LATCHKEY_TEST_BROKER_URL", "redis://127.0.0.1:6379/11")
    try:
        redis.Redis.from_url(url, socket_connect_timeout=2).flushdb()
    except redis.RedisError:
        return found
    return found | {"Redis": url}


def main(tests: int = 3000, herd: int = 10_000) -> None:
    print(
        f"One worker, {THREADS} threads, an endpoint of {TAKES * 1000:.0f} ms; {tests} tests; a herd of {herd}"
    )
    print(
        "The floor: the same requests through the one door by 64 threads, no rows and no messages."
    )
    print(
        f"{'broker':<18}{'tests/s':>9}{'floor/s':>9}{'ratio':>7}{'CPU ms':>9}{'floor':>7}"
        f"{'interactive start, median':>27}{'worst of 10':>13}"
    )
    for name, url in brokers().items():
        found = measured(url, tests, herd)
        waits = [float(wait) for wait in found["waits"]]  # type: ignore[attr-defined]
        made, bare = float(found["per_second"]), float(found["floor_per_second"])  # type: ignore[arg-type]
        print(
            f"{name:<18}{made:>9.0f}{bare:>9.0f}{made / bare:>7.2f}{found['cpu']:>9.2f}{found['floor_cpu']:>7.2f}"
            f"{median(waits):>25.2f} s{max(waits):>11.2f} s",
            flush=True,
        )
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
