"""What this installation seals, the other side opens, where it belongs; and nobody else's ring does."""

import pytest

from environments import keyrings
from keys import sealing
from keys.crypto import CannotOpen, Context, SecretText
from tests.keys.test_crypto import entries, pair

HERE = Context(1, 2, "ck_a", "sec_b", "secret", "built-in 2")
RINGS = {
    sealing.seal_credential: "LATCHKEY_CREDENTIAL_PUBLIC_KEYS",
    sealing.seal_signing_key: "LATCHKEY_ISSUER_PUBLIC_KEYS",
}


@pytest.mark.parametrize("seal", RINGS)
def test_each_box_is_for_its_own_reader(settings, seal):
    private, other = entries(keyrings.PRIVATE), entries(keyrings.PRIVATE)
    for name in RINGS.values():
        mine = private if name == RINGS[seal] else other
        text = keyrings.PUBLIC.write([keyrings.public_of(entry) for entry in mine])
        setattr(settings, name, text)
    box = seal(SecretText("the secret"), HERE)
    assert pair(private)[1].open(box, HERE).reveal() == "the secret"
    with pytest.raises(CannotOpen):
        pair(other)[1].open(box, HERE)
