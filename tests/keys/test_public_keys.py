import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from joserfc import jwk

from keys.public_keys import MOST, PrivatePasted
from tests.keys.pairs import EACH, ED, P256, P384, RSA, certificate, key_set, private, public
from tests.keys.pasted import NOW, YESTERDAY, one, pem_of, read, refusal

BURNT = "This is a private key. It was not stored. Treat it as exposed and make a new pair."
PEM = (forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(("algorithm", "key"), EACH)
@pytest.mark.parametrize("form", ["jwk", "set", "list", "pem", "certificate"])
def test_each_kind_is_read_in_every_form_with_its_own_algorithm(algorithm, key, form):
    text = {
        "jwk": lambda: json.dumps(public(key)),
        "set": lambda: key_set(public(key)),
        "list": lambda: json.dumps([public(key)]),
        "pem": lambda: key.as_pem(private=False).decode(),
        "certificate": lambda: pem_of(certificate(key, start=YESTERDAY)),
    }[form]()
    found = one(f"\n {text} \n")
    assert found.algorithm == algorithm
    assert found.kid == found.thumbprint == key.thumbprint()
    assert jwk.import_key(json.loads(found.jwk)).thumbprint() == key.thumbprint()
    assert found.expires_at == (NOW + timedelta(days=29) if form == "certificate" else None)


def test_size_and_curve_are_told_as_people_say_them():
    kinds = [one(json.dumps(public(key))).kind for _, key in EACH]
    assert kinds == ["RSA 2048", "P-256", "P-384", "Ed25519"]


def test_what_openssl_calls_an_rsa_public_key_is_read():
    text = RSA.public_key.public_bytes(forms.Encoding.PEM, forms.PublicFormat.PKCS1).decode()
    assert one(text).thumbprint == RSA.thumbprint()


def test_only_the_public_members_are_kept_in_one_order_and_make_the_thumbprint():
    found = one(json.dumps({"use": "sig", "name": "x", **public(P256, kid="a", alg="ES256")}))
    assert list(json.loads(found.jwk)) == ["crv", "kty", "x", "y"]
    digest = hashlib.sha256(found.jwk.encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == found.thumbprint
    assert found.kid == "a"


def test_the_thumbprint_is_the_one_of_rfc_7638():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqz"
        "s8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-"
        "G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    found = one(
        json.dumps({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    )
    assert found.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert (found.kid, found.algorithm, found.kind) == ("2011-04-29", "RS256", "RSA 2048")


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_takes_any_of_its_algorithms_and_keeps_one(algorithm):
    assert one(json.dumps(public(RSA)), algorithm).algorithm == algorithm
    assert one(json.dumps(public(RSA, alg=algorithm))).algorithm == algorithm


def test_a_typed_kid_names_a_key_that_has_none():
    assert one(json.dumps(public(ED)), kid="billing 1").kid == "billing 1"
    assert one(json.dumps(public(ED, kid="billing 1")), kid="billing 1").kid == "billing 1"


def test_a_set_gives_all_its_keys():
    found = read(key_set(*(public(key, kid=name) for name, key in EACH)))
    assert [each.kid for each in found] == [each.algorithm for each in found]
    assert len(found) == 4


SOME = ec.generate_private_key(ec.SECP256R1())
LOCKED = SOME.private_bytes(
    forms.Encoding.DER, forms.PrivateFormat.PKCS8, forms.BestAvailableEncryption(b"x")
)
PRIVATE_PEMS = [
    P256.as_pem(private=True).decode(),
    RSA.as_pem(private=True).decode().replace("\n", "\r\n"),
    P256.as_pem(private=False).decode() + ED.as_pem(private=True).decode(),
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII",
    "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 14\nAAAB",
    "".join(RSA.as_pem(private=True).decode().splitlines()[1:-1]),
    base64.b64encode(LOCKED).decode(),
]
PRIVATE_JSONS = [
    *(json.dumps(private(key)) for _, key in EACH),
    key_set(public(P256), private(P384)),
    json.dumps({"keys": [], "more": {"deep": [[private(ED)]]}}),
    json.dumps({"kty": "RSA", "dp": None}),
    json.dumps({"kty": "oct", "k": "c2VjcmV0"}),
    json.dumps(public(RSA) | {"oth": []}),
    json.dumps(private(ED)).replace('"d"', '"\\u0064"'),
    json.dumps(private(ED))[:-1],
    json.dumps(private(ED))[:-1] + ', "kty": "OKP"}',
    str(private(ED)),
]


@pytest.mark.parametrize("text", [*PRIVATE_PEMS, *PRIVATE_JSONS])
def test_whatever_is_private_is_told_to_be_burnt(text):
    with pytest.raises(PrivatePasted, match=f"^{BURNT}$"):
        read(text)


def with_no_point(key: Any) -> dict[str, Any]:
    return public(key, y=public(jwk.ECKey.generate_key(str(public(key)["crv"])))["y"])


def ed(y: int, *, odd: bool = False) -> dict[str, Any]:
    data = (y | odd << 255).to_bytes(32, "little")
    x = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


REFUSED = [
    ({"kty": "oct"}, "shared secret"),
    (public(RSA, kty=None), "kty"),
    (public(RSA, kty="rsa"), "kty"),
    (public(RSA, kty=["RSA"]), "kty"),
    (public(RSA, n=None), "lacks"),
    (public(P256, y=7), "lacks"),
    (public(RSA, use="enc"), "use"),
    (public(RSA, key_ops=["sign"]), "key_ops"),
    (public(RSA, key_ops=["verify", "encrypt"]), "key_ops"),
    (public(RSA, key_ops="verify"), "key_ops"),
    (public(RSA, alg="ES256"), "another alg than"),
    (public(RSA, alg="RSA-OAEP"), "another alg than"),
    (public(RSA, alg="HS256"), "another alg than"),
    (public(P256, alg="ES384"), "another alg than ES256"),
    (public(P256, alg="none"), "another alg than"),
    (public(ED, alg="ES256"), "another alg than EdDSA"),
    (public(RSA, alg=["RS256"]), "The alg of this JWK"),
    (public(RSA, kid=5), "The kid of this JWK"),
    (public(RSA, kid="é"), "A kid has"),
    (public(RSA, kid="a\nb"), "A kid has"),
    (public(RSA, kid=" a"), "A kid has"),
    (public(RSA, kid="x" * 201), "A kid has"),
    (public(RSA, kid="\ud800"), "A kid has"),
    (public(RSA, e="AQAB=="), "base64url"),
    (public(RSA, e="AQ+B"), "base64url"),
    (public(RSA, e="AQABA"), "base64url"),
    (public(RSA, e="AQAB\n"), "base64url"),
    (public(RSA, e=""), "base64url"),
    (public(RSA, e="AAEAAQ"), "begins with zeros"),
    (public(P256, x=str(public(P256)["x"])[:-1] + "_"), "one form"),
    (public(RSA, n="_" * 4096), "larger than any"),
    (public(P256, x="AQAB"), "3 bytes, not 32"),
    (public(P256, crv="P-384"), "32 bytes, not 48"),
    (public(P256, crv="P-521"), "curve is not taken"),
    (public(P256, crv="secp256k1"), "curve is not taken"),
    (public(ED, crv="X25519"), "curve is not taken"),
    (public(ED, crv="Ed448"), "curve is not taken"),
    (with_no_point(P256), "no point on the curve P-256"),
    (with_no_point(P384), "no point on the curve P-384"),
    (public(RSA, x5c="no"), "x5c"),
    (public(RSA, x5c=[]), "x5c"),
    (public(RSA, x5c=["AAAA"]), "x5c"),
    (public(RSA, x5c=["ä"]), "x5c"),
    (public(RSA, note="x" * 16_400), "longer than any public key"),
    ({"keys": []}, "holds no key"),
    ({"keys": {}}, "kty"),
    ({"keys": "x"}, "holds no key"),
    ({"keys": [3]}, "no JWK"),
    ([], "holds no key"),
    ([[public(RSA)]], "no JWK"),
]


@pytest.mark.parametrize(("found", "said"), REFUSED)
def test_what_is_wrong_in_a_jwk_is_named_and_nothing_of_it_is_quoted(found, said):
    assert said in refusal(json.dumps(found))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "neither a PEM nor a JWK"),
        ("ssh-ed25519 AAAAC3Nza", "neither a PEM nor a JWK"),
        ("MIIBIjANBgkqhkiG9w0BAQ", "neither a PEM nor a JWK"),
        ("{", "begins like JSON"),
        ("[" * 100_000, "begins like JSON"),
        ('{"kty":"RSA","kty":"RSA"}', "names a member twice"),
        ("{" + '"a":' * 5 + "1}", "begins like JSON"),
        ('{"n":' + "9" * 5000 + "}", "begins like JSON"),
        ("x" * 16_400, "longer than any public key"),
        ("{" + " " * 400_000 + "}", "longer than any key set"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read"),
        ("-----BEGIN PUBLIC KEY-----", "cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA", "neither a public key nor"),
        (P256.as_pem(private=False).decode() * 2, "Paste one key"),
    ],
)
def test_what_is_no_key_at_all_is_told_in_words(text, said):
    assert said in refusal(text)


@pytest.mark.parametrize(
    "made",
    [
        dsa.generate_private_key(2048),
        ed448.Ed448PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    ],
)
def test_keys_of_other_kinds_are_refused_as_pem(made):
    assert "P-256, P-384 and Ed25519" in refusal(made.public_key().public_bytes(*PEM).decode())


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()])
def test_other_curves_are_refused_as_pem(curve):
    made = ec.generate_private_key(curve)
    assert "curve is not taken" in refusal(made.public_key().public_bytes(*PEM).decode())


def test_the_chosen_algorithm_fits_the_key_and_what_the_key_says():
    assert "goes with ES256" in refusal(json.dumps(public(P256)), "RS256")
    assert "differ" in refusal(json.dumps(public(RSA, alg="RS256")), "PS256")
    assert "differ" in refusal(json.dumps(public(RSA, kid="a")), kid="b")


def test_a_set_is_taken_whole_or_not_at_all():
    assert refusal(key_set(public(P256), public(RSA, use="enc"))).startswith("Key 2 of 2: ")
    assert refusal(key_set(public(P256), with_no_point(P384))).startswith("Key 2 of 2: ")
    assert "the same kid" in refusal(key_set(public(P256, kid="a"), public(RSA, kid="a")))
    assert "twice" in refusal(key_set(public(P256, kid="a"), public(P256, kid="b")))
    assert "Leave the kid empty" in refusal(key_set(public(P256), public(RSA)), kid="a")
    many = [public(P256, kid=str(number)) for number in range(MOST + 1)]
    assert f"{MOST} keys at most" in refusal(key_set(*many))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (ed(0, odd=True), "small order"),
        (ed(0), "small order"),
        (ed(1), "small order"),
        (ed(2**255 - 20), "small order"),
        (ed(1, odd=True), "no point"),
        (ed(2), "no point"),
        (ed(2**255 - 19), "no point"),
        (ed(2**255 - 1), "no point"),
    ],
)
def test_points_of_ed25519_are_on_the_curve_and_of_full_order(made, said):
    assert said in refusal(json.dumps(made))
