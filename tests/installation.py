"""A whole Latchkey, really started: `manage.py up` in an empty folder, on a free port."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db import connection

REDIS_DATABASES = 16  # as many as its configuration has unless somebody changes it
PATIENCE = 120.0  # seconds; waited out only where something is broken
OWN = (
    "SECRET_KEY",
    "DATA_DIR",
    "DATABASE_URL",
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "MAIL_",
    "STATIC_ROOT",
)


class Installation:
    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith((*OWN, "LATCHKEY_", "DJANGO_", "COV"))
        }
        self.environment |= {"DATA_DIR": str(data), "PORT": str(self.port), **environment}
        self.said = data.with_name(data.name + ".out")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: self.ask("/readyz")[0] == 200, self.last_words)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def ask(self, path: str) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            client.request("GET", path)
            reply = client.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            client.close()

    def checks(self) -> Mapping[str, str]:
        return dict(json.loads(self.ask("/readyz")[1])["checks"])

    @property
    def setup_link(self) -> str:
        found = re.search(r"http://\S+/setup/\S+/", self.said.read_text())
        assert found, self.last_words()
        return found[0]

    def pids(self) -> dict[str, int]:
        assert self.process
        return programs_below(self.process.pid)

    def last_words(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in self.logs())

    def logs(self) -> list[Path]:
        return [self.said, *sorted((self.data / "logs").glob("*.log"))]

    def logged(self) -> str:
        return "".join(log.read_text() for log in self.logs())


@contextmanager
def running(data: Path, **environment: str) -> Iterator[Installation]:
    """On the database and broker that this run of the tests is about, but with a database of its own."""
    with _database() as url:
        own = {"DATABASE_URL": url, "CELERY_BROKER_URL": broker()}
        it = Installation(data, **own | environment)
        try:
            it.start()
            yield it
        finally:
            if it.process and it.process.poll() is None:
                it.stop()


def broker() -> str:
    """The broker of this run; of Redis the database below the run's own, one further down for each worker of
    xdist. Else another installation's worker would take this one's messages, and the sweeper had to find the rows.
    """
    told = os.environ.get("LATCHKEY_TEST_BROKER_URL", "")
    url = urlsplit(told)
    if not url.scheme.startswith("redis"):
        return told
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = int(url.path.strip("/") or 0) - 1 - process
    return url._replace(path=f"/{number % REDIS_DATABASES}").geturl()


@contextmanager
def _database() -> Iterator[str]:
    url = os.environ.get("LATCHKEY_TEST_DATABASE_URL", "")
    if connection.vendor != "postgresql":
        yield ""
        return
    name = f"latchkey_up_{os.getpid()}_{time.monotonic_ns()}"
    server = url.rsplit("/", 1)[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def programs_below(supervisor: int) -> dict[str, int]:
    """Its programs by name; the web server's parent and child as web and web-child."""
    found = {}
    for pid in children(supervisor):
        words = told(pid, "cmdline")
        name = next((n for n in ("granian", "worker", "beat") if n in words), "?")
        found[{"granian": "web"}.get(name, name)] = pid
    for pid in children(found["web"]) if "web" in found else []:
        found["web-child"] = pid
    return found


def children(pid: int) -> list[int]:
    return [int(word) for word in told(pid, f"task/{pid}/children").split()]


def told(pid: int, what: str) -> str:
    """What /proc says of a process; nothing of one that ended between the look and the question."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes().decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(true, words=lambda: "", patience: float = PATIENCE) -> float:
    """Seconds until it was true."""
    start = time.monotonic()
    while time.monotonic() - start < patience:
        if true():
            return time.monotonic() - start
        time.sleep(0.05)
    raise AssertionError(f"not within {patience} s: {words()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
