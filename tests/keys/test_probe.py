import base64
import json
import re
import socket
import time

import pytest
from django.utils.http import http_date

from environments import outbound
from keys.answers import Asked
from keys.asking import Target
from keys.crypto import SecretText
from keys.outcomes import Fault, Outcome
from keys.probe import Finding, fetch_token
from tests.servers import saying, serving

pytestmark = pytest.mark.enable_socket

SECRET = "planted s+cret/of=signs"
CLIENT = "ck_abc"
GOOD = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 300}
NOTHING = Asked()
ASKED = Asked("https://issuer.example/t/x", "https://api.example", "read")


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def probe(answer, *, asked: Asked = NOTHING, method: str = "client_secret_basic") -> Finding:
    with serving(answer) as server:
        return fetch_token(Target(server.url, CLIENT, method, asked), SecretText(SECRET))


def jwt(**claims) -> str:
    parts = [{"alg": "ES256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"c2ln"]).decode()


def granted(**changes):
    return saying(json.dumps(GOOD | changes))


def test_a_token_that_fits_works_and_says_what_was_bought():
    finding = probe(granted(scope="read"))
    assert finding.outcome is Outcome.WORKS
    assert [stage.name for stage in finding.stages] == [
        "name",
        "connect",
        "request",
        "token",
        "checked",
    ]
    assert {stage.state for stage in finding.stages} == {"ok"}
    assert finding.stages[-1].note == "300 s, read"
    assert finding.http_status == 200


def test_basic_encodes_both_halves_before_joining_them():
    with serving(granted()) as server:
        fetch_token(Target(server.url, CLIENT), SecretText(SECRET), ticket="t1")
    pair = base64.b64encode(b"ck_abc:planted+s%2Bcret%2Fof%3Dsigns")
    assert b"Authorization: Basic " + pair in server.requests[0]
    assert b"Latchkey-Test: t1" in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\ngrant_type=client_credentials")


def test_post_sends_the_secret_in_the_form_alone():
    target_form = b"client_id=ck_abc&client_secret=planted+s%2Bcret%2Fof%3Dsigns"
    with serving(granted()) as server:
        target = Target(server.url, CLIENT, "client_secret_post", Asked(scope="read"))
        fetch_token(target, SecretText(SECRET))
    assert target_form in server.requests[0]
    assert b"scope=read" in server.requests[0]
    assert b"Authorization" not in server.requests[0]


def error(code: str, description: str = "", status: str = "400 Bad Request"):
    return saying(json.dumps({"error": code, "error_description": description}), status)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (error("invalid_client", status="401 Unauthorized"), Outcome.REFUSED),
        (error("unauthorized_client"), Outcome.UNAUTHORIZED_CLIENT),
        (error("invalid_scope"), Outcome.INVALID_SCOPE),
        (error("invalid_request"), Outcome.INVALID_REQUEST),
        (error("unsupported_grant_type"), Outcome.UNSUPPORTED_GRANT),
        (error("something_new"), Outcome.UNEXPLAINED_REFUSAL),
        (error("invalid_client", status="200 OK"), Outcome.REFUSED),
        (error("invalid_client", status="429 Too Many Requests"), Outcome.RATE_LIMITED),
        (error("invalid_client", status="500 Oops"), Outcome.SERVER_ERROR),
        (saying('{"message":"no"}', "401 Unauthorized"), Outcome.REFUSED),
        (saying("<h1>Sign in</h1>", "401 Unauthorized"), Outcome.UNEXPLAINED_REFUSAL),
        (saying("no", "403 Forbidden"), Outcome.UNEXPLAINED_REFUSAL),
        (saying("", "404 Not Found"), Outcome.NOT_FOUND),
        (saying("", "405 Method Not Allowed"), Outcome.NOT_FOUND),
        (saying("", "418 Teapot"), Outcome.UNEXPECTED_STATUS),
        (saying("", "503 Busy", Retry_After="7"), Outcome.SERVER_ERROR),
        (saying("", "302 Found", Location="https://elsewhere.example/x"), Outcome.REDIRECT),
        (saying("<html>hello"), Outcome.WEB_PAGE),
        (saying("access_token=abc"), Outcome.NOT_JSON),
        (saying("[1]"), Outcome.NOT_JSON),
        (saying("[" * 60_000), Outcome.NOT_JSON),
        (saying(b"\xff\xfe{}"), Outcome.NOT_JSON),
        (saying("{}"), Outcome.NO_TOKEN),
        (granted(access_token=7), Outcome.NO_TOKEN),
        (granted(token_type="mac"), Outcome.WRONG_TOKEN_TYPE),
        (granted(token_type=None), Outcome.WRONG_TOKEN_TYPE),
        (saying("a" * 70_000), Outcome.TOO_LARGE),
        (lambda sock: sock.sendall(b"SSH-2.0\r\n"), Outcome.NOT_HTTP),
        (lambda sock: None, Outcome.CONNECTION_CLOSED),
    ],
)
def test_each_answer_has_its_own_name(answer, outcome):
    assert probe(answer).outcome is outcome


@pytest.mark.parametrize(
    "life", ["NaN", "-1", "0", "1.5", '"soon"', "1" + "0" * 400, "1e400", "true", "[]", "9" * 5000]
)
def test_a_lifetime_that_makes_no_sense_is_named_and_harms_nothing(life):
    body = json.dumps(GOOD).replace("300", life)
    assert probe(saying(body)).outcome in {Outcome.BAD_LIFETIME, Outcome.NOT_JSON}


@pytest.mark.parametrize("life", ["3600", '"3599"', "300.0"])
def test_a_lifetime_in_digits_is_accepted(life):
    assert probe(saying(json.dumps(GOOD).replace("300", life))).outcome is Outcome.WORKS


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({}, Outcome.WORKS),
        ({"exp": time.time() - 100}, Outcome.TOKEN_EXPIRED),
        ({"iss": "https://issuer.example/t/y"}, Outcome.WRONG_ISSUER),
        ({"aud": "https://other.example"}, Outcome.WRONG_AUDIENCE),
        ({"aud": ["https://other.example", "https://api.example"]}, Outcome.WORKS),
        ({"scope": "write"}, Outcome.SCOPE_NARROWED),
        ({"scp": ["read", "write"]}, Outcome.WORKS),
    ],
)
def test_the_claims_of_a_token_are_compared_with_what_was_asked(claims, outcome):
    finding = probe(granted(access_token=jwt(**claims)), asked=ASKED)
    assert finding.outcome is outcome
    assert finding.stages[-1].name == "checked"


def old_token(**headers):
    old = jwt(exp=time.time() - 100)
    return saying(json.dumps(GOOD | {"access_token": old}), **headers)


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        (-312, "The server's clock is 31[123] s behind ours"),
        (312, "The server's clock is 31[123] s ahead of ours"),
        (0, "The server's clock agrees with ours"),
    ],
)
def test_a_token_already_over_tells_how_far_the_clocks_are_apart(apart, words):
    finding = probe(old_token(Date=http_date(time.time() + apart)))
    assert finding.outcome is Outcome.TOKEN_EXPIRED
    assert re.fullmatch(rf"It ended 10\d s ago by our clock\. {words}", finding.stages[-1].note)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": "9" * 400}])
def test_without_a_date_that_can_be_read_no_difference_is_made_up(headers):
    finding = probe(old_token(**headers))
    assert finding.outcome is Outcome.TOKEN_EXPIRED
    assert finding.stages[-1].note.endswith("Its answer says no date to compare the clocks by")


@pytest.mark.parametrize("token", ["a.b.c", "..", "é.é.é", "W10.W10.W10", "e30." + "A" * 50 + ".x"])
def test_a_token_that_is_no_jwt_is_opaque_and_works(token):
    assert probe(granted(access_token=token), asked=ASKED).outcome is Outcome.WORKS


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("The secret is right, but this key is disabled.", Outcome.DISABLED),
        ("The secret is right, but it has expired.", Outcome.EXPIRED),
        ("The secret is right, but this key was deleted.", Outcome.DELETED),
        ("Unknown client or wrong secret; was it disabled?", Outcome.REFUSED),
    ],
)
def test_our_own_service_names_the_cause_and_strangers_are_not_believed(said, outcome):
    answer = error("invalid_client", said, "401 Unauthorized")
    assert probe(answer, asked=Asked(built_in=True)).outcome is outcome
    assert probe(answer).outcome is Outcome.REFUSED
    assert probe(answer).said == said


def spellings() -> list[str]:
    pair = f"{CLIENT}:{SECRET}"
    return [
        SECRET,
        "planted+s%2Bcret%2Fof%3Dsigns",
        "planted%20s%2Bcret%2Fof%3Dsigns",
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(pair.encode()).decode(),
        base64.b64encode(b"ck_abc:planted+s%2Bcret%2Fof%3Dsigns").decode(),
        SECRET.encode().hex(),
        json.dumps(SECRET)[1:-1],
        SECRET.replace("/", "\\/"),
    ]


@pytest.mark.parametrize("echo", spellings())
def test_a_server_that_echoes_the_secret_does_not_get_it_kept(echo):
    for answer in (
        error("invalid_client", f"got {echo} here", "401 Unauthorized"),
        error(echo),
        saying(f"<p>{echo}</p>", "400 Bad Request"),
        granted(token_type=echo),
        saying("", "503 Busy", Retry_After=echo),
    ):
        assert echo not in repr(probe(answer))


def test_a_token_is_never_kept():
    assert "opaque" not in repr(probe(granted(token_type="mac")))
    assert "abcdef" not in repr(probe(saying("access_token=abcdef")))


def test_foreign_text_is_kept_short_and_without_control_characters():
    said = probe(error("invalid_client", "a\0b\ud800\x1b[31m\n" + "x" * 5000)).said
    assert said.startswith("a b [31m x")
    assert len(said) == 500
    assert said.isprintable()


def test_a_refused_connection_tells_where_and_marks_the_stage():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    finding = fetch_token(Target(f"http://127.0.0.1:{port}/t", CLIENT), SecretText(SECRET))
    assert finding.outcome is Outcome.CONNECTION_REFUSED
    assert finding.stages[-1].state == "failed"
    assert finding.stages[-1].note.startswith(f"127.0.0.1:{port}: ")
    assert finding.http_status is None


def test_a_forbidden_address_is_no_fault_of_the_key(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = []
    finding = fetch_token(Target("https://127.0.0.1/t", CLIENT), SecretText(SECRET))
    assert finding.outcome is Outcome.FORBIDDEN_ADDRESS
    assert finding.outcome.fault is Fault.WORKER
    assert "127.0.0.1" in finding.stages[-1].note


def test_a_silent_endpoint_ends_as_a_timeout_at_the_token(monkeypatch):
    monkeypatch.setattr(outbound, "DEADLINE", 0.3)
    finding = probe(lambda sock: time.sleep(1))
    assert (finding.outcome, finding.stages[-1].name) == (Outcome.TIMEOUT, "token")


def test_who_watches_hears_of_each_stage_by_its_own_name():
    heard = []
    with serving(granted()) as server:
        target = Target(server.url, CLIENT)
        fetch_token(target, SecretText(SECRET), tell=lambda all_: heard.append(all_[-1].name))
    assert heard == ["name", "connect", "request", "token"]
