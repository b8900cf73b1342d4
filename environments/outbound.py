"""The only door to the network: judged addresses, one total deadline, a capped reply, nothing from the environment."""

import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address
from queue import Empty, Queue
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.certs import where as certifi_file  # type: ignore[attr-defined]

from environments.addresses import (
    BadAddress,
    IPAddress,
    as_address,
    in_networks,
    is_under,
    judged,
    likely_port,
    parse_networks,
)
from environments.course import Course, Reply
from environments.faults import Cause, Ended, Forbidden, Unreachable, cause_of, reason_of

DEADLINE = 10.0  # seconds for everything, the name included
LIMIT = 64 * 1024  # bytes of a reply's body
_RESOLVERS = threading.BoundedSemaphore(32)  # names that may be asked for at once in one process
_PORTS = {"http": 80, "https": 443}
_HEADERS = {"User-Agent": "Latchkey", "Accept": "application/json", "Accept-Encoding": "identity"}
_NO_ADDRESS = "This is not an https address."
_OWN_TOKEN_PATH = re.compile(r"/t/[A-Za-z0-9_-]+/token")


def get(
    url: str, *, headers: Mapping[str, str] | None = None, course: Course | None = None
) -> Reply:
    """GET a document, or raise Unreachable or Forbidden."""
    return _send("GET", url, headers, course)


def post_form(
    url: str,
    form: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    course: Course | None = None,
) -> Reply:
    """POST a form and read the answer, or raise Unreachable or Forbidden."""
    return _send("POST", url, headers, course, data=dict(form))


def post_json(
    url: str,
    members: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    course: Course | None = None,
) -> Reply:
    """The same with a JSON object."""
    return _send("POST", url, headers, course, json=dict(members))


def post_body(
    url: str, body: bytes, *, headers: Mapping[str, str], course: Course | None = None
) -> Reply:
    """POST these very bytes, as they were signed; the headers name their type."""
    return _send("POST", url, headers, course, data=body)


def _send(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    course: Course | None,
    **body: dict[str, str] | bytes,
) -> Reply:
    asked = requests.PreparedRequest()
    try:
        # No Session, hence no cookie, no redirect, and no proxy or password from the environment.
        asked.prepare(
            method,
            url,
            headers={**_HEADERS, **(headers or {})},
            data=body.get("data"),
            json=body.get("json"),
        )
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
        raise Forbidden(_NO_ADDRESS) from None
    course = course or Course()
    visit = _Visit(asked, course)
    try:
        return visit.pay()
    except Ended as ended:
        raise Unreachable(course.stages[-1].name, ended.cause) from None
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise Unreachable(course.stages[-1].name, cause_of(error), reason_of(error)) from error


class _Visit:
    """One request to one place, stage by stage, against one clock."""

    def __init__(self, request: requests.PreparedRequest, course: Course) -> None:
        self._request, self._course = request, course
        self._url = request.url or ""
        parts = urlsplit(self._url)
        if parts.scheme not in _PORTS:
            raise Forbidden(_NO_ADDRESS)
        if "@" in parts.netloc or not parts.hostname:
            raise Forbidden("The address must not carry a name or password.")
        self._host, self._secure = parts.hostname, parts.scheme == "https"
        self._port = parts.port or _PORTS[parts.scheme]
        self._ends = time.monotonic() + DEADLINE

    def pay(self) -> Reply:
        with self._course.stage("name"):
            addresses = self._resolve()
        self._judge(addresses)
        with self._course.stage("connect"):
            sock = self._connect(addresses)
        try:
            return self._talk(sock)
        finally:
            sock.close()

    def left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _resolve(self) -> list[IPAddress]:
        literal = as_address(self._host)
        return [literal] if literal else _ask_resolver(self._host, self._port, self.left)

    def _judge(self, addresses: list[IPAddress]) -> None:
        if is_allowed(self._url):
            return
        if not likely_port(self._port, secure=self._secure):
            raise Forbidden(f"Port {self._port} belongs to another service than the web.")
        networks = parse_networks(settings.LATCHKEY_ALLOWED_NETWORKS)
        try:
            judged(addresses, networks)
        except BadAddress as bad:
            raise Forbidden(f"{self._host} is at {bad}, which is not a public address.") from None
        if not self._secure and not in_networks(addresses, networks):
            raise Forbidden("Only https is called: over http anybody on the way reads along.")

    def _connect(self, addresses: list[IPAddress]) -> socket.socket:
        failure: OSError = TimeoutError()
        for tried, address in enumerate(addresses):
            # A silent first address must not eat the time of those behind it.
            share = self.left() / (len(addresses) - tried)
            try:
                return socket.create_connection((str(address), self._port), timeout=share)
            except OSError as error:
                failure = error
        raise failure

    def _talk(self, sock: socket.socket) -> Reply:
        if self._secure:
            with self._course.stage("tls"):
                sock.settimeout(self.left())
                sock = tls_context().wrap_socket(sock, server_hostname=self._host)
        try:
            return self._exchange(sock)
        finally:
            sock.close()

    def _exchange(self, sock: socket.socket) -> Reply:
        connection = http.client.HTTPConnection(self._host, self._port)
        connection.default_port = _PORTS["https" if self._secure else "http"]
        connection.sock = _TimedSocket(sock, self.left)
        request = self._request
        with self._course.stage("request"):
            headers = {**request.headers, "Connection": "close"}
            connection.request(request.method or "POST", request.path_url, request.body, headers)
        with self._course.stage("reply"):
            answer = connection.getresponse()
            body = answer.read(LIMIT + 1)
            if len(body) > LIMIT:
                raise Ended(Cause.TOO_LARGE)
            if answer.length:
                raise Ended(
                    Cause.CLOSED
                )  # a read with a limit takes a short answer for a whole one
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, received, body)


class _TimedSocket:
    """What http.client needs of a socket; each wait is given only what remains of the one deadline."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(self._left())
            view = view[self._sock.send(view) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._left))

    def close(self) -> None:
        """http.client says so once it knows that the reply is the last one, before its body has come."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock, self._left = sock, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._sock.settimeout(self._left())
        return self._sock.recv_into(buffer)


def is_allowed(url: str) -> bool:
    """Whether the installation lets this address be called wherever its name leads."""
    if any(is_under(url, prefix) for prefix in settings.LATCHKEY_ALLOWED_URL_PREFIXES):
        return True
    own = settings.LATCHKEY_INTERNAL_URL.rstrip("/")
    return url.startswith(own) and _OWN_TOKEN_PATH.fullmatch(url[len(own) :]) is not None


@cache
def tls_context() -> ssl.SSLContext:
    """The system's authorities (SSL_CERT_FILE adds a private one) and those that requests brings."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi_file())
    return context


def _ask_resolver(host: str, port: int, left: Callable[[], float]) -> list[IPAddress]:
    """getaddrinfo knows no deadline, so it runs in a thread that may be left behind; their number is bounded."""
    free = _RESOLVERS
    if not free.acquire(timeout=left()):
        raise Ended(Cause.RESOLVERS_BUSY)
    answer: Queue[list[IPAddress] | OSError | UnicodeError] = Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put([ip_address(entry[4][0]) for entry in found])
        except (OSError, UnicodeError) as error:
            answer.put(error)
        finally:
            free.release()

    threading.Thread(target=ask, daemon=True, name="resolver").start()
    try:
        result = answer.get(timeout=left())
    except Empty:
        raise TimeoutError from None
    if isinstance(result, list):
        return result
    raise result
