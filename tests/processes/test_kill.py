"""A worker is killed in the middle of a test, for real, and the test is finished after its restart."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings

from dashboard import programs
from tests.installation import broker
from tests.servers import saying, serving

pytestmark = [pytest.mark.processes, pytest.mark.enable_socket]

ROOT = Path(__file__).parents[2]
GOOD = saying('{"access_token":"opaque","token_type":"Bearer","expires_in":300}')
KEYS = (
    "SECRET_KEY",
    "LATCHKEY_PEPPERS",
    "LATCHKEY_CREDENTIAL_PUBLIC_KEYS",
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS",
    "LATCHKEY_ISSUER_PUBLIC_KEYS",
    "LATCHKEY_AUDIT_PUBLIC_KEYS",
    "LATCHKEY_AUDIT_PRIVATE_KEYS",
)
MAKE = """
from tests.keys.made import ask, make_key, make_secret
print(ask(make_secret(make_key())).pk)
"""
SHOW = """
from keys.models import CredentialTest
t = CredentialTest.objects.get()
print(t.attempt, t.outcome or '-', t.worker or '-', CredentialTest.objects.count())
"""
HERD = """
from tests.keys.made import ask, make_key, make_secret
for number in range(20):
    ask(make_secret(make_key(f"key {number}")), interactive=False, reason="schedule")
"""
ROUND = "from keys import tasks; tasks.run_due_tests.apply_async(queue='due')"
COUNT = """
from keys.models import CredentialTest
rows = CredentialTest.objects.all()
print(rows.filter(outcome="works").count(), *rows.values_list("attempt", flat=True))
"""
# The one thing that is not waited for: a minute of lease. Only the clock is moved, on the row.
PASS_TIME = """
from datetime import timedelta
from django.utils import timezone
from keys.models import CredentialTest
CredentialTest.objects.filter(finished_at=None).update(leased_until=timezone.now() - timedelta(seconds=1))
"""
RING = "from keys import tasks; tasks.ring({})"


@contextmanager
def database(tmp_path: Path):
    """A database of this test's own, of the kind that the suite runs on."""
    url = os.environ.get("LATCHKEY_TEST_DATABASE_URL", "")
    if not url:
        yield f"sqlite:///{tmp_path}/db.sqlite3"
        return
    name = f"latchkey_kill_{os.getpid()}"
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Machine:
    """One installation's processes, each ended by its own number."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.running: list[subprocess.Popen[bytes]] = []

    def inside(self, code: str) -> str:
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
        return self._run(command).strip()

    def migrate(self) -> None:
        self._run([sys.executable, "manage.py", "migrate", "-v", "0"])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def start(self, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | environment, stdout=log, stderr=log
            )
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def machine(tmp_path):
    with database(tmp_path) as url:
        environment = {
            **os.environ,
            **{name: getattr(settings, name) for name in KEYS},
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",  # pytest has set the tests' own
            "DATA_DIR": str(tmp_path),
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": broker(),
            "LATCHKEY_ROLE": "worker",
            "LATCHKEY_WORKER_THREADS": "2",
        }
        made = Machine(environment, tmp_path / "log")
        try:
            made.inside("from dashboard import startup; startup.make_folders()")
            made.migrate()
            yield made
        finally:
            made.stop()


def until(what, seconds: float):
    ends = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.2)
    return found


def test_a_worker_killed_in_the_middle_of_a_test_loses_nothing(machine):
    met, hold = threading.Event(), threading.Event()

    def answer(sock):
        if not met.is_set():
            met.set()
            hold.wait(60)
            return
        GOOD(sock)

    with serving(answer) as server:
        machine.environment["LATCHKEY_INTERNAL_URL"] = f"http://127.0.0.1:{server.port}"
        test_id = machine.inside(MAKE)
        worker = machine.start(programs.worker_command())
        machine.inside(RING.format(test_id))
        assert met.wait(60), machine.log.read_text()[-2000:]
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        hold.set()
        attempt, outcome, *_ = machine.inside(SHOW).split()
        assert (attempt, outcome) == ("1", "-")

        machine.inside(PASS_TIME)
        second = machine.start(programs.worker_command())
        machine.start(
            programs.beat_command(), LATCHKEY_ROLE="beat", **programs.FOR_THE_WORKER_ALONE
        )
        until(lambda: machine.inside(SHOW).split()[1] != "-", 90)
    attempt, outcome, by, count = machine.inside(SHOW).split()
    assert (attempt, outcome, count) == ("2", "works", "1")
    assert by.endswith(f":{second.pid}")


def test_a_worker_killed_in_the_middle_of_a_round_loses_none_of_it(machine):
    met, hold = threading.Semaphore(0), threading.Event()

    def answer(sock):
        met.release()
        hold.wait(60)
        GOOD(sock)

    with serving(answer) as server:
        machine.environment["LATCHKEY_INTERNAL_URL"] = f"http://127.0.0.1:{server.port}"
        machine.inside(HERD)
        worker = machine.start(programs.worker_command())
        machine.inside(ROUND)
        for _ in range(2):
            assert met.acquire(timeout=60), machine.log.read_text()[-2000:]
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        hold.set()
        works, *attempts = machine.inside(COUNT).split()
        leased = attempts.count("1")
        assert (works, leased >= 2, set(attempts)) == ("0", True, {"0", "1"})

        machine.inside(PASS_TIME)
        machine.start(programs.worker_command())
        machine.inside(ROUND)
        until(lambda: machine.inside(COUNT).split()[0] == "20", 90)
    _, *attempts = machine.inside(COUNT).split()
    assert sorted(attempts) == ["1"] * (20 - leased) + ["2"] * leased
