"""What an assertion is refused for, word by word, and at which second: its sender reads it. Nothing of it needs a database."""

from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk

from keys.issuer.assertion import LONGEST, BadAssertion, Claimed, Rules, Verified
from tests.keys.issuer.signed import b64, encoded, public_text, signature

NOW = 1_800_000_000
HERE = "https://latchkey.example/t/a"
DOOR = "https://latchkey.example/v2/auth/token"
HEADER = {"alg": "ES256", "kid": "k1"}
CLAIMS = {"iss": "ck_a", "sub": "ck_a"}
CLOCK = "Make it anew for each request, and check the clock of the machine that signs."
NO_TEXT = "{} in client_assertion is missing or not a text."
NO_BASE64 = "The {} of client_assertion is not base64url without padding."
NO_JSON = "The {} of client_assertion is not strict JSON."
NO_OBJECT = "The {} of client_assertion is not a JSON object."


@contextmanager
def refused(text):
    with pytest.raises(BadAssertion) as caught:
        yield
    assert str(caught.value) == text


def written(header=None, claims=None, signed=b"x" * 64):
    parts = (HEADER | (header or {}), CLAIMS | (claims or {}))
    kept = ({name: value for name, value in part.items() if value != "gone"} for part in parts)
    return ".".join((*map(encoded, kept), b64(signed)))


class TestReading:
    def test_what_is_read_is_whom_to_ask_about_and_what_was_signed(self):
        text = written({"typ": "JWT", "more": 1}, {"scope": "a", "deep": {"b": [1.5, None]}})
        claimed = Claimed.read(text)
        assert (claimed.client_id, claimed.kid, claimed.algorithm) == ("ck_a", "k1", "ES256")
        assert claimed.claims == CLAIMS | {"scope": "a", "deep": {"b": [1.5, None]}}
        assert claimed.signed == text.rpartition(".")[0].encode()
        assert claimed.signature == b"x" * 64

    def test_the_newer_name_of_eddsa_is_the_older_one(self):
        assert Claimed.read(written({"alg": "Ed25519"})).algorithm == "EdDSA"
        assert Claimed.read(written({"typ": "client-authentication+jwt"})).kid == "k1"

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            *(({name: value}, f"The header of client_assertion holds {name}. Leave it out.")
              for name in ("crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip") for value in (None, ["exp"])),
            ({"alg": "none"}, "alg is none that is accepted here: "
             "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA."),
            ({"alg": "gone"}, NO_TEXT.format("alg")),
            ({"alg": 1}, NO_TEXT.format("alg")),
            ({"kid": "gone"}, "There is no kid in the header of client_assertion. "
             "It stands on the key's page, beside its public key."),
            ({"kid": ""}, NO_TEXT.format("kid")),
            ({"kid": "k\n"}, NO_TEXT.format("kid")),
            ({"kid": "k" * 1025}, NO_TEXT.format("kid")),
            ({"typ": "at+jwt"}, "typ is none of JWT or client-authentication+jwt. Leave it out."),
            ({"typ": None}, "typ is none of JWT or client-authentication+jwt. Leave it out."),
        ],
    )  # fmt: skip
    def test_a_header(self, header, said):
        with refused(said):
            Claimed.read(written(header))

    @pytest.mark.parametrize(
        ("claims", "said"),
        [
            ({"iss": "ck_b"}, "iss and sub differ: both are the client ID."),
            ({"sub": "ck_b"}, "iss and sub differ: both are the client ID."),
            ({"iss": "gone"}, NO_TEXT.format("iss")),
            ({"sub": "gone"}, NO_TEXT.format("sub")),
            ({"sub": ["ck_a"]}, NO_TEXT.format("sub")),
        ],
    )
    def test_a_body(self, claims, said):
        with refused(said):
            Claimed.read(written(claims=claims))

    def test_a_text_of_1024_characters_is_one(self):
        assert Claimed.read(written({"kid": "k" * 1024})).kid == "k" * 1024

    @pytest.mark.parametrize(("place", "name"), [(0, "header"), (1, "body"), (2, "signature")])
    @pytest.mark.parametrize("wrong", ["{}=", "{}é", "{}+", "{}/", "{}?", "A", "AAAAA"])
    def test_a_part_that_is_no_base64url(self, place, name, wrong):
        parts = written(signed=b"x" * 63).split(".")
        parts[place] = wrong.format(parts[place])
        with refused(NO_BASE64.format(name)):
            Claimed.read(".".join(parts))

    def test_both_signs_of_base64url_are_read(self):
        assert Claimed.read(written(signed=b"\xfb\xef\xbe\xff\xff\xff")).signature == (
            b"\xfb\xef\xbe\xff\xff\xff"
        )
        assert b64(b"\xfb\xef\xbe\xff\xff\xff") == "----____"

    def test_a_part_may_end_with_any_sign(self):
        for sign in range(64):
            assert Claimed.read(written(signed=bytes([0, 0, sign]))).signature[-1] == sign

    @pytest.mark.parametrize(("place", "name"), [(0, "header"), (1, "body")])
    def test_a_part_that_is_no_strict_json(self, place, name):
        for raw, said in {
            b"{": NO_JSON, b"\xff": NO_JSON, b'{"a":NaN}': NO_JSON, b'{"a":-Infinity}': NO_JSON,
            b'{"a":1e400}': NO_JSON, b'{"a":1,"a":1}': NO_JSON, b"[" * 3000: NO_JSON,
            b"[]": NO_OBJECT, b"null": NO_OBJECT, b"1": NO_OBJECT, b'"a"': NO_OBJECT,
        }.items():  # fmt: skip
            parts = written().split(".")
            parts[place] = b64(raw)
            with refused(said.format(name)):
                Claimed.read(".".join(parts))

    def test_its_length(self):
        text = next(
            text
            for length in range(5800, 6200)
            for size in (64, 65, 66)
            if len(text := written(claims={"x": "y" * length}, signed=b"x" * size)) == LONGEST
        )
        assert Claimed.read(text).client_id == "ck_a"
        with refused("client_assertion is longer than 8192 characters."):
            Claimed.read(text + "x")

    def test_the_length_of_its_signature(self):
        assert len(Claimed.read(written(signed=b"x" * 1024)).signature) == 1024
        with refused("The signature of client_assertion is longer than any."):
            Claimed.read(written(signed=b"x" * 1025))

    @pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.c.d", ".b.c", "a..c", "a.b."])
    def test_what_is_no_jws(self, text):
        with refused("client_assertion is not a signed JWT: three parts with dots between them."):
            Claimed.read(text)


def checked(rules, **claims):
    given = CLAIMS | {"aud": HERE, "exp": NOW + 60, "jti": "j"} | claims
    kept = {name: value for name, value in given.items() if value != "gone"}
    return Verified.check(Claimed("ck_a", "k1", "ES256", kept, b"", b""), rules, now=NOW)


STRICT = Rules((HERE, f"{HERE}/token"))
REDOX = Rules((DOOR,), strict=False)


def strictly(**claims):
    return checked(STRICT, **claims)


def at_the_redox_door(**claims):
    return checked(REDOX, **({"aud": "gone", "exp": "gone", "iat": NOW} | claims))


class TestStrictRules:
    def test_what_holds_says_what_to_spend_and_for_how_long(self):
        assert strictly() == Verified("j", NOW + 80, None)
        assert strictly(exp=NOW + 60.5, scope="a b") == Verified("j", NOW + 81, "a b")

    @pytest.mark.parametrize("aud", [HERE, f"{HERE}/token", [HERE]])
    def test_its_addressee(self, aud):
        assert strictly(aud=aud).jti == "j"

    @pytest.mark.parametrize("aud", ["gone", None, [], [HERE, HERE], "x", [[HERE]], {HERE: 1}])
    def test_another_addressee(self, aud):
        with refused(f"aud is not the one that is expected here: {HERE}."):
            strictly(aud=aud)

    @pytest.mark.parametrize("name", ["iat", "nbf"])
    def test_a_clock_that_is_ahead(self, name):
        assert strictly(**{name: NOW + 10}).jti == "j"
        for at, seconds in ((NOW + 11, 11), (NOW + 10.2, 11), (2**53 - 1, 2**53 - 1 - NOW)):
            with refused(f"{name} is {seconds} seconds ahead of the clock here. {CLOCK}"):
                strictly(**{name: at})

    def test_its_end(self):
        assert strictly(exp=NOW - 9).kept_until == NOW + 11
        for at, seconds in ((NOW - 10, 10), (NOW - 10.5, 11), (0, NOW)):
            with refused(f"The assertion ended {seconds} seconds ago. {CLOCK}"):
                strictly(exp=at)
        with refused("There is no exp in the assertion. Five minutes ahead is a good choice."):
            strictly(exp="gone")

    def test_its_life(self):
        said = "exp is too far ahead: an assertion lives an hour at most."
        assert strictly(exp=NOW + 3610).kept_until == NOW + 3630
        assert strictly(exp=NOW + 3510, iat=NOW - 100).kept_until == NOW + 3530
        assert strictly(exp=NOW + 3610, iat=NOW + 5).jti == "j"
        for claims in (
            {"exp": NOW + 3611},
            {"exp": NOW + 3511, "iat": NOW - 100},
            {"exp": NOW + 3611, "iat": NOW + 5},
        ):
            with refused(said):
                strictly(**claims)

    @pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
    @pytest.mark.parametrize("at", [None, True, "1", -1, -0.5, 2**53, [], float(2**60)])
    def test_a_time_that_is_none(self, name, at):
        with refused(f"{name} is not a number of seconds since 1970."):
            strictly(**{name: at})

    def test_1970_was_a_time(self):
        assert strictly(nbf=0).jti == "j"

    @pytest.mark.parametrize("jti", ["gone", None, "", 1, "a\0"])
    def test_its_name(self, jti):
        with refused(NO_TEXT.format("jti")):
            strictly(jti=jti)

    @pytest.mark.parametrize("scope", [[], 1, ["a"], False, {}])
    def test_a_scope_that_is_no_text(self, scope):
        with refused("scope in the assertion is not a text."):
            strictly(scope=scope)


class TestRulesOfTheRedoxDoor:
    def test_little_is_needed(self):
        assert at_the_redox_door(jti="gone") == Verified("", NOW + 320, None)
        assert at_the_redox_door(aud=DOOR).jti == "j"
        assert at_the_redox_door(aud=[DOOR]).jti == "j"

    @pytest.mark.parametrize("aud", [None, "", HERE, []])
    def test_an_addressee_that_is_named_is_this_door(self, aud):
        with refused(f"aud is not the one that is expected here: {DOOR}."):
            at_the_redox_door(aud=aud)

    def test_it_ends_with_its_exp_or_with_its_freshness(self):
        assert at_the_redox_door(exp=NOW + 30).kept_until == NOW + 50
        assert at_the_redox_door(exp=NOW + 9000).kept_until == NOW + 320
        assert at_the_redox_door(iat=NOW - 310).kept_until == NOW + 10
        with refused(f"The assertion ended 11 seconds ago. {CLOCK}"):
            at_the_redox_door(exp=NOW - 11)

    def test_it_is_fresh(self):
        with refused("There is no iat in the assertion: the moment at which it was made."):
            at_the_redox_door(iat="gone")
        with refused(f"iat is 311 seconds ago, and 300 are accepted. {CLOCK}"):
            at_the_redox_door(iat=NOW - 311)

    @pytest.mark.parametrize("jti", [None, "", 1])
    def test_a_name_that_is_given_is_one(self, jti):
        with refused(NO_TEXT.format("jti")):
            at_the_redox_door(jti=jti)


def test_a_modulus_of_a_broken_number_of_bytes_verifies():
    """Its signatures have a byte for the bits that are left over."""
    made = rsa.generate_private_key(65537, 2050)
    key = jwk.RSAKey.import_key(
        made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    raw = signature("RS256", "signed", key)
    claimed = Claimed.read(f"{encoded(HEADER | {'alg': 'RS256'})}.{encoded(CLAIMS)}.{raw}")
    claimed = claimed._replace(signed=b"signed")
    assert len(claimed.signature) == 257
    assert claimed.is_signed_by(public_text(key), "RS256")
    assert not claimed.is_signed_by(public_text(key), "RS384")
