"""What a fetch of a key set finds, whatever the server does: one outcome of a closed list, and nothing breaks."""

import json
import socket

import pytest
from django.utils import timezone

from keys.set_fetching import FoundSet, fetch_key_set
from keys.set_outcomes import SetOutcome
from tests.keys.pairs import ED, P256, RSA, key_set, private, public
from tests.servers import Answer, saying, serving

pytestmark = pytest.mark.enable_socket


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def fetch(answer: Answer, algorithm: str = "", **how) -> FoundSet:
    with serving(answer, **how) as server:
        return fetch_key_set(server.url, algorithm, timezone.now())


def test_every_outcome_has_its_words():
    for each in SetOutcome:
        assert each.label
        assert each.meaning


def test_a_set_is_read_stage_by_stage():
    found = fetch(saying(key_set(public(P256, kid="a"), public(RSA, kid="b"))))
    assert found.outcome is SetOutcome.READ
    assert [each.kid for each in found.keys] == ["a", "b"]
    assert [each.name for each in found.stages] == ["name", "connect", "request", "reply", "keys"]
    assert found.stages[-1].note == "2 usable public keys"


def test_the_request_is_a_get_that_carries_nothing_of_ours():
    with serving(saying(key_set(public(P256)))) as server:
        fetch_key_set(server.url, "", timezone.now())
    (request,) = server.requests
    head = request.decode().lower()
    assert head.startswith("get /token http/1.1")
    assert "cookie" not in head
    assert "authorization" not in head
    assert request.endswith(b"\r\n\r\n")


def test_keys_for_other_purposes_are_left_out_with_their_reason():
    found = fetch(saying(key_set(public(P256, use="enc"), public(ED, kid="main"))))
    assert found.outcome is SetOutcome.READ
    assert [each.kid for each in found.keys] == ["main"]
    assert found.left_out == ("Key 1 of 2: This key says that it is not for signatures (use).",)


def test_the_algorithm_typed_is_for_keys_that_name_none_and_that_it_fits():
    found = fetch(saying(key_set(public(RSA), public(P256))), "RS256")
    assert {each.algorithm for each in found.keys} == {"RS256", "ES256"}
    named = fetch(saying(key_set(public(RSA, alg="PS256"))), "RS256")
    assert named.keys[0].algorithm == "PS256"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("301 Moved Permanently", "redirect"),
        ("304 Not Modified", "redirect"),
        ("401 Unauthorized", "access_refused"),
        ("403 Forbidden", "access_refused"),
        ("404 Not Found", "not_found"),
        ("410 Gone", "not_found"),
        ("418 Teapot", "unexpected_status"),
        ("204 No Content", "unexpected_status"),
        ("429 Too Many Requests", "rate_limited"),
        ("500 Oops", "server_error"),
        ("503 Busy", "server_error"),
    ],
)
def test_another_status_than_200_is_no_set_whatever_the_body(status, outcome):
    found = fetch(saying(key_set(public(P256)), status, Location="https://evil.example/"))
    assert found.outcome == outcome
    assert found.keys == ()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("", "not_a_set"),
        ("null", "not_a_set"),
        ("[]", "not_a_set"),
        ("{}", "not_a_set"),
        ('{"keys": {}}', "not_a_set"),
        ('{"keys": [], "keys": []}', "not_a_set"),
        ("[" * 60_000, "not_a_set"),
        ('{"keys": [' + "9" * 5000 + "]}", "not_a_set"),
        (b"\xff\xfe{}", "not_a_set"),
        ("<!doctype html><p>Sign in", "web_page"),
        ('{"keys": []}', "no_usable_key"),
        ('{"keys": [1, null, "x", [], {}]}', "no_usable_key"),
        ('{"keys": [{"kty": "EC", "crv": NaN, "x": 1e400, "y": "\\ud800"}]}', "no_usable_key"),
        ('{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', "no_usable_key"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "private"),
        ("-----BEGIN PRIVATE KEY-----", "private"),
        ("x" * 70_000, "too_large"),
        (json.dumps(public(P256)), "not_a_set"),
    ],
)
def test_whatever_else_it_says_has_its_name(body, outcome):
    assert fetch(saying(body)).outcome == outcome


def test_a_private_key_in_the_set_spoils_it_and_nothing_of_it_is_kept():
    hidden = private(ED)
    found = fetch(saying(key_set(public(P256), hidden)))
    assert found.outcome is SetOutcome.PRIVATE
    assert found.keys == ()
    assert hidden["d"] not in repr(found)


def test_two_keys_with_one_kid_cannot_be_told_apart():
    found = fetch(saying(key_set(public(P256, kid="a"), public(ED, kid="a"))))
    assert found.outcome is SetOutcome.NOT_A_SET
    assert found.stages[-1].note == "Two keys of this set have the same kid."


def test_more_keys_than_a_key_may_have_are_no_set_here():
    found = fetch(saying(key_set(*({"kty": "EC"} for _ in range(21)))))
    assert found.outcome is SetOutcome.NOT_A_SET


def test_a_kid_that_breaks_pages_is_left_out():
    found = fetch(saying(key_set(public(P256, kid="a\nb"), public(ED, kid="<b>"))))
    assert [each.kid for each in found.keys] == ["<b>"]
    assert "kid has up to 200" in found.left_out[0]


def test_a_server_that_hangs_up_or_speaks_no_http_is_told_apart():
    assert fetch(lambda sock: sock.sendall(b"SSH-2.0-x\r\n")).outcome is SetOutcome.NOT_HTTP
    assert fetch(lambda _: None).outcome is SetOutcome.CONNECTION_CLOSED
    assert fetch(saying("{}", Content_Length="5000")).outcome is SetOutcome.CONNECTION_CLOSED


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = fetch_key_set(f"http://127.0.0.1:{port}/jwks.json", "", timezone.now())
    assert found.outcome is SetOutcome.CONNECTION_REFUSED
    assert found.stages[-1].state == "failed"


def test_a_private_address_is_not_asked(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = []
    with serving(saying("{}")) as server:
        found = fetch_key_set(server.url, "", timezone.now())
    assert found.outcome is SetOutcome.FORBIDDEN_ADDRESS
    assert server.requests == []


def test_how_long_a_busy_server_wants_peace_is_heard():
    assert fetch(saying("", "429 Too Many Requests", Retry_After="1800")).retry_after == 1800
