"""Signatures of the standards hold, and none of the known ways to forge one does. Nothing of it needs a database.

The ways are those that published collections of JOSE test vectors try; what is tried is made here, with keys of our own."""

import base64
import hashlib
import hmac
import json
from functools import partial

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from keys.issuer.assertion import ALGORITHMS, BadAssertion, Claimed
from tests.keys.issuer.signed import b64, encoded, private_key, public_text, signature
from tests.keys.issuer.vectors import NO_ASSERTIONS, SIGNED

HEADER = {"alg": "RS256", "kid": "k"}
CLAIMS = {"iss": "ck", "sub": "ck"}
MESSAGE = b"signed"
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        16,
    ),
    "EdDSA": 2**252 + 27742317777372353535851937790883648493,
}
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017, 9.2: SHA-256


def holds(algorithm, key, signed, raw, known_as=None):
    claimed = Claimed("", "", algorithm, {}, signed, raw)
    return claimed.is_signed_by(key, known_as or algorithm)


def raw_of(algorithm, text=MESSAGE):
    return base64.urlsafe_b64decode(signature(algorithm, text.decode()) + "==")


def public(algorithm):
    return public_text(private_key(algorithm))


@pytest.mark.parametrize("example", SIGNED)
class TestStandards:
    def test_an_example_holds_for_its_own_algorithm_and_text_alone(self, example):
        algorithm, key, text = SIGNED[example]
        signed, _, last = text.rpartition(".")
        check = partial(holds, algorithm, json.dumps(key))
        raw = base64.urlsafe_b64decode(last + "==")
        assert check(signed.encode(), raw)
        assert not check(signed.encode() + b"A", raw)
        assert not check(b"A" + signed.encode(), raw)
        for other in ALGORITHMS:
            assert check(signed.encode(), raw, other) is (other == algorithm)

    def test_each_of_its_bytes_counts(self, example):
        algorithm, key, text = SIGNED[example]
        signed, _, last = text.rpartition(".")
        raw = base64.urlsafe_b64decode(last + "==")
        for place in (0, 1, len(raw) // 2, len(raw) - 1):
            wrong = bytearray(raw)
            wrong[place] ^= 1
            assert not holds(algorithm, json.dumps(key), signed.encode(), bytes(wrong))


@pytest.mark.parametrize("example", NO_ASSERTIONS)
def test_what_is_no_assertion_is_refused_by_name(example):
    text, said = NO_ASSERTIONS[example]
    with pytest.raises(BadAssertion, match=said):
        Claimed.read(text)


class TestParts:
    """Taken away, added, or put elsewhere."""

    @pytest.mark.parametrize(
        "change",
        [
            "{0}.{1}.", "{0}.{1}", "{0}..{2}", "{0}.{2}", ".{1}.{2}", "{1}.{2}", ".{1}.", "{1}", "", ".", "..", "...",
            "{0}.{1}.{2}.", ".{0}.{1}.{2}", "{0}.{1}.{2}.{2}", "{0}.{0}.{1}.{2}", "{0}.{1}.{2}..",
        ],
    )  # fmt: skip
    def test_there_are_three(self, change):
        parts = encoded(HEADER), encoded(CLAIMS), b64(b"x" * 256)
        assert Claimed.read(".".join(parts)).client_id == "ck"
        with pytest.raises(BadAssertion, match="three parts"):
            Claimed.read(change.format(*parts))

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize(
        "change", ["{}=", "{}==", "={}", " {}", "{} ", "{}\n", "\t{}", "{}\0", "{}+", "{}/", "{}é", "{}%"]
    )  # fmt: skip
    def test_each_has_one_spelling(self, place, change):
        parts = [encoded(HEADER), encoded(CLAIMS), b64(b"x" * 256)]
        parts[place] = change.format(parts[place])
        with pytest.raises(BadAssertion):
            Claimed.read(".".join(parts))

    def test_bits_that_no_byte_is_made_of_are_zero(self):
        """A second spelling of the same bytes would be a second assertion to whoever compares texts."""
        head, body = encoded(HEADER), encoded(CLAIMS)
        assert Claimed.read(f"{head}.{body}.QQ").signature == b"A"
        for other in "RSTUVWXYZabcdef":
            with pytest.raises(BadAssertion, match="base64url without padding"):
                Claimed.read(f"{head}.{body}.Q{other}")


class TestKeysOfAnotherKind:
    @pytest.mark.parametrize("shown", ALGORITHMS)
    @pytest.mark.parametrize("owned", ALGORITHMS)
    def test_a_signature_proves_the_key_that_made_it_by_its_own_algorithm_alone(self, shown, owned):
        raw = raw_of(shown)
        assert holds(shown, public(owned), MESSAGE, raw, owned) is (shown == owned)
        assert not holds(shown, None, MESSAGE, raw, "")

    @pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
    def test_a_public_key_is_no_shared_secret_in_whatever_form(self, algorithm):
        key = private_key(algorithm).public_key
        pem = key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        der = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        text = f"{encoded({'alg': 'HS256', 'kid': 'k'})}.{encoded(CLAIMS)}"
        for secret in (pem, pem.strip(), der, public(algorithm).encode()):
            mac = hmac.digest(secret, text.encode(), "sha256")
            with pytest.raises(BadAssertion, match="alg is none"):
                Claimed.read(f"{text}.{b64(mac)}")


@pytest.mark.parametrize("algorithm", ["ES256", "ES384"])
class TestCurves:
    """Pairs of numbers at the edges, for any text: ECDSA without its checks takes some of them (CVE-2022-21449)."""

    def test_no_pair_of_edges_signs_anything(self, algorithm):
        order, size = ORDERS[algorithm], int(algorithm[2:]) // 8
        edges = [0, 1, order - 1, order, order + 1, 256**size - 1]
        for r in edges:
            for s in edges:
                raw = r.to_bytes(size) + s.to_bytes(size)
                assert not holds(algorithm, public(algorithm), MESSAGE, raw)

    def test_its_numbers_stand_in_their_places_with_their_length(self, algorithm):
        raw, size = raw_of(algorithm), int(algorithm[2:]) // 8
        r, s = raw[:size], raw[size:]
        der = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
        changed = [s + r, r, s, b"", r + s + s, b"\0" + raw, raw + b"\0", raw[:-1], raw[1:], der]
        changed += [b"\0" + r + b"\0" + s, b"\0" * len(raw) + raw]
        assert holds(algorithm, public(algorithm), MESSAGE, raw)
        assert not any(holds(algorithm, public(algorithm), MESSAGE, wrong) for wrong in changed)

    def test_a_number_is_not_taken_beyond_the_order(self, algorithm):
        """r and r + n are the same to careless arithmetic: the second one is another spelling."""
        order, size = ORDERS[algorithm], int(algorithm[2:]) // 8
        raw = raw_of(algorithm)
        for place in (0, 1):
            pair = [int.from_bytes(raw[:size]), int.from_bytes(raw[size:])]
            pair[place] = (pair[place] + order) % 256**size
            wrong = b"".join(number.to_bytes(size) for number in pair)
            assert not holds(algorithm, public(algorithm), MESSAGE, wrong)

    def test_the_hash_is_that_of_the_algorithm(self, algorithm):
        other = hashes.SHA384() if algorithm == "ES256" else hashes.SHA256()
        raw = joined(private_key(algorithm).private_key.sign(MESSAGE, ec.ECDSA(other)), algorithm)
        assert not holds(algorithm, public(algorithm), MESSAGE, raw)


class TestEd25519:
    def test_a_number_is_not_taken_beyond_the_order(self):
        """RFC 8032, 5.1.7: s is below the order, or each signature has a twin."""
        raw = raw_of("EdDSA")
        twin = int.from_bytes(raw[32:], "little") + ORDERS["EdDSA"]
        assert holds("EdDSA", public("EdDSA"), MESSAGE, raw)
        assert not holds("EdDSA", public("EdDSA"), MESSAGE, raw[:32] + twin.to_bytes(32, "little"))

    @pytest.mark.parametrize("raw", [bytes(64), b"\1" + bytes(63), b"\xff" * 64, b"", bytes(63)])
    def test_nothing_is_no_signature(self, raw):
        assert not holds("EdDSA", public("EdDSA"), MESSAGE, raw)
        assert not holds("EdDSA", public("EdDSA"), MESSAGE, raw_of("EdDSA") + b"\0")


class TestPkcs1:
    """The padding is compared, not parsed: each of these was taken by some library once (Bleichenbacher 2006, BERserk)."""

    def test_the_padding_as_it_should_be_holds(self):
        assert holds("RS256", public("RS256"), MESSAGE, forged(block()))

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda: block(filler=8, behind=True),
            lambda: block(filler=8),
            lambda: block(start=b"\0\2"),
            lambda: block(start=b"\1\1"),
            lambda: block(start=b"\0\0"),
            lambda: block(byte=b"\0"),
            lambda: block(byte=b"\xfe"),
            lambda: block(info=b""),
            lambda: block(info=DIGEST_INFO[:-1] + b"\x21"),
            lambda: block(info=bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20"),
            lambda: block(info=bytes.fromhex("303130") + b"\x81\x0d" + DIGEST_INFO[4:]),
            lambda: block(info=bytes.fromhex("30820031") + DIGEST_INFO[2:]),
            lambda: block(info=bytes.fromhex("3080") + DIGEST_INFO[2:]),
            lambda: block(info=DIGEST_INFO[:15] + b"\5\1\0" + DIGEST_INFO[17:]),
            lambda: block(info=DIGEST_INFO[:14] + b"\2" + DIGEST_INFO[15:]),
            lambda: block(digest=hashlib.sha256(MESSAGE).digest()[:-1]),
            lambda: block(digest=hashlib.sha256(MESSAGE).digest() + b"\0"),
            lambda: block(digest=hashlib.sha256(b"").digest()),
            lambda: block(digest=bytes(32)),
            lambda: bytes(256),
        ],
    )
    def test_any_other_padding_does_not(self, wrong):
        assert not holds("RS256", public("RS256"), MESSAGE, forged(wrong()))

    @pytest.mark.parametrize("number", [0, 1, "modulus - 1", "modulus", "beyond"])
    def test_no_number_at_the_edge_signs_anything(self, number):
        modulus = private_key("RS256").private_key.public_key().public_numbers().n
        given = {"modulus - 1": modulus - 1, "modulus": modulus, "beyond": 2**2048 - 1}
        raw = given.get(number, number).to_bytes(256)
        assert not holds("RS256", public("RS256"), MESSAGE, raw)

    def test_its_length_is_that_of_the_modulus(self):
        raw = raw_of("RS256")
        for wrong in (b"", raw[:-1], raw[1:], raw + b"\0", b"\0" + raw, raw + raw):
            assert not holds("RS256", public("RS256"), MESSAGE, wrong)

    def test_another_number_of_the_same_rest_is_another_spelling(self):
        modulus = private_key("RS256").private_key.public_key().public_numbers().n
        twin = int.from_bytes(raw_of("RS256")) + modulus
        raw = twin.to_bytes(257)
        assert not holds("RS256", public("RS256"), MESSAGE, raw)


@pytest.mark.parametrize(("algorithm", "size"), [("PS256", 32), ("PS384", 48), ("PS512", 64)])
class TestPss:
    """RFC 7518, 3.5: hash, mask and length of the salt belong to the algorithm."""

    def test_salt_and_mask_are_those_of_the_algorithm(self, algorithm, size):
        own = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[size]
        key = private_key(algorithm).private_key

        def signed(mask=own, salt=size, digest=own):
            return key.sign(MESSAGE, padding.PSS(padding.MGF1(mask), salt), digest)

        assert holds(algorithm, public(algorithm), MESSAGE, signed())
        others = [
            signed(salt=0),
            signed(salt=size - 1),
            signed(salt=size + 1),
            signed(hashes.SHA224()),
        ]
        others += [signed(digest=hashes.SHA224()), key.sign(MESSAGE, padding.PKCS1v15(), own)]
        assert not any(holds(algorithm, public(algorithm), MESSAGE, wrong) for wrong in others)


def joined(der, algorithm):
    return b"".join(
        number.to_bytes(int(algorithm[2:]) // 8) for number in decode_dss_signature(der)
    )


def block(start=b"\0\1", byte=b"\xff", filler=None, behind=False, info=DIGEST_INFO, digest=None):
    """An encoded message of 2048 bits as RFC 8017, 9.2 builds it, with one thing done otherwise."""
    told = info + (hashlib.sha256(MESSAGE).digest() if digest is None else digest)
    room = 256 - len(start) - 1 - len(told)
    if filler is None:
        return start + byte * room + b"\0" + told
    rest = bytes(room - filler)
    parts = (byte * filler, b"\0", told, rest) if behind else (byte * filler, rest, b"\0", told)
    return start + b"".join(parts)


def forged(encoded_message):
    """Signed without any padding: the bare power of RSA."""
    numbers = private_key("RS256").private_key.private_numbers()
    modulus = numbers.public_numbers.n
    return pow(int.from_bytes(encoded_message), numbers.d, modulus).to_bytes(256)
