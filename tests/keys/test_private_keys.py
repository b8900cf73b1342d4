import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms
from joserfc import jwk, jwt

from keys.crypto import SecretText
from keys.private_keys import LONGEST, BadPrivateKey, read_private_key, sign_assertion

RSA = jwk.RSAKey.generate_key(2048)
P256, P384 = jwk.ECKey.generate_key("P-256"), jwk.ECKey.generate_key("P-384")
ED = jwk.OKPKey.generate_key("Ed25519")
FIT = [("RS256", RSA), ("RS384", RSA), ("PS256", RSA), ("ES256", P256), ("ES384", P384)]
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # joserfc's decode warns


def private(key, **changes) -> str:
    return json.dumps(key.as_dict(private=True) | changes)


def native(key) -> Any:
    return key.private_key


def d_of(key) -> str:
    return str(key.as_dict(private=True)["d"])


def read(text: str, algorithm: str = "ES256", kid: str = ""):
    return read_private_key(SecretText(text), algorithm, kid)


def refusal(text: str, algorithm: str = "ES256", kid: str = "") -> str:
    with pytest.raises(BadPrivateKey) as raised:
        read(text, algorithm, kid)
    assert raised.value.__cause__ is None
    return str(raised.value)


@pytest.mark.parametrize(("algorithm", "key"), [*FIT, ("EdDSA", ED)])
@pytest.mark.parametrize("form", ["jwk", "set", "pem"])
def test_each_kind_of_key_is_read_in_every_form_and_signs_for_its_algorithm(algorithm, key, form):
    text = key.as_pem(private=True).decode() if form == "pem" else private(key)
    text = f'{{"keys": [{text}]}}' if form == "set" else f"\n {text} \n"
    made = read(text, algorithm, "k1")
    now = int(time.time())
    signed = sign_assertion(
        made.text, algorithm, made.kid, client_id="us", audience="them", now=now
    )
    token = jwt.decode(signed.reveal(), jwk.import_key(key.as_dict(private=False)), [algorithm])
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "k1"}
    assert token.claims["iss"] == token.claims["sub"] == "us"
    assert token.claims["aud"] == "them"
    assert token.claims["iat"] == now < token.claims["exp"] <= now + 300
    assert len(token.claims["jti"]) >= 22


def test_two_assertions_are_never_the_same():
    made = read(private(P256))
    one, two = (
        sign_assertion(made.text, "ES256", "", client_id="a", audience="b", now=1).reveal()
        for _ in range(2)
    )
    assert one.split(".")[1] != two.split(".")[1]


@pytest.mark.parametrize("key", [RSA, P256, ED])
def test_a_public_key_is_told_apart_in_both_forms(key):
    algorithm = {"RSA": "RS384", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    for text in (
        json.dumps(key.as_dict(private=False)),
        key.as_pem(private=False).decode(),
    ):
        assert "public key" in refusal(text, algorithm)


@pytest.mark.parametrize(
    ("algorithm", "key"), [("RS384", P256), ("ES256", P384), ("ES384", P256), ("EdDSA", RSA)]
)
def test_a_key_of_another_kind_is_refused_and_the_right_kind_named(algorithm, key):
    for text in (private(key), key.as_pem(private=True).decode()):
        assert refusal(text, algorithm).startswith(f"{algorithm} signs with a key of the kind")


def test_a_short_rsa_key_is_refused(recwarn):
    short = jwk.RSAKey.generate_key(1024)
    recwarn.clear()
    assert "too short" in refusal(private(short), "RS256")
    assert "too short" in refusal(short.as_pem(private=True).decode(), "RS256")


def test_a_key_with_a_passphrase_is_refused_by_name():
    locked = native(P256).private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"x")
    )
    assert "passphrase" in refusal(locked.decode())
    old = native(P256).private_bytes(
        forms.Encoding.PEM,
        forms.PrivateFormat.TraditionalOpenSSL,
        forms.BestAvailableEncryption(b"x"),
    )
    assert "passphrase" in refusal(old.decode())


def test_what_openssl_writes_around_a_key_is_left_out():
    old = (
        native(P256)
        .private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.TraditionalOpenSSL, forms.NoEncryption()
        )
        .decode()
    )
    around = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert read(around + old).hint == read(private(P256)).hint


def test_the_kid_of_the_key_is_taken_and_may_not_contradict_the_one_typed():
    assert read(private(P256, kid="mine")).kid == "mine"
    assert read(private(P256, kid="mine"), kid="mine").kid == "mine"
    assert read(private(P256), kid="typed").kid == "typed"
    assert "differ" in refusal(private(P256, kid="mine"), kid="other")
    for bad in ("ü", "x" * 201, "a\nb"):
        assert "kid" in refusal(private(P256), kid=bad)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("hello", "neither a JWK nor a PEM"),
        ("", "neither"),
        ("{", "begins like JSON"),
        ("[" * 5000, "begins like JSON"),
        ("[]", "one key"),
        ('{"keys": []}', "one key"),
        ('{"keys": [1, 2]}', "one key"),
        ('{"kty": "oct", "k": "c2VjcmV0"}', "shared secret"),
        ('{"kty": 7, "d": "x"}', "not a text"),
        ('{"kty": "EC", "d": "é"}', "not a text"),
        ('{"kty": "EC", "kty": "EC"}', "begins like JSON"),
        (private(P256, kid=7), "kid"),
        (private(P256, use="enc"), "use"),
        (private(P256, key_ops=["verify"]), "key_ops"),
        (private(P256, key_ops=7), "key_ops"),
        (private(P256, alg="ES384"), "another algorithm"),
        (private(P256, d=P384.as_dict(private=True)["d"]), "belong together"),
        (private(P256, x="AAAA"), "belong together"),
        (private(P256, d="A" * 9000), "larger"),
        ("x" * (LONGEST + 1), "longer"),
        (P256.as_pem(private=True).decode() * 2, "one key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "neither"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA", "neither"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "public key"),
    ],
    ids=lambda value: value[:16],
)  # fmt: skip
def test_each_mistake_is_named_in_words_and_nothing_is_quoted(text, word):
    said = refusal(text)
    assert word in said
    assert d_of(P256) not in said


def test_a_swapped_half_is_found_although_each_half_is_a_key():
    other = jwk.ECKey.generate_key("P-256").as_dict(private=False)
    assert "belong together" in refusal(private(P256, x=other["x"], y=other["y"]))
    other_rsa = jwk.RSAKey.generate_key(2048).as_dict(private=False)
    assert "belong together" in refusal(private(RSA, n=other_rsa["n"]), "RS384")


def test_a_private_key_neither_prints_nor_travels():
    made = read(private(P256))
    assert d_of(P256) not in repr(made) + str(made)
