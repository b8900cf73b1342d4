"""Which places the one door leads to, in every spelling of them."""

import socket
from ipaddress import ip_address

import pytest

from environments.addresses import BadAddress, carried, is_under, judged, parse_networks
from environments.faults import Forbidden, Unreachable
from environments.outbound import post_form
from tests.servers import saying, serving

pytestmark = pytest.mark.enable_socket

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


@pytest.mark.parametrize("url", ["https://one.example:22/t", "https://one.example:80/t"])
def test_the_ports_of_other_services_are_shut_at_connecting_too(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("1.1.1.1", 0))])
    with pytest.raises(Forbidden, match="another service"):
        post_form(url, {})
