"""A key's clients go over from a secret to a private key; the secret ends once nobody uses it any more."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from environments.models import AuditEvent
from keys.models import HourOfUse, Key, PublicKey
from keys.public_keys import read_public_keys
from keys.services import public_keys
from keys.services.rotating import Plan, prepare_rotation
from keys.services.switching import QUIET_FOR, NotQuiet, Where, end_secrets, way_of
from tests.cast import LONG_AGO
from tests.keys.pages.addresses import page
from tests.keys.pairs import P256, public


@pytest.fixture
def key(acme, issue) -> Key:
    """With a secret that was used two days ago, and a public key that was used since."""
    made = issue(team=acme.team).key
    found = read_public_keys(json.dumps(public(P256, kid="main")), now=timezone.now())
    public_keys.add_public_keys(acme.enter("engineer"), made.client_id, found)
    now = timezone.now()
    made.secrets.update(
        last_used_at=now - timedelta(days=2), created_at=now - timedelta(days=9), use_count=5
    )
    made.public_keys.update(last_used_at=now - timedelta(minutes=1), use_count=1)
    return made


def where(key: Key) -> Where:
    return way_of(key, timezone.now()).where


def refusal(acme, key: Key) -> Where:
    with pytest.raises(NotQuiet) as raised:
        end_secrets(acme.enter("engineer"), key.client_id)
    assert key.secrets.filter(revoked_at=None).exists()
    return raised.value.way.where


def test_a_secret_that_rests_while_the_client_signs_may_go(acme, key):
    assert where(key) is Where.QUIET
    assert end_secrets(acme.enter("lead"), key.client_id) == 1
    (secret,) = key.secrets.all()
    assert secret.revoked_at is not None
    assert secret.sealed is not None, "a worker has still to try it"
    line = AuditEvent.objects.get(event="secret.retired")
    assert (line.detail["hint"], line.detail["why"]) == (secret.hint, "Its client signs.")
    assert where(key) is Where.ONE_KIND


@pytest.mark.parametrize("who", ["support", "viewer"])
def test_who_may_not_revoke_ends_none(acme, key, who):
    with pytest.raises(PermissionDenied):
        end_secrets(acme.enter(who), key.client_id)


def test_a_secret_used_within_a_day_stays(acme, key):
    key.secrets.update(last_used_at=timezone.now() - QUIET_FOR + timedelta(minutes=5))
    assert refusal(acme, key) is Where.STILL_USED


def test_a_secret_used_after_the_last_signature_stays(acme, key):
    key.public_keys.update(last_used_at=timezone.now() - timedelta(days=3))
    assert refusal(acme, key) is Where.NOT_SIGNED


def test_before_anybody_has_signed_it_stays(acme, key):
    key.public_keys.update(last_used_at=None)
    assert refusal(acme, key) is Where.NOT_SIGNED


def test_a_young_secret_that_nobody_has_used_yet_stays(acme, key):
    key.secrets.update(last_used_at=None, created_at=timezone.now())
    assert refusal(acme, key) is Where.STILL_USED


def test_while_a_rotation_is_open_its_secrets_belong_to_it(acme, key):
    prepare_rotation(acme.enter("engineer"), key.client_id, Plan(timedelta(hours=1)))
    assert refusal(acme, key) is Where.ROTATING


def test_a_public_key_that_has_ended_counts_for_nothing(acme, key):
    PublicKey.objects.update(expires_at=timezone.now())
    assert refusal(acme, key) is Where.ONE_KIND


def test_everybody_who_sees_the_key_sees_who_uses_which(sign_in, key):
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    secret, signer = key.secrets.get(), key.public_keys.get()
    for proof, address, count in ((secret, "203.0.113.9", 7), (signer, "198.51.100.2", 31)):
        HourOfUse.objects.create(
            key=key, proof=proof.public_id, address=address, hour=hour, count=count
        )
    shown = sign_in("viewer").get(page("switch", key)).content.decode()
    for text in ("203.0.113.9", "198.51.100.2", ">7<", ">31<", "main", secret.hint, "gone quiet"):
        assert text in shown
    assert page("switch_end", key) not in shown
    assert sign_in("stranger").get(page("switch", key)).status_code == 404
    assert (
        page("switch", key)
        in sign_in("viewer").get(page("detail", key) + "?tab=secrets").content.decode()
    )
    assert (
        page("switch", key)
        in sign_in("viewer").get(page("detail", key) + "?tab=public-keys").content.decode()
    )


def test_a_lead_ends_it_on_a_page_after_a_fresh_sign_in(sign_in, key):
    assert sign_in("support").post(page("switch_end", key)).status_code == 403
    assert sign_in("lead", ago=LONG_AGO).get(page("switch_end", key)).status_code == 302
    client = sign_in("lead")
    assert page("switch_end", key) in client.get(page("switch", key)).content.decode()
    assert "at once and for good" in client.get(page("switch_end", key)).content.decode()
    answer = client.post(page("switch_end", key), follow=True)
    assert "proven by public keys alone" in answer.content.decode()
    assert not key.secrets.filter(revoked_at=None).exists()


def test_a_page_that_has_grown_old_ends_nothing(sign_in, key):
    client = sign_in("engineer")
    key.secrets.update(last_used_at=timezone.now())
    for answer in (client.get(page("switch_end", key)), client.post(page("switch_end", key))):
        assert answer.status_code == 409
        assert "Nothing was ended" in answer.content.decode()
    assert key.secrets.filter(revoked_at=None).exists()


def test_who_would_revoke_the_only_secret_is_shown_the_way(sign_in, key):
    client = sign_in("engineer")
    shown = client.get(page("revoke", key, secret=key.secrets.get().public_id)).content.decode()
    assert "the only secret that works" in shown
    assert page("switch", key) in shown
