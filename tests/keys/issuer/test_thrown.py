"""Two thousand requests of every shape: each gets a proper answer, soon. `make fuzz` throws more."""

from random import Random

import pytest

from tests.fuzz.throwing import Thrower, fits
from tests.keys.issuer.signed import Signer


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_thrown_at_it_the_token_service_answers_properly(shop, seed):
    shop.key.environment.redox_doors = shop.key.redox_door = shop.key.legacy_door = True
    shop.key.environment.save()
    shop.key.save()
    thrower = Thrower(shop, Signer(shop.key), Random(seed))  # noqa: S311  # drawn again from its seed
    for _ in range(1000):
        thrower.throw()
    assert thrower.unexpected == []
    assert {200, 400, 401} <= thrower.seen.keys()


def test_the_thrower_would_notice():
    assert fits(401, b"Invalid request")
    assert not fits(200, b"Invalid request")
    assert not fits(400, b'{"error": "x"}')
