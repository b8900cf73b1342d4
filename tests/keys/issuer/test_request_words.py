"""What a request is refused for before anybody is asked about, word by word. Nothing of it needs a database."""

import base64

import pytest

from keys.crypto import SecretText
from keys.issuer.assertion import Claimed
from keys.issuer.bodies import ASSERTION_TYPE
from keys.issuer.refusals import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
)
from keys.issuer.requests import Asked, Request, Shown, read_scope
from tests.keys.issuer.sent import GRANT, refused, sent
from tests.keys.issuer.signed import b64, encoded


class TestRequests:
    def test_what_is_read(self):
        request = Request.read(
            sent(
                b"a=1",
                HTTP_AUTHORIZATION="Basic x",
                HTTP_LATCHKEY_TEST="ticket",
                REMOTE_ADDR="192.0.2.1",
            )
        )
        assert request == Request("POST", {"a": "1"}, "Basic x", "ticket", "192.0.2.1")

    def test_what_is_not_there_is_empty(self):
        assert Request.read(sent(b"")) == Request("POST", {}, "", "", "")

    def test_the_body_of_a_get_is_left_alone(self):
        assert Request.read({"REQUEST_METHOD": "GET"}) == Request("GET", {}, "", "", "")

    def test_another_reader_of_the_body(self):
        assert Request.read(sent(b"a=1"), lambda _: {"b": "2"}).form == {"b": "2"}

    def test_the_length_of_a_header(self):
        assert Request.read(sent(HTTP_AUTHORIZATION="x" * 4096)).authorization == "x" * 4096
        with refused(InvalidRequest, "The Authorization header is larger than 4096 bytes."):
            Request.read(sent(HTTP_AUTHORIZATION="x" * 4097))

    @pytest.mark.parametrize(
        ("proxies", "hops", "address"),
        [
            (0, "192.0.2.7", "192.0.2.1"),
            (1, "192.0.2.7", "192.0.2.7"),
            (1, "192.0.2.6, 192.0.2.7", "192.0.2.7"),
            (2, "192.0.2.5, 192.0.2.6 , 192.0.2.7", "192.0.2.6"),
            (2, "192.0.2.7", "192.0.2.1"),
            (1, None, "192.0.2.1"),
        ],
    )
    def test_where_it_came_from(self, settings, proxies, hops, address):
        settings.LATCHKEY_PROXIES = proxies
        request = Request.read(sent(REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=hops))
        assert request.address == address


def asking(form=None, authorization=""):
    return Request("POST", form or {}, authorization, "", "")


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


ASSERTION = f"{encoded({'alg': 'ES256', 'kid': 'k'})}.{encoded({'iss': 'ck', 'sub': 'ck'})}.{b64(b'x' * 64)}"
SIGNED = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": ASSERTION}
SECRET = {"client_id": "ck", "client_secret": "s"}
NO_PROOF = (
    "There is no proof of the client. Send client_id and client_secret, in a Basic Authorization header or in the form, "
    "or a signed client_assertion."
)
NO_BASIC = "The Basic header cannot be decoded: it is base64 of client_id:client_secret."
NO_PAIR = "The Basic header does not hold client_id:client_secret."


class TestProofs:
    @pytest.mark.parametrize(
        ("form", "header"),
        [
            (SECRET, ""),
            ({}, basic("ck:s")),
            ({"client_id": "ck"}, basic("ck:s")),
            ({}, basic("c%6b:s").replace("Basic", "bAsIc")),
            ({}, basic("ck:s").replace(" ", "  ") + " "),
        ],
    )
    def test_a_secret_is_shown_in_the_form_or_in_the_header(self, form, header):
        shown = Shown.by(asking(form, header))
        assert isinstance(shown.proof, SecretText)
        assert (shown.client_id, shown.proof.reveal()) == ("ck", "s")

    def test_a_secret_in_the_header_may_hold_anything_that_can_be_encoded(self):
        shown = Shown.by(asking({}, basic("ck:a:b+%2B%C3%A9")))
        assert isinstance(shown.proof, SecretText)
        assert shown.proof.reveal() == "a:b +é"

    def test_an_assertion_is_shown_alone(self):
        for form in (SIGNED, SIGNED | {"client_id": "ck"}):
            shown = Shown.by(asking(form))
            assert shown == Shown("ck", Claimed.read(ASSERTION))

    @pytest.mark.parametrize(
        ("form", "header", "kind", "said"),
        [
            ({}, "", InvalidClient, NO_PROOF),
            ({"client_id": "ck"}, "", InvalidClient, NO_PROOF),
            ({"client_secret": "s"}, "", InvalidClient, NO_PROOF),
            (SECRET, basic("ck:s"), InvalidRequest,
             "Credentials were sent twice: use the Authorization header or the form, not both."),
            ({"client_id": "other"}, basic("ck:s"), InvalidRequest,
             "client_id in the form differs from the one in the Authorization header."),
            ({}, "Bearer x", InvalidClient,
             "The Authorization header has another scheme. Send Basic with client_id and client_secret."),
            *(({}, header, InvalidRequest, NO_BASIC)
              for header in ("Basic ~", "Basic YQ", "Basic /w==", basic("ck:%ff"), basic("%ff:s"), "Basic Y W I=")),
            *(({}, header, InvalidRequest, NO_PAIR)
              for header in ("Basic", "Basic ", basic("ck"), basic(":s"), basic("ck:"), basic("ck:%00"), basic("c%00:s"))),
            (SIGNED, basic("ck:s"), InvalidRequest, "Credentials were sent twice: use the assertion alone."),
            (SIGNED | {"client_secret": "s"}, "", InvalidRequest, "Credentials were sent twice: use the assertion alone."),
            (SIGNED | {"client_id": "other"}, "", InvalidRequest,
             "client_id in the form differs from sub in client_assertion."),
            ({"client_assertion": ASSERTION}, "", InvalidRequest,
             f"client_assertion_type is missing or another. Send {ASSERTION_TYPE}."),
            ({"client_assertion_type": ASSERTION_TYPE}, "", InvalidRequest,
             "client_assertion is missing. Send the signed JWT."),
        ],
    )  # fmt: skip
    def test_what_proves_nothing(self, form, header, kind, said):
        with refused(kind, said):
            Shown.by(asking(form, header))

    def test_an_assertion_that_cannot_be_read_is_told_its_cause_and_counted_as_such(self):
        said = "client_assertion is not a signed JWT: three parts with dots between them."
        with refused(InvalidClient, said, reason="assertion not read"):
            Shown.by(asking(SIGNED | {"client_assertion": "x"}))


class TestAsking:
    def test_for_all_or_for_some_of_the_scopes(self):
        asked = Asked.of(asking(GRANT | SECRET | {"scope": "b a b"}))
        assert (asked.shown.client_id, asked.scope) == ("ck", ("b", "a"))
        assert Asked.of(asking(GRANT | SECRET)).scope is None

    def test_for_something_else(self):
        with refused(InvalidRequest, "grant_type is missing. Send grant_type=client_credentials."):
            Asked.of(asking(SECRET))
        with refused(
            UnsupportedGrantType, "This endpoint knows one grant_type: client_credentials."
        ):
            Asked.of(asking(SECRET | {"grant_type": "password"}))

    @pytest.mark.parametrize("scope", ["a", "a b", "!", "#[]~"])
    def test_a_scope(self, scope):
        assert read_scope(scope) == tuple(scope.split())

    @pytest.mark.parametrize("scope", [" a", "a ", "a  b", 'a"', "a\\", "é", "a\tb", "", "\x7f"])
    def test_what_is_no_scope(self, scope):
        with refused(InvalidScope, "scope is a list of words with one space between them."):
            read_scope(scope)
