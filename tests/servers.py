"""Small servers that answer exactly what a test tells them, on real sockets."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

type Answer = Callable[[socket.socket], None]


@dataclass
class Server:
    """Where it listens and what it was sent."""

    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/token"


@contextmanager
def serving(
    answer: Answer, *, tls: ssl.SSLContext | None = None, greet: bool = False
) -> Iterator[Server]:
    """Listen on a free port; each connection's request is read whole (`greet`: not at all), then answered."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])

    def meet(sock: socket.socket) -> None:
        # A client that leaves early is what some tests are about.
        with suppress(OSError), sock:
            talk = tls.wrap_socket(sock, server_side=True) if tls else sock
            with talk:
                if not greet:
                    server.requests.append(_read_request(talk))
                answer(talk)

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=meet, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := sock.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (
            int(line[15:])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ),
        0,
    )
    while len(body) < length and (more := sock.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


def saying(body: bytes | str, status: str = "200 OK", **headers: str) -> Answer:
    """An ordinary answer; header names are written with underscores."""
    text = body.encode() if isinstance(body, str) else body
    lines = {"Content-Type": "application/json", "Content-Length": str(len(text))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return lambda sock: sock.sendall(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + text)
