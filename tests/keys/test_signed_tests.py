"""Whoever holds a private key shows it: an assertion, signed where the key is, is tried by a worker against our own door."""

import json
import time
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from joserfc import jwt

from environments.models import AuditEvent
from keys import tasks
from keys.crypto import SecretText
from keys.issuer import hours, throttle, usage
from keys.models import HourOfUse, Key, PublicKey, SignedTest
from keys.public_keys import read_public_keys
from keys.services import public_keys, signing
from keys.services.issuing import NewKey
from keys.services.keeping import disable_key, edit_key
from keys.signed_outcomes import SignedOutcome
from keys.upkeep import purging, signed_testing
from tests.keys.pages.addresses import page
from tests.keys.pairs import ED, P256, P384, RSA, key_set, private, public

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


@pytest.fixture(autouse=True)
def nothing_counted_before(monkeypatch):
    monkeypatch.setattr(usage, "keep_flushing", lambda: None)
    throttle.failures.clear()
    usage._uses.clear()
    hours.take()
    yield
    usage._uses.clear()
    hours.take()


@pytest.fixture
def signed(acme, live_server, settings) -> Key:
    settings.LATCHKEY_INTERNAL_URL = settings.LATCHKEY_BASE_URL = live_server.url
    return public_keys.create_key(acme.enter("engineer"), NewKey("signer", acme.team))


@pytest.fixture
def held(acme, signed) -> PublicKey:
    return add(acme, signed, P256)


def add(acme, key: Key, pair) -> PublicKey:
    found = read_public_keys(key_set(public(pair, kid="main")), now=timezone.now())
    (made,) = public_keys.add_public_keys(acme.enter("engineer"), key.client_id, found)
    return made


def assertion(settings, held: PublicKey, pair=P256, **changes) -> str:
    now = int(time.time())
    client_id, place = held.key.client_id, held.key.environment.issuer_id
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{settings.LATCHKEY_BASE_URL}/t/{place}",
        "jti": f"{time.perf_counter_ns()}",
        "iat": now,
        "exp": now + 60,
    }
    header = {"alg": held.algorithm, "kid": held.kid}
    return jwt.encode(header, claims | changes, pair, algorithms=[held.algorithm])


def tried(acme, held: PublicKey, text: str, by: str = "engineer") -> SignedTest:
    test = signing.try_assertion(
        acme.enter(by), held.key.client_id, held.public_id, SecretText(text)
    )
    tasks.run_signed_test(test.pk)
    test.refresh_from_db()
    return test


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("pair", [P256, P384, RSA, ED])
def test_the_right_private_key_is_proven_and_it_is_no_use(acme, signed, settings, pair):
    held = add(acme, signed, pair)
    test = tried(acme, held, assertion(settings, held, pair), by="support")
    assert test.result is SignedOutcome.PROVEN, test.said
    assert test.stages[-1]["state"] == "ok"
    usage.flush()
    held.refresh_from_db()
    assert held.proven_at is not None
    assert (held.last_used_at, held.use_count) == (None, 0)
    assert not HourOfUse.objects.exists()
    line = AuditEvent.objects.get(event="test.requested")
    assert line.detail["public_key"] == held.public_id


def test_the_assertion_rests_sealed_and_is_erased_once_it_was_tried(acme, held, settings):
    text = assertion(settings, held)
    test = signing.try_assertion(
        acme.enter("engineer"), held.key.client_id, held.public_id, SecretText(text)
    )
    assert text.encode() not in bytes(test.sealed or b"")
    tasks.run_signed_test(test.pk)
    test.refresh_from_db()
    assert test.sealed is None
    assert text not in json.dumps([test.stages, test.said])


def test_another_private_key_is_told_so_and_counts_as_no_refusal(acme, held, settings):
    other = P256.generate_key("P-256")
    test = tried(acme, held, assertion(settings, held, other))
    assert test.result is SignedOutcome.OTHER_KEY
    usage.flush()
    held.refresh_from_db()
    assert held.proven_at is None
    assert not HourOfUse.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"aud": "https://elsewhere.example"}, {"exp": 1000, "iat": 900}, {"iss": "x"}]
)
def test_what_is_wrong_with_an_assertion_is_said(acme, held, settings, changes):
    test = tried(acme, held, assertion(settings, held, **changes))
    assert test.result is SignedOutcome.NOT_FIT
    assert test.said


def test_the_same_assertion_is_not_tried_twice(acme, held, settings):
    text = assertion(settings, held)
    assert tried(acme, held, text).result is SignedOutcome.PROVEN
    again = tried(acme, held, text)
    assert again.result is SignedOutcome.NOT_FIT
    assert "used before" in again.said


def test_a_disabled_key_is_told_apart_from_a_wrong_signature(acme, held, settings):
    disable_key(acme.enter("engineer"), held.key.client_id)
    assert tried(acme, held, assertion(settings, held)).result is SignedOutcome.NO_TOKEN


def test_a_key_that_may_be_used_from_elsewhere_alone_is_tried_all_the_same(acme, held, settings):
    edit_key(acme.enter("engineer"), held.key.client_id, allowed_networks=["203.0.113.0/24"])
    assert tried(acme, held, assertion(settings, held)).result is SignedOutcome.PROVEN


def test_when_the_token_service_is_away_nothing_is_judged(acme, held, settings):
    settings.LATCHKEY_INTERNAL_URL = "http://127.0.0.1:9"
    test = tried(acme, held, assertion(settings, held))
    assert test.result is SignedOutcome.NOT_JUDGED
    assert test.said == "Connection refused"


def test_a_lost_message_is_rung_again_and_a_dead_workers_try_is_given_up(
    acme, held, settings, time_machine
):
    scope = acme.enter("engineer")
    text = SecretText(assertion(settings, held))
    lost = signing.try_assertion(scope, held.key.client_id, held.public_id, text)
    dead = signing.try_assertion(scope, held.key.client_id, held.public_id, text)
    begun = SignedTest.objects.claim(dead.pk, timezone.now(), "x")
    assert begun is not None
    assert SignedTest.objects.claim(dead.pk, timezone.now(), "y") is None
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    assert signed_testing.sweep(timezone.now()) == [lost.pk]
    dead.refresh_from_db()
    assert (dead.result, dead.sealed) == (SignedOutcome.GAVE_UP, None)
    assert not signed_testing.keep(begun, SignedOutcome.PROVEN)
    purging.purge(timezone.now() + timedelta(days=8))
    assert list(SignedTest.objects.all()) == [lost]


def test_a_viewer_tries_nothing_and_a_stranger_finds_nothing(acme, held, settings, sign_in):
    with pytest.raises(PermissionDenied):
        tried(acme, held, assertion(settings, held), by="viewer")
    address = page("sign", held.key, public_key=held.public_id)
    assert sign_in("viewer").post(address).status_code == 403
    assert sign_in("stranger").get(address).status_code == 404
    test = tried(acme, held, assertion(settings, held))
    result = page("signed_test", held.key, signed_test=test.public_id)
    assert sign_in("stranger").get(result).status_code == 404
    assert "belongs to this public key" in sign_in("viewer").get(result).content.decode()


def test_support_pastes_one_watches_and_sees_the_result(held, settings, sign_in):
    client = sign_in("support")
    tab = page("detail", held.key) + "?tab=public-keys"
    address = page("sign", held.key, public_key=held.public_id)
    assert address in client.get(tab).content.decode()
    assert f'data-kid="{held.kid}"' in client.get(address).content.decode()
    answer = client.post(address, {"assertion": assertion(settings, held)})
    waiting = client.get(answer["Location"]).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    tasks.run_signed_test(SignedTest.objects.get().pk)
    done = client.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "The private key belongs to this public key" in done
    assert "every 1s" not in done
    assert "Proven, not used yet" in client.get(tab).content.decode()


@pytest.mark.parametrize("which", ["private", "kid", "sub", "shape", "json", "empty"])
def test_what_proves_nothing_of_this_key_is_refused_and_not_shown_again(
    held, settings, sign_in, which
):
    stranger = PublicKey(key=held.key, kid="other", algorithm="ES256")
    text = {
        "private": json.dumps(private(P256)),
        "kid": assertion(settings, stranger),
        "sub": assertion(settings, held, sub="ck_other"),
        "shape": "a.b",
        "json": "e30.bm90anNvbg.c2ln",
        "empty": "",
    }[which]
    address = page("sign", held.key, public_key=held.public_id)
    answer = sign_in("engineer").post(address, {"assertion": text})
    assert answer.status_code == 422
    assert not SignedTest.objects.exists()
    if len(text) > 20:
        assert text not in answer.content.decode()
        assert private(P256)["d"] not in answer.content.decode()


def test_one_that_has_ended_is_not_tried(acme, held, settings, sign_in):
    text = SecretText(assertion(settings, held))
    public_keys.revoke_public_key(acme.enter("engineer"), held.key.client_id, held.public_id)
    with pytest.raises(signing.EndedMeanwhile):
        signing.try_assertion(acme.enter("engineer"), held.key.client_id, held.public_id, text)
    address = page("sign", held.key, public_key=held.public_id)
    assert sign_in("engineer").get(address).status_code == 404
