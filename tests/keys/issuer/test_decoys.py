"""The work of refusing a signature tells nobody which keys there are."""

import pytest
from joserfc import jwk
from joserfc.jws import JWSRegistry

from keys.issuer.assertion import Claimed
from tests.keys.issuer.signed import b64, encoded, public_text


@pytest.mark.parametrize("bits", [2048, 4096])
@pytest.mark.parametrize("length", [1, 256, 384, 512, 1024])
def test_a_forged_signature_costs_what_its_own_length_says(monkeypatch, bits, length):
    """RSA says no at once to a signature of another length: the time would tell whose kid is known."""
    sizes = []
    real = JWSRegistry.algorithms["RS256"].verify

    def watch(text, signature, key):
        sizes.append(key.raw_value.key_size)
        return real(text, signature, key)

    monkeypatch.setattr(JWSRegistry.algorithms["RS256"], "verify", watch)
    header, claims = {"alg": "RS256", "kid": "k"}, {"iss": "a", "sub": "a"}
    claimed = Claimed.read(f"{encoded(header)}.{encoded(claims)}.{b64(b'x' * length)}")
    known = public_text(jwk.RSAKey.generate_key(bits))
    assert not claimed.is_signed_by(known, "RS256")
    assert not claimed.is_signed_by(None, "")
    assert sizes == [max(length * 8, 2048)] * 2
