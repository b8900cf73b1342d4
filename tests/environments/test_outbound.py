import gzip
import json
import socket
import threading
import time
from ipaddress import ip_address

import pytest

from environments import outbound
from environments.addresses import BadAddress, carried, is_under, judged, parse_networks
from environments.course import Course
from environments.faults import Cause, Forbidden, Unreachable
from environments.outbound import post_form, post_json
from tests.certificates import Authority
from tests.servers import saying, serving

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def loopback(settings):
    """An installation that allows its own machine."""
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


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


PRIVATE = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 198.18.0.1 192.0.0.8
224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 192.0.2.1
::1 :: fe80::1 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001:db8::1
::ffff:127.0.0.1 ::ffff:a00:1 ::127.0.0.1 ::10.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2606:4700::5efe:10.0.0.1
2606:4700::200:5efe:192.168.0.1
"""


@pytest.mark.parametrize("text", PRIVATE.split())
def test_no_spelling_of_a_private_address_is_public(text):
    with pytest.raises(BadAddress):
        judged([ip_address(text)], [])


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
def test_public_addresses_are_public_also_when_translated(text):
    assert judged([ip_address(text)], []) == [ip_address(text)]


def test_one_private_address_spoils_the_whole_name():
    with pytest.raises(BadAddress, match=r"10\.0\.0\.1"):
        judged([ip_address("1.1.1.1"), ip_address("10.0.0.1")], [])


def test_a_listed_range_allows_itself_in_every_spelling_and_nothing_else():
    allowed = parse_networks(["10.1.0.0/16"])
    judged(
        [ip_address("10.1.2.3"), ip_address("::ffff:10.1.2.3"), ip_address("64:ff9b::10.1.2.3")],
        allowed,
    )
    with pytest.raises(BadAddress):
        judged([ip_address("10.2.0.1")], allowed)


def test_an_address_carries_what_tunnels_hide_in_it():
    assert ip_address("192.168.0.1") in list(carried(ip_address("2002:c0a8:1::1")))
    teredo = ip_address("2001:0:4136:e378:8000:63bf:3fff:fdd2")
    assert ip_address("192.0.2.45") in list(carried(teredo))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "①②⑦.0.0.1",
    ],
)
def test_no_spelling_of_this_machine_is_connected_to(host):
    # Unreachable: the resolver of the machine that runs this does not know the spelling.
    with serving(saying("{}")) as server, pytest.raises((Forbidden, Unreachable)) as raised:
        post_form(f"https://{host}:{server.port}/token", {})
    assert getattr(raised.value, "stage", "name") == "name"
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "/token",
        "",
        "https://",
        "https://a:b@example.org/",
        "http://[::1",
        "\0",
    ],
)
def test_what_is_not_a_plain_web_address_is_forbidden(url):
    with pytest.raises(Forbidden):
        post_form(url, {})


def test_plain_http_is_for_allowed_places_only(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("1.1.1.1", 80))])
    with pytest.raises(Forbidden, match="https"):
        post_form("http://one.example/token", {})


def test_a_listed_prefix_is_allowed_and_its_neighbours_are_not(settings):
    with serving(saying("{}")) as server:
        settings.LATCHKEY_ALLOWED_URL_PREFIXES = [f"http://127.0.0.1:{server.port}/idp/"]
        assert post_form(f"http://127.0.0.1:{server.port}/idp/token", {}).status == 200
        for path in ("idp2/token", "", "idp/../token", "idp/%2e%2e/token", "idp/..%2ftoken"):
            with pytest.raises(Forbidden):
                post_form(f"http://127.0.0.1:{server.port}/{path}", {})


def test_a_prefix_needs_the_same_scheme_host_and_port():
    assert is_under("https://idp.example:443/a/b", "https://idp.example/a")
    assert not is_under("https://idp.example.evil.test/a", "https://idp.example/a")
    assert not is_under("http://idp.example/a", "https://idp.example/a")


def test_our_own_token_endpoints_are_always_allowed_and_nothing_else_there(settings):
    with serving(saying("{}")) as server:
        settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{server.port}"
        assert post_form(f"http://127.0.0.1:{server.port}/t/abc/token", {}).status == 200
        for path in ("/", "/t/abc/introspect", "/t/a/b/token", "/t/abc/token?x=1", "/t/../token"):
            with pytest.raises(Forbidden):
                post_form(f"http://127.0.0.1:{server.port}{path}", {})


def test_a_name_is_asked_for_once_so_that_it_cannot_change_between_the_judging_and_the_connecting(
    loopback, monkeypatch
):
    """Rebinding: a name server that says a good address first and a bad one to whoever asks again."""
    answers = [[(0, 0, 0, "", ("127.0.0.1", 0))], [(0, 0, 0, "", ("10.0.0.1", 0))]]
    real = socket.getaddrinfo
    asked: list[str] = []

    def changing(host: str, *rest, **more):
        if host != "changing.example":
            return real(host, *rest, **more)
        asked.append(host)
        return answers.pop(0)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with serving(saying("{}")) as server:
        assert post_form(f"http://changing.example:{server.port}/token", {}).status == 200
        with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
            post_form(f"http://changing.example:{server.port}/token", {})
    assert len(asked) == 2, "once for each request"
    assert len(server.requests) == 1


def test_a_compressed_bomb_stays_as_small_as_it_came(loopback):
    """Nothing is unpacked: 30 MB of zeros come as 30 kB, and stay 30 kB."""
    bomb = gzip.compress(b"0" * 30_000_000)
    with serving(saying(bomb, Content_Encoding="gzip")) as server:
        assert post_form(server.url, {}).body == bomb
    huge = gzip.compress(b"0" * 90_000_000)
    assert len(huge) > outbound.LIMIT
    with serving(saying(huge, Content_Encoding="gzip")) as server:
        assert failure(server.url) == ("reply", Cause.TOO_LARGE)


@pytest.mark.parametrize("url", ["https://one.example:22/t", "https://one.example:80/t"])
def test_the_ports_of_other_services_are_shut_at_connecting_too(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("1.1.1.1", 0))])
    with pytest.raises(Forbidden, match="another service"):
        post_form(url, {})


def test_an_object_is_posted_as_json(loopback):
    with serving(saying("{}")) as server:
        post_json(server.url, {"apiKey": "a", "secret": 'b"ü'}, headers={"X-Mark": "7"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"apiKey": "a", "secret": 'b"ü'}
    assert b"Content-Type: application/json" in head
    assert b"X-Mark: 7" in head
