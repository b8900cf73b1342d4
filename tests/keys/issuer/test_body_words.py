"""What a body is refused for before anybody is asked about, word by word. Nothing of it needs a database."""

import json

import pytest

from keys.issuer.bodies import ASSERTION_TYPE, BODY_LIMIT, FIELD_LIMIT
from keys.issuer.refusals import (
    InvalidRequest,
    LengthRequired,
    TooLarge,
)
from tests.keys.issuer.sent import FORM, NO_FORM, NO_JSON, fields, members, refused


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
