from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from keys.issuer.bodies import BODY_LIMIT, FIELD_LIMIT, _pairs
from tests.keys.issuer.conftest import FORM, basic, post, request

BAD_ENVIRON: dict[str, tuple[dict[str, Any], int]] = {
    "no type": ({"CONTENT_TYPE": None}, 400),
    "JSON": ({"CONTENT_TYPE": "application/json"}, 400),
    "multipart": ({"CONTENT_TYPE": "multipart/form-data; boundary=x"}, 400),
    "another charset": ({"CONTENT_TYPE": f"{FORM}; charset=utf-16"}, 400),
    "compressed": ({"HTTP_CONTENT_ENCODING": "gzip"}, 400),
    "no length": ({"CONTENT_LENGTH": None}, 411),
    "empty length": ({"CONTENT_LENGTH": ""}, 411),
    "negative": ({"CONTENT_LENGTH": "-1"}, 400),
    "no number": ({"CONTENT_LENGTH": "ten"}, 400),
    "another kind of digit": ({"CONTENT_LENGTH": "²"}, 400),
    "endless number": ({"CONTENT_LENGTH": "9" * 5000}, 400),
    "more than there is": ({"CONTENT_LENGTH": "5000"}, 400),
    "far too long": ({"CONTENT_LENGTH": str(10_000_000)}, 413),
    "a query": ({"QUERY_STRING": "client_id=x"}, 400),
}
BAD_BASIC = {
    "empty": "Basic ",
    "no base64": "Basic ~~~",
    "no colon": "Basic YWJj",
    "no UTF-8": "Basic /zo=",
    "no id": basic("", "x"),
    "no secret": basic("ck_x", ""),
    "NUL": basic("ck_x", "%00"),
    "undecodable percent": basic("ck_x", "%ff"),
    "two headers joined": basic("a", "b") + "," + basic("a", "b"),
    "huge": basic("ck_x", "x" * 90_000),
}
BAD_FORMS = {
    "grant_type twice": b"&grant_type=client_credentials",
    "client_id twice": b"&client_id=x",
    "client_secret twice": b"&client_secret=x",
    "an unknown one twice": b"&x=1&x=2",
    "twice, once empty": b"&client_id=",
    "not UTF-8": b"&x=\xff",
    "not UTF-8, in percent": b"&x=%ff",
    "a lone surrogate": b"&x=%ed%a0%80",
    "NUL": b"&x=%00",
    "a hundred": b"".join(b"&x%d=1" % n for n in range(100)),
}


def bad(answer, status):
    assert answer.status == status
    assert set(answer.json) == {"error", "error_description", "error_uri"}
    assert answer.json["error_description"]
    assert not set(answer.json["error_description"]) & set('"\\')
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


@pytest.mark.parametrize("case", BAD_ENVIRON)
def test_a_request_of_another_shape_is_refused_by_name(shop, case):
    environ, status = BAD_ENVIRON[case]
    bad(post(shop.path, shop.form, **environ), status)


@pytest.mark.parametrize("case", BAD_BASIC)
def test_a_header_that_cannot_be_read_is_refused(shop, case):
    said = bad(
        post(shop.path, {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=BAD_BASIC[case]),
        400,
    )
    assert said["error"] == "invalid_request"


@pytest.mark.parametrize("header", ["xyz", "Bearer xyz", "Digest username=x"])
def test_another_scheme_is_no_client_authentication(shop, header):
    said = bad(
        post(shop.path, {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header), 401
    )
    assert said["error"] == "invalid_client"


@pytest.mark.parametrize("case", BAD_FORMS)
def test_a_form_that_could_be_read_in_two_ways_is_refused(shop, case):
    said = bad(post(shop.path, urlencode(shop.form).encode() + BAD_FORMS[case]), 400)
    assert said["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("missing", "status", "error"),
    [
        ("grant_type", 400, "invalid_request"),
        ("client_id", 401, "invalid_client"),
        ("client_secret", 401, "invalid_client"),
    ],
)
def test_what_is_missing_is_named(shop, missing, status, error):
    form = {name: value for name, value in shop.form.items() if name != missing}
    said = bad(post(shop.path, form), status)
    assert said["error"] == error
    assert missing in said["error_description"]
    assert bad(post(shop.path, form | {missing: ""}), status) == said


@pytest.mark.parametrize("grant", ["password", "refresh_token", "client_credentials ", "☃"])
def test_there_is_one_grant_type(shop, grant):
    said = bad(post(shop.path, shop.form | {"grant_type": grant}), 400)
    assert said["error"] == "unsupported_grant_type"


def test_credentials_come_once(shop):
    header = basic(shop.key.client_id, shop.text)
    assert (
        "twice"
        in bad(post(shop.path, shop.form, HTTP_AUTHORIZATION=header), 400)["error_description"]
    )
    other = {"grant_type": "client_credentials", "client_id": "ck_" + "a" * 20}
    assert (
        "differs"
        in bad(post(shop.path, other, HTTP_AUTHORIZATION=header), 400)["error_description"]
    )


def test_an_assertion_is_not_taken_for_a_secret(shop):
    said = bad(post(shop.path, shop.form | {"client_assertion": "e30.e30.x"}), 400)
    assert "twice" in said["error_description"]


def test_an_empty_body_and_one_of_the_allowed_size(shop):
    bad(post(shop.path, b""), 400)
    room = BODY_LIMIT - len(urlencode(shop.form)) - len("&x=")
    assert post(shop.path, shop.form | {"x": "y" * room}).status == 200
    bad(post(shop.path, shop.form | {"x": "y" * (room + 1)}), 413)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_token_endpoint_takes_post_only(shop, method):
    answer = request(shop.path, method)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("name", ["whoami", "jwks.json", ".well-known/openid-configuration"])
def test_the_documents_take_get_only(shop, name):
    answer = post(shop.path.replace("token", name), {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/t/",
        "/t/x/token",
        "/t/" + "a" * 20,
        "/t/" + "a" * 20 + "/",
        "/t/" + "a" * 20 + "/token/",
        "/t/" + "a" * 20 + "/token\n",
        "/t/" + "a" * 20 + "/authorize",
        "/t/" + "A" * 20 + "/token",
        "/t/\xff\x00/token",
        "/.well-known/oauth-authorization-server/",
        "/.well-known/oauth-authorization-server/t/" + "a" * 20 + "/x",
    ],
)
def test_elsewhere_is_nothing(path):
    assert bad(post(path, {}), 404)["error"] == "not_found"


def test_an_environment_that_is_not_there_is_not_found(shop):
    nobody = "a" * 20
    bad(post(f"/t/{nobody}/token", shop.form), 404)
    for name in ("jwks.json", ".well-known/openid-configuration"):
        bad(request(f"/t/{nobody}/{name}"), 404)
    bad(request(f"/.well-known/oauth-authorization-server/t/{nobody}"), 404)
    bad(request(f"/t/{nobody}/whoami", HTTP_AUTHORIZATION="Bearer x"), 404)


NAMES = st.sampled_from(
    ["grant_type", "client_id", "client_secret", "scope", "client_assertion", "x"]
)
VALUES = st.one_of(
    st.sampled_from([b"client_credentials", b"ck_" + b"a" * 20, b"api:read", b"\0", b""]),
    st.binary(max_size=60),
)
FORMS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(
    lambda pairs: "&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs).encode()
)
HEADERS = st.one_of(
    st.none(),
    st.text(st.characters(max_codepoint=255), max_size=60),
    st.text(max_size=40).map(lambda text: basic(text, text)),
)


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.one_of(FORMS, st.binary(max_size=200)), header=HEADERS)
def test_nothing_that_anybody_sends_is_our_fault(shop, body, header):
    answer = post(shop.path, body, HTTP_AUTHORIZATION=header)
    assert 400 <= answer.status < 500
    assert answer.json["error"]


@given(st.text(st.sampled_from("ab=&%+4é0f") | st.characters(), max_size=60))
@example("a&=&&b=%26=+")
@example("x=%ff")
@example("&".join("x" * FIELD_LIMIT))
@example("&".join("x" * (FIELD_LIMIT + 1)))
def test_a_form_is_read_as_the_standard_library_reads_it(text):
    def read(how):
        try:
            return how()
        except ValueError:
            return "no form"

    def theirs():
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELD_LIMIT)

    assert read(lambda: _pairs(text)) == read(theirs)
