"""The four ways to prove a credential, each against a server that checks what it is sent."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from django.utils.http import http_date
from joserfc import jwk, jwt

from keys.answers import Asked
from keys.asking import Target
from keys.crypto import SecretText
from keys.outcomes import Fault, Outcome
from keys.private_keys import read_private_key
from keys.probe import Finding, fetch_token
from tests.servers import saying, serving

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),  # joserfc's decode warns
]
CLIENT = "outside-client"
KEYS: dict[str, jwk.Key] = {
    "RS384": jwk.RSAKey.generate_key(2048),
    "ES256": jwk.ECKey.generate_key("P-256"),
    "ES384": jwk.ECKey.generate_key("P-384"),
    "EdDSA": jwk.OKPKey.generate_key("Ed25519"),
}
KEYS["RS256"] = KEYS["PS256"] = KEYS["RS384"]
GOOD = '{"access_token":"opaque","token_type":"Bearer","expires_in":300}'


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def private_key(algorithm: str) -> SecretText:
    text = json.dumps(KEYS[algorithm].as_dict(private=True))
    return read_private_key(SecretText(text), algorithm).text


def signed(answer, *, algorithm: str = "ES256", audience: str = "", kid: str = "k1"):
    """What came of it, and the form that the server was sent."""
    with serving(answer) as server:
        target = Target(
            server.url,
            CLIENT,
            "private_key_jwt",
            Asked(scope="read", signed=True),
            algorithm=algorithm,
            audience=audience,
            kid=kid,
        )
        finding = fetch_token(target, private_key(algorithm))
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"Authorization" not in head
    assert CLIENT.encode() not in body, "the assertion alone says who asks"
    return (
        finding,
        {name: values[0] for name, values in parse_qs(body.decode()).items()},
        server.url,
    )


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_a_signed_assertion_is_what_the_standard_asks_for(algorithm):
    finding, form, url = signed(saying(GOOD), algorithm=algorithm)
    assert finding.outcome is Outcome.WORKS
    assert form["grant_type"] == "client_credentials"
    assert form["client_assertion_type"].endswith("client-assertion-type:jwt-bearer")
    assert form["scope"] == "read"
    public = jwk.import_key(KEYS[algorithm].as_dict(private=False))
    token = jwt.decode(form["client_assertion"], public, [algorithm])
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "k1"}
    assert (token.claims["iss"], token.claims["sub"]) == (CLIENT, CLIENT)
    assert token.claims["aud"] == url, "without another audience: the address itself"


def test_the_audience_may_be_the_issuer_and_the_kid_left_out():
    _, form, _ = signed(saying(GOOD), audience="https://issuer.example", kid="")
    token = jwt.decode(form["client_assertion"], KEYS["ES256"], ["ES256"])
    assert token.claims["aud"] == "https://issuer.example"
    assert "kid" not in token.header


def test_each_assertion_is_new():
    ids = {
        jwt.decode(signed(saying(GOOD))[1]["client_assertion"], KEYS["ES256"], ["ES256"]).claims[
            "jti"
        ]
        for _ in range(3)
    }
    assert len(ids) == 3


def error(code: str, said: str = "", status: str = "401 Unauthorized", **headers: str):
    return saying(json.dumps({"error": code, "error_description": said}), status, **headers)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (error("invalid_client"), Outcome.REFUSED),
        (error("invalid_client", "The audience of the assertion is wrong."), Outcome.ASSERTION_AUDIENCE),
        (error("invalid_client", "aud must be https://issuer.example"), Outcome.ASSERTION_AUDIENCE),
        (error("invalid_client", "Public key not found for this kid"), Outcome.KEY_UNKNOWN),
        (error("invalid_request", "no such kid"), Outcome.KEY_UNKNOWN),
        (error("invalid_client", "alg RS256 is not allowed"), Outcome.ALGORITHM_REFUSED),
        (error("invalid_grant", "iat is in the future"), Outcome.CLOCKS_APART),
        (error("invalid_client", "check aud, exp, kid and alg"), Outcome.REFUSED),
        (error("invalid_client", "kid unknown", "503 Busy"), Outcome.SERVER_ERROR),
        (error("invalid_client", "kid unknown", "429 Slow"), Outcome.RATE_LIMITED),
        (error("invalid_scope", "aud"), Outcome.INVALID_SCOPE),
    ],
)  # fmt: skip
def test_what_a_server_finds_wrong_with_an_assertion_is_told_apart(answer, outcome):
    assert signed(answer)[0].outcome is outcome


def test_clocks_that_are_apart_are_measured_by_the_answers_date():
    late = http_date(time.time() - 400)
    finding, *_ = signed(error("invalid_client", Date=late))
    assert finding.outcome is Outcome.CLOCKS_APART
    assert "behind ours" in finding.stages[-1].note
    near, *_ = signed(error("invalid_client", Date=http_date(time.time() - 20)))
    assert near.outcome is Outcome.REFUSED


def test_a_clock_or_an_audience_is_no_fault_of_the_credential():
    for outcome in (Outcome.CLOCKS_APART, Outcome.ASSERTION_AUDIENCE, Outcome.ALGORITHM_REFUSED):
        assert outcome.fault is Fault.ENDPOINT
    assert Outcome.KEY_UNKNOWN.fault is Fault.CREDENTIAL


def assertion_in(request: bytes) -> str:
    return parse_qs(request.partition(b"\r\n\r\n")[2].decode())["client_assertion"][0]


@pytest.mark.parametrize("algorithm", ["RS384", "ES256", "EdDSA"])
def test_an_assertion_that_is_echoed_is_not_kept(algorithm):
    def repeat(sock):
        sent = assertion_in(server.requests[-1])
        error("invalid_client", f"got {sent} signed {sent.rpartition('.')[2]}")(sock)

    with serving(repeat) as server:
        target = Target(
            server.url, CLIENT, "private_key_jwt", Asked(signed=True), algorithm=algorithm
        )
        finding = fetch_token(target, private_key(algorithm))
    sent = assertion_in(server.requests[0])
    assert finding.said == "got ••• signed •••"
    assert sent.rpartition(".")[2] not in repr(finding)


@pytest.mark.parametrize("algorithm", ["RS384", "ES256", "EdDSA"])
def test_no_part_of_a_private_key_is_kept_wherever_it_came_from(algorithm):
    members = KEYS[algorithm].as_dict(private=True)
    hidden = [v for name, v in members.items() if name in {"d", "p", "q", "dp", "dq", "qi"}]
    for member in hidden:
        finding, *_ = signed(error("invalid_client", f"is it {member}?"), algorithm=algorithm)
        assert finding.said == "is it •••?"


SECRET = "planted s+cret/of=signs"


def legacy(answer) -> tuple[Finding, bytes]:
    with serving(answer) as server:
        target = Target(server.url, CLIENT, "redox_legacy", Asked(legacy=True))
        finding = fetch_token(target, SecretText(SECRET))
    return finding, server.requests[0]


def ends_in(**span: float) -> str:
    ends = datetime.now(UTC) + timedelta(**span)
    return ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def grants(**members: object):
    given = {"accessToken": "opaque", "expires": ends_in(hours=24), "refreshToken": "hidden"}
    return saying(json.dumps(given | members))


def test_the_legacy_door_is_asked_in_json_and_its_answer_understood():
    finding, request = legacy(grants())
    head, _, body = request.partition(b"\r\n\r\n")
    assert finding.outcome is Outcome.WORKS
    assert finding.stages[-1].note in {"86400 s", "86399 s", "86398 s"}
    assert json.loads(body) == {"apiKey": CLIENT, "secret": SECRET}
    assert b"Content-Type: application/json" in head
    assert "opaque" not in repr(finding)
    assert "hidden" not in repr(finding)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (saying("Invalid request", "401 Unauthorized"), Outcome.REFUSED),
        (saying(' "Invalid request."\n', "401 Unauthorized"), Outcome.REFUSED),
        (saying('{"message": "no"}', "401 Unauthorized"), Outcome.REFUSED),
        (saying("<h1>Sign in</h1>", "401 Unauthorized"), Outcome.UNEXPLAINED_REFUSAL),
        (saying("Invalid request", "403 Forbidden"), Outcome.UNEXPLAINED_REFUSAL),
        (saying("Invalid request", "429 Slow"), Outcome.RATE_LIMITED),
        (saying("Invalid request", "502 Bad"), Outcome.SERVER_ERROR),
        (saying("<html>"), Outcome.WEB_PAGE),
        (saying("yes"), Outcome.NOT_JSON),
        (saying("{}"), Outcome.NO_TOKEN),
        (saying(GOOD), Outcome.NO_TOKEN),
        (grants(accessToken=7), Outcome.NO_TOKEN),
        (grants(expires=ends_in(hours=-1)), Outcome.TOKEN_EXPIRED),
        (grants(expires="soon"), Outcome.BAD_LIFETIME),
        (grants(expires=None), Outcome.BAD_LIFETIME),
        (grants(expires=10**400), Outcome.BAD_LIFETIME),
        (grants(expires="2026-01-01T00:00:00"), Outcome.BAD_LIFETIME),
        (grants(expires="9999-12-31T23:59:59.999-23:59"), Outcome.BAD_LIFETIME),
        (grants(expires="0001-01-01T00:00:00.000+23:59"), Outcome.BAD_LIFETIME),
        (grants(expires="9" * 4000), Outcome.BAD_LIFETIME),
        (saying('{"accessToken":"a","expires":NaN}'), Outcome.BAD_LIFETIME),
    ],
)
def test_each_legacy_answer_has_its_own_name(answer, outcome):
    finding, _ = legacy(answer)
    assert finding.outcome is outcome


def test_the_other_methods_do_not_take_two_words_for_a_refusal():
    with serving(saying("Invalid request", "401 Unauthorized")) as server:
        finding = fetch_token(Target(server.url, CLIENT), SecretText(SECRET))
    assert finding.outcome is Outcome.UNEXPLAINED_REFUSAL


def test_a_legacy_server_that_echoes_the_body_does_not_get_the_secret_kept():
    body = json.dumps({"apiKey": CLIENT, "secret": SECRET})
    escaped = SECRET.replace("/", "\\/")
    encoded = base64.b64encode(SECRET.encode()).decode()
    for said in (body, escaped, encoded):
        finding, _ = legacy(saying(said, "401 Unauthorized"))
        assert "planted" not in finding.said
        assert encoded not in finding.said
