import gzip
import json
import socket
import threading
import time

import pytest

from environments import outbound
from environments.course import Course
from environments.faults import Cause, Forbidden, Unreachable
from environments.outbound import get, post_form, post_json
from tests.certificates import Authority
from tests.servers import saying, serving

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def short_deadline(monkeypatch):
    monkeypatch.setattr(outbound, "DEADLINE", 0.6)


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """One that the worker trusts, as an operator would make it: by SSL_CERT_FILE."""
    known = Authority(tmp_path, "known")
    monkeypatch.setenv("SSL_CERT_FILE", str(known.file))
    outbound.tls_context.cache_clear()
    yield known
    outbound.tls_context.cache_clear()


def failure(url: str) -> tuple[str, Cause]:
    with pytest.raises(Unreachable) as raised:
        post_form(url, {"grant_type": "client_credentials"})
    return raised.value.stage, raised.value.cause


def test_a_form_is_posted_and_the_answer_read(loopback):
    with serving(saying('{"ok":true}', "201 Created", X_Mark="7")) as server:
        reply = post_form(server.url, {"a": "ü &"}, headers={"Latchkey-Test": "t"})
    assert (reply.status, reply.headers["x-mark"], reply.body) == (201, "7", b'{"ok":true}')
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"a=%C3%BC+%26"
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert b"Latchkey-Test: t" in head
    assert b"Accept-Encoding: identity" in head


def test_each_stage_is_timed_and_told_as_it_begins(loopback):
    told: list[list[str]] = []
    course = Course(lambda stages: told.append([f"{stage.name} {stage.state}" for stage in stages]))

    def pondering(sock: socket.socket) -> None:
        time.sleep(0.1)
        saying("{}")(sock)

    with serving(pondering) as server:
        post_form(server.url, {}, course=course)
    assert [stage.name for stage in course.stages] == ["name", "connect", "request", "reply"]
    assert {stage.state for stage in course.stages} == {"ok"}
    assert 90 < course.stages[-1].ms < 5000
    assert told[1] == ["name ok", "connect running"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_body_that_comes_after_its_head_is_read_though_the_server_closes(loopback, version):
    def in_two_steps(sock):
        head = f"HTTP/{version} 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n"
        sock.sendall(head.encode())
        time.sleep(0.2)
        sock.sendall(b'{"step": "2"}')

    with serving(in_two_steps) as server:
        assert post_form(server.url, {}).body == b'{"step": "2"}'


def test_a_name_that_is_nobodys_is_told_apart(loopback):
    assert failure("https://no-such-name.invalid/token") == ("name", Cause.NAME_NOT_FOUND)


def test_a_name_too_long_for_dns_is_not_found():
    with pytest.raises((Unreachable, Forbidden)):
        post_form(f"https://{'a' * 64}.test/token", {})


def hang(*_, **__):
    time.sleep(2)
    return []


def test_a_resolver_that_says_nothing_ends_with_the_deadline(loopback, short_deadline, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert failure("https://slow.example/token") == ("name", Cause.TIMEOUT)


def test_when_no_time_is_left_nothing_more_is_waited_for(loopback, monkeypatch):
    monkeypatch.setattr(outbound, "DEADLINE", 0)
    assert failure("https://slow.example/token") == ("name", Cause.TIMEOUT)


def test_when_all_resolvers_hang_it_is_our_own_fault(loopback, short_deadline, monkeypatch):
    monkeypatch.setattr(outbound, "_RESOLVERS", threading.BoundedSemaphore(1))
    outbound._RESOLVERS.acquire()
    assert failure("https://slow.example/token") == ("name", Cause.RESOLVERS_BUSY)


def test_a_port_where_nobody_listens_refuses(loopback):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}/token") == ("connect", Cause.REFUSED)


def test_the_next_address_is_tried_when_the_first_refuses(settings, monkeypatch):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    with serving(saying("{}")) as server:
        answers = [(0, 0, 0, "", ("::1", 0)), (0, 0, 0, "", ("127.0.0.1", 0))]
        real = socket.getaddrinfo
        fake = lambda host, *a, **k: answers if host == "two.example" else real(host, *a, **k)  # noqa: E731
        monkeypatch.setattr(socket, "getaddrinfo", fake)
        assert post_form(f"http://two.example:{server.port}/token", {}).status == 200
    assert f"Host: two.example:{server.port}".encode() in server.requests[0]


def test_a_full_backlog_is_a_timeout_at_connect(loopback, short_deadline):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        assert failure(f"http://127.0.0.1:{port}/token") == ("connect", Cause.TIMEOUT)
        for filler in fillers:
            filler.close()


def trickle(before: bytes, drop: bytes):
    """A byte every 100 ms: each read succeeds, only a total deadline ends it."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(before)
        while True:
            sock.sendall(drop)
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize(
    "before",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["status line", "headers", "body"],
)
def test_a_trickling_server_is_left_at_the_deadline(before, loopback, short_deadline):
    started = time.monotonic()
    with serving(trickle(before, b"1")) as server:
        assert failure(server.url) == ("reply", Cause.TIMEOUT)
    assert time.monotonic() - started < 2


def test_a_silent_server_is_left_at_the_deadline(loopback, short_deadline):
    with serving(lambda sock: time.sleep(2)) as server:
        assert failure(server.url) == ("reply", Cause.TIMEOUT)


def test_a_server_that_reads_nothing_does_not_hold_us(loopback, short_deadline):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/token"
        with pytest.raises(Unreachable) as raised:
            post_form(url, {"filler": "x" * 20_000_000})
    assert (raised.value.stage, raised.value.cause) == ("request", Cause.TIMEOUT)


def endless(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")


def test_an_endless_body_is_cut(loopback):
    with serving(endless) as server:
        assert failure(server.url) == ("reply", Cause.TOO_LARGE)


def test_a_body_of_the_largest_size_is_taken_and_one_more_byte_is_not(loopback):
    with serving(saying(b"a" * outbound.LIMIT)) as server:
        assert len(post_form(server.url, {}).body) == outbound.LIMIT
    with serving(saying(b"a" * (outbound.LIMIT + 1))) as server:
        assert failure(server.url) == ("reply", Cause.TOO_LARGE)


def test_a_redirect_is_an_answer_and_not_followed(loopback):
    with (
        serving(saying("{}")) as elsewhere,
        serving(saying("", "302 Found", Location=elsewhere.url)) as server,
    ):
        assert post_form(server.url, {}).status == 302
    assert elsewhere.requests == []


def test_cookies_proxies_and_netrc_play_no_part(loopback, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password planted\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(saying("{}", Set_Cookie="a=b")) as server:
        post_form(server.url, {})
        post_form(server.url, {})
    assert b"Cookie" not in server.requests[1]
    assert b"Authorization" not in server.requests[1]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", Cause.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", Cause.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, Cause.NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", Cause.CLOSED),
        (b"", Cause.CLOSED),
    ],
    ids=["another protocol", "too many headers", "header too long", "bad chunk", "hangs up"],
)
def test_what_is_not_http_is_told_apart(answer, cause, loopback):
    with serving(lambda sock: sock.sendall(answer)) as server:
        assert failure(server.url) == ("reply", cause)


def test_a_good_certificate_is_accepted_by_name(authority, loopback):
    course = Course()
    with serving(saying("{}"), tls=authority.server("localhost")) as server:
        assert post_form(f"https://localhost:{server.port}/token", {}, course=course).status == 200
    assert [stage.name for stage in course.stages] == ["name", "connect", "tls", "request", "reply"]


def test_an_expired_certificate_is_named(authority, loopback):
    with serving(saying("{}"), tls=authority.server("localhost", days=-1)) as server:
        assert failure(f"https://localhost:{server.port}/token") == ("tls", Cause.TLS_EXPIRED)
    assert server.requests == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_for_another_name_is_named(host, authority, loopback):
    with serving(saying("{}"), tls=authority.server("other.example")) as server:
        assert failure(f"https://{host}:{server.port}/token") == ("tls", Cause.TLS_WRONG_HOST)


def test_an_unknown_authority_is_named(authority, loopback, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    with serving(saying("{}"), tls=stranger.server("localhost")) as server:
        assert failure(f"https://localhost:{server.port}/token") == (
            "tls",
            Cause.TLS_UNKNOWN_ISSUER,
        )


def test_a_port_without_tls_is_named(loopback):
    plain = saying("", "400 Bad Request")
    with serving(plain, greet=True) as server:
        assert failure(f"https://localhost:{server.port}/token") == ("tls", Cause.TLS_FAILED)


def test_a_handshake_that_never_ends_is_left_at_the_deadline(loopback, short_deadline):
    with serving(lambda sock: time.sleep(2)) as server:
        assert failure(f"https://localhost:{server.port}/token") == ("tls", Cause.TIMEOUT)


def test_a_compressed_bomb_stays_as_small_as_it_came(loopback):
    """Nothing is unpacked: 30 MB of zeros come as 30 kB, and stay 30 kB."""
    bomb = gzip.compress(b"0" * 30_000_000)
    with serving(saying(bomb, Content_Encoding="gzip")) as server:
        assert post_form(server.url, {}).body == bomb
    huge = gzip.compress(b"0" * 90_000_000)
    assert len(huge) > outbound.LIMIT
    with serving(saying(huge, Content_Encoding="gzip")) as server:
        assert failure(server.url) == ("reply", Cause.TOO_LARGE)


def test_an_object_is_posted_as_json(loopback):
    with serving(saying("{}")) as server:
        post_json(server.url, {"apiKey": "a", "secret": 'b"ü'}, headers={"X-Mark": "7"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"apiKey": "a", "secret": 'b"ü'}
    assert b"Content-Type: application/json" in head
    assert b"X-Mark: 7" in head


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(loopback):
    with serving(saying("{}", Content_Length="5000")) as server:
        assert failure(server.url) == ("reply", Cause.CLOSED)


def test_a_document_is_fetched_with_a_get_that_has_no_body(loopback):
    with serving(saying("{}")) as server:
        assert get(server.url, headers={"Accept": "x/y"}).body == b"{}"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (head[:19], body, b"Accept: x/y" in head) == (b"GET /token HTTP/1.1", b"", True)
