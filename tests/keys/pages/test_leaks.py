"""People report a leak, and the page leads them to the next secret."""

from django.utils import timezone
from django.utils.crypto import get_random_string

from keys.models import Rotation
from tests.keys.pages.addresses import leak_page, page, page_of
from tests.keys.staged import MINUTE, used
from tests.log import lines


def test_a_leak_ends_the_secret_at_once_and_leads_to_the_next(sign_in, key):
    secret = key.secrets.get()
    used(secret, MINUTE)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    counted = {"proof": secret.public_id, "address": "203.0.113.9", "hour": hour}
    key.hours_of_use.create(count=31, **counted)
    client = sign_in("engineer")
    shown = client.get(leak_page(secret)).content.decode()
    assert "left without a secret" in shown
    assert "31 tokens in this hour and the one before, from 203.0.113.9." in shown
    assert client.post(leak_page(secret), {"why": ""}).status_code == 422
    answer = client.post(leak_page(secret), {"why": "in a public repository"})
    assert answer["Location"] == page("rotate", key)
    secret.refresh_from_db()
    assert secret.revoked_at
    assert lines("secret.leaked") == 1
    shown = client.get(page("rotate", key)).content.decode()
    assert "The key has no working secret" in shown
    assert "Grace period" not in shown
    form = {"once": get_random_string(32), "why": ""}
    assert "/secret/" in client.post(page("rotate", key), form)["Location"]
    assert key.rotations.get().why == "in a public repository"


def test_a_leak_while_rotating_skips_the_grace(sign_in, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "other secret works on" in client.get(leak_page(rotation.old)).content.decode()
    assert client.post(leak_page(rotation.old), {"why": "seen"})["Location"] == page_of(rotation)
    rotation.refresh_from_db()
    assert rotation.retired_at


def test_a_leaked_new_secret_is_discarded(sign_in, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "new secret of a rotation" in client.get(leak_page(rotation.new)).content.decode()
    client.post(leak_page(rotation.new), {"why": "seen"})
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.DISCARDED


def test_a_secret_that_has_ended_cannot_leak_again(sign_in, key, stage):
    rotation = stage("dead")
    client = sign_in("engineer")
    for answer in (
        client.get(leak_page(rotation.old)),
        client.post(leak_page(rotation.old), {"why": "x"}),
    ):
        assert answer.status_code == 409
        assert "has ended already" in answer.content.decode()
    assert client.get(page("leak", key, secret="sec_none")).status_code == 404
