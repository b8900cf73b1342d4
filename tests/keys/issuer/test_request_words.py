"""What a request is refused for before anybody is asked about, word by word. Nothing of it needs a database."""

import base64
import json
from contextlib import contextmanager
from io import BytesIO
from urllib.parse import urlencode

import pytest

from keys.crypto import SecretText
from keys.issuer.assertion import Claimed
from keys.issuer.bodies import ASSERTION_TYPE, BODY_LIMIT, FIELD_LIMIT, read_form, read_form_or_json
from keys.issuer.refusals import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    LengthRequired,
    TooLarge,
    UnsupportedGrantType,
)
from keys.issuer.requests import Asked, Request, Shown, read_scope
from tests.keys.issuer.signed import b64, encoded

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}
NO_FORM = "The body is no form in UTF-8 with at most 20 parameters."
NO_JSON = "The body is no JSON object with each member once."


@contextmanager
def refused(kind, text, reason=None):
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    assert caught.value.description == text
    assert caught.value.reason == (reason or text)


def sent(body=b"", **environ):
    body = body if isinstance(body, bytes) else urlencode(body).encode()
    given = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    } | environ
    return {name: value for name, value in given.items() if value is not None}


def fields(body=b"", **environ):
    return read_form(sent(body, **environ))


def members(body, **environ):
    return read_form_or_json(sent(body, **({"CONTENT_TYPE": "application/json"} | environ)))


class TestBodies:
    @pytest.mark.parametrize(
        "kind",
        [
            FORM,
            FORM.upper(),
            f" {FORM} ",
            f"{FORM};",
            f"{FORM}; charset=utf-8",
            f'{FORM};charset="UTF-8"',
        ],
    )
    def test_a_form_says_that_it_is_one(self, kind):
        assert fields(b"a=1", CONTENT_TYPE=kind) == {"a": "1"}

    @pytest.mark.parametrize(
        "kind",
        [
            None,
            "",
            "text/plain",
            f"{FORM}; charset=latin-1",
            f"{FORM}; x=1",
            "application/json",
            f"x{FORM}",
        ],
    )
    def test_another_kind(self, kind):
        said = f"The body must be a form. Send Content-Type: {FORM}."
        with refused(InvalidRequest, said):
            fields(b"a=1", CONTENT_TYPE=kind)

    def test_a_form_or_json_at_the_legacy_door(self):
        assert members(b"a=1", CONTENT_TYPE=FORM) == {"a": "1"}
        assert members(b'{"a":"1"}', CONTENT_TYPE="application/json; charset=utf-8") == {"a": "1"}
        with refused(
            InvalidRequest, "The body is a form or JSON. Send Content-Type: application/json."
        ):
            members(b"a=1", CONTENT_TYPE="text/plain")

    @pytest.mark.parametrize(
        ("environ", "kind", "said"),
        [
            (
                {"QUERY_STRING": "a=1"},
                InvalidRequest,
                "Send everything in the body: this address takes no query. "
                "A secret that was sent in a query may stand in log files: rotate it.",
            ),
            (
                {"HTTP_CONTENT_ENCODING": "gzip"},
                InvalidRequest,
                "Send the body as it is, without Content-Encoding.",
            ),
            (
                {"CONTENT_LENGTH": "4"},
                InvalidRequest,
                "The body ended before its Content-Length.",
            ),
            (
                {"CONTENT_LENGTH": None},
                LengthRequired,
                "Content-Length is missing. Send the body in one piece, with its length.",
            ),
            (
                {"CONTENT_LENGTH": ""},
                LengthRequired,
                "Content-Length is missing. Send the body in one piece, with its length.",
            ),
            *(
                (
                    {"CONTENT_LENGTH": length},
                    InvalidRequest,
                    "Content-Length is not a sensible number.",
                )
                for length in ("-1", "x", "²", "٣", "0" * 13)
            ),
            (
                {"CONTENT_LENGTH": str(BODY_LIMIT + 1)},
                TooLarge,
                "The body is larger than 16384 bytes.",
            ),
        ],
    )
    def test_how_it_is_sent(self, environ, kind, said):
        with refused(kind, said):
            fields(b"a=1", **environ)
        with refused(kind, said):
            members(b"{}", **environ)

    def test_what_is_usual_does_not_hurt(self):
        assert fields(b"a=1", QUERY_STRING="", HTTP_CONTENT_ENCODING="Identity") == {"a": "1"}
        assert fields(b"a=1", CONTENT_LENGTH="000000000003") == {"a": "1"}
        assert fields(b"a=" + b"x" * (BODY_LIMIT - 2)) == {"a": "x" * (BODY_LIMIT - 2)}
        assert fields(b"a=123", CONTENT_LENGTH="3") == {"a": "1"}

    def test_each_parameter_once(self):
        assert fields(b"a=1&&b=%26+x&c&d=&e=f=g&") == {"a": "1", "b": "& x", "e": "f=g"}
        assert fields(b"a=%c3%a9&b=" + "é".encode()) == {"a": "é", "b": "é"}
        assert fields(b"a=x+y&b=z") == {"a": "x y", "b": "z"}
        for name in (
            "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type",
            "scope", "token", "token_type_hint",
        ):  # fmt: skip
            with refused(InvalidRequest, f"{name} was sent more than once."):
                fields(f"a=1&{name}=x&{name}=".encode())
        with refused(InvalidRequest, "A parameter was sent more than once."):
            fields(b"scope=1&a=1&a=2")

    def test_the_type_of_an_assertion_is_read_however_it_is_encoded(self):
        for text in (
            ASSERTION_TYPE,
            ASSERTION_TYPE.replace(":", "%3a"),
            ASSERTION_TYPE.replace(":", "%3A"),
        ):
            assert fields(f"a={text}&b=%20".encode()) == {"a": ASSERTION_TYPE, "b": " "}

    @pytest.mark.parametrize("body", [b"a=\xff", b"a=%ff", b"%ff=a", "&".join("x" * 21).encode()])
    def test_what_is_no_form(self, body):
        with refused(InvalidRequest, NO_FORM):
            fields(body)

    def test_so_many_parameters(self):
        many = [f"a{n}=1" for n in range(FIELD_LIMIT + 1)]
        assert len(fields("&".join(many[:-1]).encode())) == FIELD_LIMIT == 20
        with refused(InvalidRequest, NO_FORM):
            fields("&".join(many).encode())

    @pytest.mark.parametrize("body", [b"a=\0", b"a=%00", b"a=1&b=x%00y"])
    def test_a_nul(self, body):
        with refused(InvalidRequest, "A parameter holds a NUL character."):
            fields(body)

    def test_the_texts_of_a_json_object(self):
        given = {"a": "1", "b": "", "c": None, "d": 1, "e": ["x"], "f": {"a": "y"}, "g": "é"}
        assert members(json.dumps(given).encode()) == {"a": "1", "g": "é"}

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[]", b"null", b'"a"', b"1", b'{"a":"1","a":"1"}', b'{"x":{"a":1,"a":2}}', b"\xff",
            b'{"a":"\\ud800"}', b"[" * 3000,
        ],
    )  # fmt: skip
    def test_what_is_no_json_object(self, body):
        with refused(InvalidRequest, NO_JSON):
            members(body)

    def test_a_nul_in_a_member(self):
        with refused(InvalidRequest, "A member holds a NUL character."):
            members(b'{"a":"x\\u0000"}')


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
