"""The three programs of `manage.py up`, and the text that tells supervisor of them."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an installation lives."""

    source: Path
    data: Path

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def logs(self) -> Path:
        return self.data / "logs"


# The worker's own keys, even if the shell that calls `up` has them.
FOR_THE_WORKER_ALONE: Final = {
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS": "",
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS_FILE": "",
    "LATCHKEY_AUDIT_PRIVATE_KEYS": "",
    "LATCHKEY_AUDIT_PRIVATE_KEYS_FILE": "",
}
CELERY: Final = [sys.executable, "-m", "celery", "--app", "dashboard", "--quiet"]


def programs(port: int, layout: Layout) -> list[Program]:
    # The broker in files moves a message to TMPDIR while it reads it: one file system, one step.
    worker = {"LATCHKEY_ROLE": "worker", "TMPDIR": str(layout.run)}
    web = {"LATCHKEY_ROLE": "web", "DIE_WITH_PARENT": "1", **FOR_THE_WORKER_ALONE}
    return [
        Program("web", web_command(port), web),
        Program("worker", worker_command(), worker),
        Program("beat", beat_command(), {"LATCHKEY_ROLE": "beat", **FOR_THE_WORKER_ALONE}),
    ]


def web_command(port: int) -> list[str]:
    # Four threads, and idle ones kept: each that ends leaves its database connection to the collector.
    options = (
        f"--interface wsgi --host 127.0.0.1 --port {port} --workers 1 --respawn-failed-workers --no-ws "
        "--blocking-threads 4 --blocking-threads-idle-timeout 600 --runtime-threads 1 --log-level warning"
    )
    return [sys.executable, "-m", "granian", *options.split(), "dashboard.wsgi:application"]


def worker_command() -> list[str]:
    options = (
        "--pool threads --queues now,due --loglevel INFO "
        "--without-gossip --without-mingle --without-heartbeat"
    )
    return [*CELERY, "worker", *options.split()]


def beat_command() -> list[str]:
    return [*CELERY, "beat", "--pidfile", "", "--loglevel", "WARNING"]


def supervisor_conf(port: int, layout: Layout) -> str:
    three = programs(port, layout)
    # One group: its members are stopped together, groups one after the other.
    group = f"[group:latchkey]\nprograms={','.join(program.name for program in three)}\n"
    return "\n".join(
        [_supervisor(layout), group, *(_section(program, layout) for program in three)]
    )


def _supervisor(layout: Layout) -> str:
    # No socket and no port: nobody needs to steer it, so nobody can.
    return f"""\
[supervisord]
nodaemon=true
silent=true
umask=077
logfile={_plain(layout.logs / "supervisor.log")}
logfile_maxbytes=2MB
logfile_backups=1
pidfile={_plain(layout.run / "supervisor.pid")}
childlogdir={_plain(layout.logs)}
"""


def _section(program: Program, layout: Layout) -> str:
    # Each dies with supervisor, also when that is killed (the first words of the command). Stopping waits for
    # requests and tests in flight, which end within ten seconds.
    command = [sys.executable, "-m", "dashboard.tether", *program.command]
    environment = ",".join(
        f'{name}="{_plain(value)}"' for name, value in program.environment.items()
    )
    return f"""\
[program:{program.name}]
command={_plain(shlex.join(command))}
directory={_plain(layout.source)}
environment={environment}
autorestart=true
startsecs=2
startretries=100
stopasgroup=true
killasgroup=true
stopwaitsecs=30
redirect_stderr=true
stdout_logfile={_plain(layout.logs / program.name)}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _plain(value: Path | str) -> str:
    """supervisor expands %(…)s in every value."""
    return str(value).replace("%", "%%")
