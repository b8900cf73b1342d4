"""What is no proper assertion is refused by name, whoever sends it: its shape is seen without knowing the client."""

import hmac
import json

import pytest
from joserfc import jwk

from tests.keys.issuer.conftest import basic, post
from tests.keys.issuer.signed import (
    UNKNOWN,
    Signer,
    b64,
    encoded,
    private_key,
    public_text,
    refused,
    signature,
)


@pytest.fixture
def client(shop):
    return Signer(shop.key)


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        None,
        1,
        ["ES256"],
        "HS256",
        "HS512",
        "ES512",
        "RS1",
        "dir",
        "es256",
        "ES256 ",
        "ES256K",
    ],
)
def test_alg_is_one_of_the_list(client, alg):
    header = {"alg": alg, "kid": "k1"} if alg is not None else {"kid": "k1"}
    text = f"{encoded(header)}.{encoded(client.claims())}"
    assert "alg" in refused(client.buy(f"{text}.{signature('ES256', text)}"))
    assert refused(client.buy(f"{text}.{b64(b'x')}"))


def test_a_public_key_is_no_shared_secret(client):
    """The confusion of HS with RS: the public half used as an HMAC key."""
    text = f"{encoded(client.header(alg='HS256'))}.{encoded(client.claims())}"
    mac = hmac.digest(public_text(private_key("ES256")).encode(), text.encode(), "sha256")
    assert "alg" in refused(client.buy(f"{text}.{b64(mac)}"))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"])
@pytest.mark.parametrize(
    "value", [None, [], ["exp"], {}, "https://evil.example/jwks", False, 1, [["b64"]]]
)
def test_members_that_would_let_the_sender_choose_the_key_are_refused(client, member, value):
    header = json.dumps(client.header() | {member: value}).encode()
    assert member in refused(client.buy(client.assertion(header)))


def test_a_key_of_ones_own_in_the_header_proves_nothing(client):
    own = jwk.ECKey.generate_key("P-256")
    header = client.header(jwk=own.as_dict(private=False))
    assert "jwk" in refused(client.buy(client.assertion(json.dumps(header).encode(), key=own)))


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "JOSE", "", 1, ["JWT"], {}, "application/jwt"])
def test_another_type_is_refused(client, typ):
    assert "typ" in refused(client.buy(client.assertion({"typ": typ})))


@pytest.mark.parametrize("kid", [None, "", 1, ["k1"], {}, "k" * 2000, "k1\0", "k1\n", "\ud800"])
def test_kid_is_needed_and_is_a_text(client, kid):
    assert "kid" in refused(client.buy(client.assertion({"kid": kid})))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../dev/null",
        "' OR 1=1 --",
        "https://evil.example/k1",
        "%00",
        "k1 ",
        "K1",
        "|id",
        "💣",
    ],
)
def test_a_kid_is_only_ever_compared(client, kid):
    assert refused(client.buy(client.assertion({"kid": kid}))) == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "x", "..", "a.b", "e30.e30.", ".e30.x", "e30..x", "e30.e30.x.y", "e30.e30.x.y.z",
        "e30.e30.e30=", "e30=.e30.e30", "e3 0.e30.e30", "e31.e30.e30", "é.e30.e30", "e+0.e30.e30",
        '{"payload": "e30", "signatures": []}', "[]", "null", " e30.e30.e30", "e30.e30.e30\n",
    ],
)  # fmt: skip
def test_what_is_not_a_compact_jws_is_refused(client, text):
    refused(client.buy(text))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"null", b"1", b'"x"', b"{", b"{}x", b"\xff", b"\xef\xbb\xbf{}", b'{"a":NaN}',
        b'{"a":Infinity}', b'{"a":1e400}', b'{"a":-1e999}', b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}',
        b"[" * 3000, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":' + b"9" * 5000 + b"}", b"{'a':1}", b'{"a":01}',
    ],
)  # fmt: skip
def test_json_is_read_strictly_in_both_parts(client, raw):
    refused(client.buy(client.assertion(header=raw)))
    refused(client.buy(client.assertion(claims=raw)))


def test_a_member_that_stands_twice_is_refused_even_where_the_last_is_right(client):
    body = json.dumps(client.claims())[:-1] + f', "sub": "{client.key.client_id}"}}'
    assert "strict JSON" in refused(client.buy(client.assertion(claims=body.encode())))


def test_a_huge_assertion_is_refused_by_its_length(client):
    text = client.assertion(claims={"extra": "x" * 7000})
    assert "longer" in refused(client.buy(text))


def test_an_encrypted_one_is_refused(client):
    assert "three parts" in refused(client.buy("e30.e30.e30.e30.e30"))


@pytest.mark.parametrize(
    "change",
    [
        {"client_assertion_type": None}, {"client_assertion_type": "jwt-bearer"},
        {"client_assertion": None}, {"client_assertion": ""}, {"client_secret": "x"}, {"client_id": "ck_other"},
    ],
)  # fmt: skip
def test_the_form_around_it_is_whole_and_agrees(client, change):
    form = {name: value for name, value in (client.form() | change).items() if value is not None}
    answer = post(client.path, form)
    assert (answer.status, answer.json["error"]) == (400, "invalid_request")


def test_a_header_of_another_method_beside_it_is_refused(client):
    header = basic(client.key.client_id, "x")
    assert "twice" in refused(post(client.path, client.form(), HTTP_AUTHORIZATION=header), 400)


@pytest.mark.parametrize(
    "claims",
    [{"iss": None}, {"sub": None}, {"iss": "other"}, {"sub": ["x"]}, {"sub": 1}, {"sub": ""}],
)
def test_iss_and_sub_are_the_client(client, claims):
    refused(client.buy(client.assertion(claims=claims)))
