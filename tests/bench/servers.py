"""Servers as `manage.py up` starts them, what they cost as the kernel counts it, and a light client."""

import http.client
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles

from dashboard.programs import web_command
from tests.installation import free_port, until

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 8


class Failed(SystemExit):
    """Something did not work, so there is nothing to measure."""


class Server:
    def __init__(
        self,
        name: str,
        application: str,
        environment: Mapping[str, str],
        *,
        errors: int | None = None,
    ) -> None:
        self.name, self.port = name, free_port()
        *command, _ = web_command(self.port)
        self.process = subprocess.Popen(
            [*command, application],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        until(self.answers, lambda: f"{name} did not start")
        self.pids = [self.process.pid, *_children(self.process.pid)]

    def answers(self) -> bool:
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended at its start")
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)) as client:
                client.connect()
        except OSError:
            return False
        return True

    def cpu(self) -> float:
        """Seconds, to the nanosecond, of the server and its worker, all threads (clock_getcpuclockid)."""
        return sum(time.clock_gettime(~pid << 3 | 2) for pid in self.pids)

    def measure(self, request: bytes, times: int) -> float:
        """Microseconds of CPU per request, over a few connections that are never idle."""
        sockets = [
            socket.create_connection(("127.0.0.1", self.port), timeout=20)
            for _ in range(CONNECTIONS)
        ]
        before = self.cpu()
        try:
            self._ask(sockets, request, times)
            return (self.cpu() - before) / times * 1e6
        finally:
            for one in sockets:
                one.close()

    def _ask(self, sockets: list[socket.socket], request: bytes, times: int) -> None:
        with selectors.DefaultSelector() as waiting:
            for one in sockets:
                waiting.register(one, selectors.EVENT_READ)
                one.sendall(request)
            sent, answered = len(sockets), 0
            while answered < times:
                for key, _ in waiting.select():
                    answer = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise Failed(f"{self.name} answered {answer[:200]!r}")
                    answered += 1
                    if sent < times:
                        key.fileobj.sendall(request)  # type: ignore[union-attr]
                        sent += 1

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def in_turns(servers: list[Server], request: bytes, rounds: int, times: int) -> list[list[float]]:
    """What each costs, round by round. The order changes, so that nobody always comes after the same one."""
    for server in servers:
        server.measure(request, 1000)
    costs: list[list[float]] = [[] for _ in servers]
    for turn in range(rounds):
        pairs = list(zip(servers, costs, strict=True))
        for server, cost in pairs if turn % 2 else reversed(pairs):
            cost.append(server.measure(request, times))
    return costs


def table(servers: list[Server], costs: list[list[float]]) -> str:
    """Medians; the ratio to the first is taken within each round, while both met the same neighbours."""
    lines = [f"{'':10}{'µs of CPU':>12}{'÷ ' + servers[0].name:>10}{'middle half':>16}"]
    for server, cost in zip(servers, costs, strict=True):
        ratios = [one / first for one, first in zip(cost, costs[0], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        half = f"{low:.2f} to {high:.2f}"
        lines.append(f"{server.name:10}{median(cost):12.0f}{middle:10.2f}{half:>16}")
    return "\n".join(lines)


def conditions() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"Python {python}, {os.cpu_count()} cores, load {load}, {CONNECTIONS} connections"


def _children(pid: int) -> list[int]:
    said = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in said.stdout.split()]
