"""Which key signs a token, and which keys verify it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError

from keys.issuer import clients, signing
from keys.models import SigningKey
from tests.keys.issuer.conftest import buy, open_shop, reader


class TestSigningKeys:
    def test_the_first_token_makes_the_first_key_and_the_next_ones_use_it(self, shop):
        assert not SigningKey.objects.exists()
        buy(shop), buy(shop)
        key = SigningKey.objects.get()
        assert (key.serial, key.algorithm) == (1, "ES256")
        assert "d" not in key.public_jwk

    def test_each_environment_has_its_own(self, shop):
        other = open_shop("globex")
        buy(shop), buy(other)
        token = buy(shop).json["access_token"]
        with pytest.raises(InvalidKeyIdError):
            jwt.decode(token, reader(other))

    def test_a_new_key_signs_at_once_and_the_old_token_still_verifies(self, shop):
        before = buy(shop).json["access_token"]
        first = SigningKey.objects.get()
        place = clients.Place(
            shop.key.environment_id,
            shop.key.environment.organization_id,
            shop.key.environment.issuer_id,
            *("development", "", None),
        )
        first.delete()
        made = signing.first_key(place)
        SigningKey.objects.filter(pk=made.pk).update(serial=2)
        first.save(force_insert=True)
        after = buy(shop).json["access_token"]
        keys = reader(shop)
        headers = [jwt.decode(token, keys).header["kid"] for token in (before, after)]
        assert headers == [first.kid, made.kid]

    def test_a_key_published_ahead_does_not_sign_yet(self, shop):
        buy(shop)
        SigningKey.objects.update(signs_from=timezone.now() + timedelta(hours=1), serial=2)
        assert buy(shop).status == 200
        assert SigningKey.objects.filter(serial=1).exists()

    def test_a_private_half_moved_to_another_environment_stays_shut(self, shop):
        other = open_shop("globex")
        buy(shop)
        SigningKey.objects.update(environment=other.key.environment, kid="moved")
        assert buy(other).status == 503

    @pytest.mark.django_db(transaction=True)
    def test_four_first_tokens_at_once_make_one_key(self, transactional_db):
        shop = open_shop()

        def first(_):
            try:
                return buy(shop).status
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(first, range(4))) == [200] * 4
        assert SigningKey.objects.count() == 1
