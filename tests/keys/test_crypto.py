import copy
import hmac
import json
import pickle
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from environments import keyrings
from environments.keyrings import BadKeyring
from keys import crypto
from keys.crypto import (
    CannotOpen,
    Context,
    Peppers,
    PrivateKeyring,
    PublicKeyring,
    SecretText,
    SymmetricKeyring,
    key_id_of,
)

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
HERE = Context(1, 2, "ck_a", "sec_b", "secret", "built-in 2")
BASE62_TEXT = st.text(crypto.BASE62, min_size=43, max_size=43)


def entries(shape, count=1):
    return [keyrings.new_entry(shape, NOW) for _ in range(count)]


def pair(private):
    public = keyrings.PUBLIC.write([keyrings.public_of(entry) for entry in private])
    text = keyrings.PRIVATE.write(private)
    return PublicKeyring.parse(public), PrivateKeyring.parse(text)


@pytest.fixture
def rings():
    return pair(entries(keyrings.PRIVATE))


@pytest.fixture
def sealed(rings):
    return rings[0].seal(SecretText("the secret"), HERE)


class TestSecretText:
    def test_it_does_not_print(self):
        secret = SecretText("hunter2")
        assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
        assert secret.reveal() == "hunter2"

    @pytest.mark.parametrize("travel", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_it_does_not_travel(self, travel):
        with pytest.raises(TypeError):
            travel(SecretText("hunter2"))

    def test_it_is_no_json(self):
        with pytest.raises(TypeError):
            json.dumps({"secret": SecretText("hunter2")})


class TestMinting:
    @pytest.mark.parametrize("kind", ["dev", "stg", "prd"])
    def test_a_secret_has_the_promised_form(self, kind):
        text = crypto.mint_secret(kind).reveal()
        assert text.startswith(f"lk_{kind}_")
        assert len(text) == 3 + 4 + 43 + 1 + 6
        assert crypto.looks_like_secret(text)

    @given(BASE62_TEXT)
    def test_the_checksum_is_crc32_in_base62_padded_to_six(self, body):
        text = f"lk_dev_{body}"
        value = 0
        for digit in crypto._checksum(text):
            value = value * 62 + crypto.BASE62.index(digit)
        assert value == zlib.crc32(text.encode())
        assert len(crypto._checksum(text)) == 6

    @given(st.integers(0, 55), st.sampled_from(crypto.BASE62 + "_-é"))
    def test_a_single_wrong_character_is_noticed(self, position, character):
        text = crypto.mint_secret("dev").reveal()
        wrong = text[:position] + character + text[position + 1 :]
        assert crypto.looks_like_secret(wrong) is (wrong == text)

    @given(st.text())
    def test_any_other_text_is_no_secret(self, text):
        assert not crypto.looks_like_secret(text)

    def test_ids_are_opaque_and_differ(self):
        ids = {crypto.mint_client_id() for _ in range(100)}
        assert len(ids) == 100
        assert all(len(i) == 23 and i.startswith("ck_") for i in ids)
        assert all(set(i[3:]) <= set(crypto.BASE32) for i in ids)

    def test_the_hint_is_the_last_four_before_the_checksum(self):
        assert crypto.hint("lk_dev_abcdWXYZ_0000aa") == "WXYZ"


class TestBoxes:
    def test_what_was_sealed_opens_where_it_belongs(self, rings, sealed):
        assert rings[1].open(sealed, HERE).reveal() == "the secret"
        assert b"the secret" not in sealed

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("organization", 9),
            ("environment", 9),
            ("key", "ck_z"),
            ("secret", "sec_z"),
            ("field", "jwk"),
            ("bound_to", "https://elsewhere.example/token"),
        ],
    )
    def test_a_box_moved_to_another_row_stays_shut(self, rings, sealed, field, value):
        with pytest.raises(CannotOpen):
            rings[1].open(sealed, replace(HERE, **{field: value}))

    def test_a_context_cannot_be_shifted_between_its_fields(self):
        shifted = replace(HERE, key="ck_as", secret="ec_b")
        assert shifted.encode() != replace(HERE, key="ck_a", secret="sec_b").encode()

    @given(st.data())
    def test_a_damaged_box_stays_shut(self, data):
        public, private = pair(entries(keyrings.PRIVATE))
        box = bytearray(public.seal(SecretText("x"), HERE))
        box[data.draw(st.integers(0, len(box) - 1))] ^= data.draw(st.integers(1, 255))
        with pytest.raises(CannotOpen):
            private.open(bytes(box), HERE)

    def test_a_box_cut_short_anywhere_stays_shut(self, rings, sealed):
        for length in range(len(sealed)):
            with pytest.raises(CannotOpen):
                rings[1].open(sealed[:length], HERE)

    def test_a_stranger_with_another_keyring_cannot_open(self, sealed):
        _, other = pair(entries(keyrings.PRIVATE))
        with pytest.raises(CannotOpen, match="does not hold"):
            other.open(sealed, HERE)

    def test_the_newest_key_seals_and_the_older_one_still_opens(self, sealed):
        old = entries(keyrings.PRIVATE)
        public, _ = pair(old)
        before = public.seal(SecretText("before"), HERE)
        public, private = pair(old + entries(keyrings.PRIVATE))
        after = public.seal(SecretText("after"), HERE)
        assert before[2:10] != after[2:10]
        assert [private.open(b, HERE).reveal() for b in (before, after)] == ["before", "after"]

    def test_a_web_box_opens_for_its_purpose_alone(self):
        ring = SymmetricKeyring.parse(keyrings.WEB.write(entries(keyrings.WEB, 2)))
        box = ring.seal(SecretText("seed"), "totp")
        assert ring.open(box, "totp").reveal() == "seed"
        with pytest.raises(CannotOpen):
            ring.open(box, "oidc")
        for length in range(len(box)):
            with pytest.raises(CannotOpen):
                ring.open(box[:length], "totp")


class TestWords:
    """Exactly what a box says when it stays shut, and exactly what it is bound to: old boxes must open for ever."""

    def test_a_secret_text(self):
        secret = SecretText("x")
        assert repr(secret) == "SecretText(•••)"
        with pytest.raises(TypeError, match=r"^a SecretText stays in the process that made it$"):
            pickle.dumps(secret)

    def test_what_a_box_is_bound_to(self):
        assert HERE.encode() == (
            b"\0\0\0\x08latchkey\0\0\0\x011\0\0\0\x012\0\0\0\x04ck_a\0\0\0\x05sec_b"
            b"\0\0\0\x06secret\0\0\0\nbuilt-in 2"
        )

    def test_a_box_of_hpke(self, rings, sealed):
        for wrong, said in {
            sealed[:9]: "unknown format",
            b"\1\2" + sealed[2:]: "unknown format",
            b"\2\1" + sealed[2:]: "unknown format",
            sealed[:10]: "another context, or damaged",
            sealed[:2] + bytes(8) + sealed[10:]: "this process does not hold key 0000000000000000",
        }.items():
            with pytest.raises(CannotOpen) as refused:
                rings[1].open(wrong, HERE)
            assert str(refused.value) == said

    def test_a_box_of_the_web_key(self):
        ring = SymmetricKeyring.parse(keyrings.WEB.write(entries(keyrings.WEB)))
        box = ring.seal(SecretText("seed"), "totp")
        short = f"this process does not hold key {ring.newest_id}, or the box is cut short"
        for wrong, said in {
            box[:9]: "unknown format",
            box[:21]: short,
            box[:22]: "another purpose, or damaged",
            box[:-1] + bytes([box[-1] ^ 1]): "another purpose, or damaged",
        }.items():
            with pytest.raises(CannotOpen) as refused:
                ring.open(wrong, "totp")
            assert str(refused.value) == said

    def test_of_three_keys_the_last_one_is_used(self):
        web, pepper = entries(keyrings.WEB, 3), entries(keyrings.PEPPER, 3)
        assert SymmetricKeyring.parse(keyrings.WEB.write(web)).newest_id == web[2].id
        assert Peppers.parse(keyrings.PEPPER.write(pepper)).newest_id == pepper[2].id
        private = entries(keyrings.PRIVATE, 3)
        assert pair(private)[0].newest_id == private[2].id


class TestPeppers:
    def test_each_pepper_makes_its_own_mark(self):
        peppers = Peppers.parse(keyrings.PEPPER.write(entries(keyrings.PEPPER, 2)))
        marks = peppers.marks("text")
        assert len(set(marks.values())) == 2
        assert marks[peppers.newest_id] == peppers.fingerprint("text", peppers.newest_id)
        assert marks != peppers.marks("texts")

    def test_a_mark_is_hmac_with_sha_256(self):
        (pepper,) = made = entries(keyrings.PEPPER)
        peppers = Peppers.parse(keyrings.PEPPER.write(made))
        for text, raw in {"é": b"\xc3\xa9", "\ud800": b"\xed\xa0\x80"}.items():
            assert peppers.fingerprint(text, pepper.id) == hmac.digest(pepper.raw, raw, "sha256")

    @given(st.text())
    def test_any_text_can_be_marked(self, text):
        peppers = Peppers("a", {"a": hmac.new(b"pepper", digestmod="sha256")})
        assert len(peppers.fingerprint(text, "a")) == 32


PRIVATE_TEXT = keyrings.PRIVATE.write(entries(keyrings.PRIVATE))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 2, "keys": []}',
        '{"version": 1}',
        '{"version": 1, "keys": []}',
        '{"version": 1, "keys": {"id": "x"}}',
        '{"version": 1, "keys": ["x"]}',
        '{"version": 1, "keys": [{"id": "x", "made": "y"}]}',
        '{"version": 1, "keys": [{"id": 1, "made": "y", "private": "AA"}]}',
        '{"version": 1, "keys": [{"id": "x", "made": "y", "private": "!"}]}',
        '{"version": 1, "keys": [{"id": "x", "made": "y", "private": "AAé"}]}',
        '{"version": 1, "keys": [{"id": "x", "made": "y", "private": "AA"}]}',
        PRIVATE_TEXT.replace('"id": "', '"id": "0'),
        keyrings.PRIVATE.write(entries(keyrings.PRIVATE) * 2),
        keyrings.PEPPER.write(entries(keyrings.PEPPER)),
    ],
)
def test_a_malformed_keyring_is_refused_with_a_reason(text):
    with pytest.raises(BadKeyring) as refused:
        PrivateKeyring.parse(text)
    assert "AA" not in str(refused.value)


def test_a_pepper_is_no_web_key():
    with pytest.raises(BadKeyring, match="does not belong"):
        SymmetricKeyring.parse(keyrings.PEPPER.write(entries(keyrings.PEPPER)))


def test_a_keyring_in_memory_does_not_print():
    ring = PrivateKeyring.parse(PRIVATE_TEXT)
    assert "X25519" not in repr(ring)
    assert "raw" not in repr(entries(keyrings.PRIVATE)[0])


def test_a_box_says_which_key_opens_it_whoever_holds_that():
    private = entries(keyrings.PRIVATE)
    sealed = pair(private)[0].seal(SecretText("text"), HERE)
    assert key_id_of(sealed) == private[-1].id
    assert key_id_of(sealed[:10]) == private[-1].id
    with pytest.raises(CannotOpen, match=r"^unknown format$"):
        key_id_of(sealed[:9])
