"""Servers as `manage.py up` starts them, what they cost as the kernel counts it, and a light client."""

import http.client
import os
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles

from dashboard.programs import web_command
from tests.installation import free_port, until

ROOT = Path(__file__).resolve().parents[2]
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)

type Requests = Callable[[int], Sequence[bytes]]
"""So many requests, each good for one use."""


class Failed(SystemExit):
    """Something did not work, so there is nothing to measure."""


class Server:
    """Any program that answers on a port."""

    def __init__(
        self,
        name: str,
        command: Callable[[int], list[str]],
        environment: Mapping[str, str],
        *,
        folder: Path = ROOT,
        errors: int | None = None,
    ) -> None:
        self.name, self.port = name, free_port()
        self.process = subprocess.Popen(
            command(self.port),
            cwd=folder,
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

    def measure(self, requests: Requests, times: int, connections: int) -> float:
        """Microseconds of CPU per request, over a few connections that are never idle."""
        waiting = list(requests(times))
        sockets = [
            socket.create_connection(("127.0.0.1", self.port), timeout=20)
            for _ in range(min(connections, times))
        ]
        before = self.cpu()
        try:
            self._ask(sockets, waiting)
            return (self.cpu() - before) / times * 1e6
        finally:
            for one in sockets:
                one.close()

    def _ask(self, sockets: list[socket.socket], requests: list[bytes]) -> None:
        unanswered = len(requests)
        with selectors.DefaultSelector() as waiting:
            for one in sockets:
                waiting.register(one, selectors.EVENT_READ, bytearray())
                one.sendall(requests.pop())
            while unanswered:
                for key, _ in waiting.select():
                    line: socket.socket = key.fileobj  # type: ignore[assignment]
                    if not self._answered(line, key.data):
                        continue
                    unanswered -= 1
                    if requests:
                        line.sendall(requests.pop())

    def _answered(self, line: socket.socket, heard: bytearray) -> bool:
        """Once the whole answer has come, in however many pieces."""
        piece = line.recv(65536)
        heard += piece
        head, ended, body = bytes(heard).partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        whole = body.endswith(b"0\r\n\r\n") if CHUNKED.search(head) else bool(length) and len(body) >= int(length[1])  # type: ignore[index]  # fmt: skip
        if piece and not (ended and whole):
            return False
        if not heard.startswith(b"HTTP/1.1 200"):
            raise Failed(f"{self.name} answered {bytes(heard[:600])!r}")
        heard.clear()
        return True

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def as_up_starts(application: str) -> Callable[[int], list[str]]:
    """The command of our own web process, around any WSGI application."""
    return lambda port: [*web_command(port)[:-1], application]


type Contestant = tuple[Server, Requests]


def in_turns(
    contestants: Sequence[Contestant], rounds: int, times: int, connections: int
) -> list[list[float]]:
    """What each costs, round by round. The order changes, so that nobody always comes after the same one."""
    for server, requests in contestants:
        server.measure(requests, 1000, connections)
    costs: list[list[float]] = [[] for _ in contestants]
    for turn in range(rounds):
        pairs = list(zip(contestants, costs, strict=True))
        for (server, requests), cost in pairs if turn % 2 else reversed(pairs):
            cost.append(server.measure(requests, times, connections))
    return costs


def table(names: Sequence[str], costs: Sequence[Sequence[float]]) -> str:
    """Medians; the ratio to the first is taken within each round, while both met the same neighbours."""
    lines = [f"{'':28}{'µs of CPU':>12}{'÷ ' + names[0]:>10}{'middle half':>16}"]
    for name, cost in zip(names, costs, strict=True):
        ratios = [one / first for one, first in zip(cost, costs[0], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        half = f"{low:.2f} to {high:.2f}"
        lines.append(f"{name:28}{median(cost):12.0f}{middle:10.2f}{half:>16}")
    return "\n".join(lines)


def conditions() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"Python {python}, {os.cpu_count()} cores, load {load}"


def _children(pid: int) -> list[int]:
    said = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(child) for child in said.stdout.split()]
