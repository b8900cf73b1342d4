"""The ways in which a machine, a broker and a database fail. Each is undone, or mends itself.

No clock is moved here: under libfaketime (0.9.10, tried) a worker ends at its first sleep, since Python waits for an
absolute moment of the monotonic clock and the library answers EINVAL; and nothing but the system's own clock reaches a
process otherwise. What another clock does to leases and rotations is tested with a faked one (`tests/keys`). RabbitMQ's
own process is not ours to stop: of it the messages are taken away.
"""

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import psycopg
import redis
from django.conf import settings
from django.db import connection

from dashboard import programs
from dashboard.celery import app
from keys import tasks
from keys.models import CredentialTest, Rotation
from tests.installation import programs_below


class Breakage:
    """One fault at a time, picked by the seed."""

    def __init__(self, supervisor: int, dice: random.Random) -> None:
        self.supervisor, self.random = supervisor, dice
        self.strangers: list[subprocess.Popen[bytes]] = []
        self.known: list[int] = []
        self.faults = (
            self.worker_killed,
            self.worker_killed,
            self.beat_killed,
            self.web_killed,
            self.web_child_killed,
            self.worker_frozen,
            self.broker_gone,
            self.messages_lost,
            self.messages_doubled,
            self.messages_late,
            self.database_gone,
            self.second_worker,
            self.second_beat,
        )

    def one(self) -> str:
        fault = self.random.choice(self.faults)
        fault()
        return fault.__name__.replace("_", " ")

    def mend(self, most: int = 0) -> None:
        """So many of those that came beside the installation's own stay."""
        while len(self.strangers) > most:
            oldest = self.strangers.pop(0)
            oldest.kill()
            oldest.wait(10)

    def by_strangers(self) -> int:
        """How many tests they ran: one that is killed before it has started shows nothing."""
        tests = CredentialTest.objects.finished()
        return sum(tests.filter(worker__endswith=f":{pid}").count() for pid in self.known)

    def _kill(self, name: str) -> None:
        pid = programs_below(self.supervisor).get(name)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def worker_killed(self) -> None:
        self._kill("worker")

    def beat_killed(self) -> None:
        self._kill("beat")

    def web_killed(self) -> None:
        self._kill("web")

    def web_child_killed(self) -> None:
        self._kill("web-child")

    def worker_frozen(self) -> None:
        pid = programs_below(self.supervisor).get("worker")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(self.random.uniform(0.5, 2))
                os.kill(pid, signal.SIGCONT)

    def broker_gone(self) -> None:
        seconds = self.random.uniform(0.5, 2)
        if broker := _redis():
            with broker:
                broker.client_kill_filter(_type="normal", skipme=True)
                broker.client_pause(int(seconds * 1000))
            return
        if _amqp():
            self.messages_lost()  # the broker's own process is not ours to stop
            return
        queues = _queues()
        away = queues.with_name("away")
        queues.rename(away)
        time.sleep(seconds)
        # Somebody made it anew meanwhile: what is in there is lost.
        shutil.rmtree(queues, ignore_errors=True)
        away.rename(queues)

    def messages_lost(self) -> None:
        if broker := _redis():
            with broker:
                broker.delete(*[f"{_prefix()}{queue}" for queue in ("now", "due")])
            return
        if _amqp():
            with app.connection_for_write() as wire, wire.channel() as channel:
                for queue in ("now", "due"):
                    channel.queue_purge(queue)  # type: ignore[attr-defined]  # of amqp alone
            return
        for message in _queues().glob("*.msg"):
            message.unlink(missing_ok=True)

    def messages_doubled(self) -> None:
        waiting = CredentialTest.objects.unfinished().values_list("pk", flat=True)[:5]
        for pk in [*waiting, *waiting]:
            tasks.ring(pk)
        for pk in Rotation.objects.open().values_list("pk", flat=True)[:5]:
            tasks.ring_rotation(pk)
            tasks.ring_rotation(pk)

    def messages_late(self) -> None:
        """Of what ended long ago."""
        for pk in CredentialTest.objects.finished().order_by("?").values_list("pk", flat=True)[:5]:
            tasks.ring(pk)
        for pk in Rotation.objects.order_by("?").values_list("pk", flat=True)[:5]:
            tasks.ring_rotation(pk)

    def database_gone(self) -> None:
        """Longer than SQLite's patience of five seconds, now and then."""
        seconds = self.random.choice([1.0, 2.0, 6.0])
        away = threading.Thread(target=_shut_database, args=(seconds,))
        away.start()
        away.join()

    def second_worker(self) -> None:
        command = programs.worker_command()
        self._stranger(command, LATCHKEY_ROLE="worker", LATCHKEY_WORKER_THREADS="2")

    def second_beat(self) -> None:
        self._stranger(
            programs.beat_command(), LATCHKEY_ROLE="beat", **programs.FOR_THE_WORKER_ALONE
        )

    def _stranger(self, command: list[str], **environment: str) -> None:
        """One beside the installation's own, killed some such faults later: it takes seconds to start."""
        self.mend(2)
        stranger = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.strangers.append(stranger)
        self.known.append(stranger.pid)


def _amqp() -> bool:
    return str(settings.CELERY_BROKER_URL).startswith("amqp")


def _queues() -> Path:
    return Path(settings.CELERY_BROKER_OPTIONS["data_folder_in"])


def _prefix() -> str:
    return str(settings.CELERY_BROKER_OPTIONS.get("global_keyprefix", ""))


def _redis() -> "redis.Redis | None":
    url = settings.CELERY_BROKER_URL
    return redis.Redis.from_url(url) if url.startswith("redis") else None


def _shut_database(seconds: float) -> None:
    """In a thread: it has a connection of its own."""
    if connection.vendor == "sqlite":
        with contextlib.closing(
            sqlite3.connect(settings.DATABASES["default"]["NAME"], timeout=10, isolation_level=None)
        ) as raw:
            raw.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            raw.execute("ROLLBACK")
        return
    target = settings.DATABASES["default"]
    with psycopg.connect(
        host=target["HOST"],
        port=target["PORT"],
        user=target["USER"],
        dbname="postgres",
        autocommit=True,
    ) as admin:
        name = target["NAME"]
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        time.sleep(min(seconds, 3))
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
