"""A client changes its pair: the token service refuses the new kid, which brings the next fetch on, and then knows it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.issuer import hours, usage
from keys.models import KeySet, PublicKey
from tests.keys.issuer.signed import Signer, private_key
from tests.keys.sets.conftest import fetch_due

pytestmark = pytest.mark.enable_socket


@pytest.fixture(autouse=True)
def nothing_counted_before(monkeypatch):
    monkeypatch.setattr(usage, "keep_flushing", lambda: None)
    hours.take()
    hours._addresses.clear()
    yield
    hours.take()
    hours._addresses.clear()


def test_a_new_kid_is_refused_once_and_then_bought_with(held, signed, partner, time_machine):
    partner.publish()
    fetch_due()
    client = Signer(signed, "ES256", kid="new")
    PublicKey.objects.all().delete()  # its row is for the set to bring
    partner.publish(private_key("ES256"), kid="new")
    assert client.buy().status == 401
    usage.flush()
    time_machine.move_to(timezone.now() + timedelta(minutes=1))
    assert fetch_due() == 1
    assert client.buy().status == 200


def test_neither_a_wrong_signature_nor_another_clients_kid_brings_a_fetch_on(
    held, signed, partner, time_machine, issue
):
    partner.publish(private_key("ES256"), kid="k")
    fetch_due()
    PublicKey.objects.all().delete()
    client = Signer(signed, "ES256", kid="k")
    stranger = Signer(issue(name="other").key, "ES256", kid="x")
    forged = client.assertion()[:-8] + "A" * 8
    assert client.buy(forged).status == 401
    assert stranger.buy(stranger.assertion({"kid": "unknown"})).status == 401
    usage.flush()
    time_machine.move_to(timezone.now() + timedelta(minutes=5))
    assert fetch_due() == 0
    assert not KeySet.objects.exclude(missed_at=None).exists()
