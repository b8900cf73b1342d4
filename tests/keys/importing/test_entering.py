"""The next secret of a provider is entered and proven, and the old one proven dead there."""

import json
from datetime import timedelta

import pytest

from environments.events import Event
from environments.models import AuditEvent
from keys.handover import Browser
from keys.models import CredentialTest, Rotation, Secret, TokenEndpoint
from keys.outcomes import Outcome
from keys.services import importing, rotating
from keys.services.issuing import OneSight
from tests.keys.importing.conftest import CLIENT, NEW, OLD, again, entered, key_pair
from tests.keys.worker import later, run_tests
from tests.log import events

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


def test_the_new_secret_is_proven_first_and_the_old_one_proven_dead_at_the_provider(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.proven_at
    assert rotation.step == "await_provider"
    assert rotation.retired_at is None, "nothing ends before the person has ended it there"
    provider.secrets[CLIENT] = {NEW}
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD
    assert rotation.old is not None
    assert rotation.old.sealed is None
    assert Event.SECRET_ENTERED in events()
    assert events()[-1] == Event.SECRET_PROVEN_DEAD


def test_an_old_secret_that_is_still_accepted_is_an_incident_until_it_is_refused(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    run_tests()
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.alarmed_at
    assert rotation.closed_at is None
    assert rotation.step == "await_retry"
    assert events().count(Event.SECRET_STILL_ACCEPTED) == 1
    provider.secrets[CLIENT] = {NEW}
    later(rotation)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD


def test_a_provider_that_is_down_proves_nothing_and_the_rotation_waits(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT], provider.down = {OLD, NEW}, True
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.SERVER_ERROR]
    rotation.refresh_from_db()
    assert (rotation.proven_at, rotation.retired_at) == (None, None)
    with pytest.raises(rotating.TooLate):
        rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert TokenEndpoint.objects.get().troubled_since
    provider.down = False
    later(rotation)
    assert run_tests() == [Outcome.WORKS]


def test_a_new_secret_with_a_slip_is_discarded_and_the_old_one_works_on(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered("planted-with-a-slip"))
    assert run_tests() == [Outcome.REFUSED]
    key.refresh_from_db()
    assert key.failing_since is None, "the key is judged by the secret that it had"
    rotating.discard_rotation(acme.enter("engineer"), key.client_id)
    again_with = key.secrets.get(revoked_at=None)
    assert again_with.hint == OLD[-4:]
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    with pytest.raises(rotating.RotationRuns):
        importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_private_key_is_plugged_in_rotated_and_the_old_one_proven_dead(
    algorithm, acme, provider, add, plug
):
    old, new = (key_pair(algorithm, kid) for kid in ("k1", "k2"))
    provider.keys[CLIENT] = [old]
    endpoint = add(provider.url, "private_key_jwt", algorithm=algorithm)
    key = plug(endpoint, json.dumps(old.as_dict(private=True)))
    assert run_tests() == [Outcome.WORKS]
    secret = key.secrets.get()
    assert (secret.kind, secret.kid) == ("private_key", "k1")
    provider.keys[CLIENT] = [old, new]
    pem = new.as_pem(private=True).decode()
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(pem, kid="k2"))
    assert run_tests() == [Outcome.WORKS]
    provider.keys[CLIENT] = [new]
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.KEY_UNKNOWN, Outcome.WORKS]
    assert Rotation.objects.get().outcome == Rotation.Outcome.PROVEN_DEAD


def test_redoxs_legacy_door_works_fails_recovers_and_rotates(acme, provider, add, plug):
    key = plug(add(provider.legacy_url, "redox_legacy"))
    assert run_tests() == [Outcome.WORKS]
    provider.down = True
    again(key)
    assert run_tests() == [Outcome.SERVER_ERROR]
    provider.down = False
    again(key)
    assert run_tests() == [Outcome.WORKS]
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    run_tests()
    provider.secrets[CLIENT] = {NEW}
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]


def test_a_leaked_secret_of_a_provider_is_tried_there_until_it_is_refused(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    secret = key.secrets.get()
    rotating.report_leak(acme.enter("engineer"), key.client_id, secret.public_id, "seen in a chat")
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.WORKS, Outcome.WORKS], (
        "proven, and the leaked one still accepted"
    )
    rotation = Rotation.objects.get()
    assert rotation.alarmed_at
    provider.secrets[CLIENT] = {NEW}
    later(rotation)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD


def test_no_secret_is_made_for_an_imported_key_and_none_entered_for_our_own(
    acme, provider, add, plug, issue
):
    key = plug(add(provider.url))
    plan = rotating.Plan(timedelta(hours=1))
    with pytest.raises(rotating.MadeElsewhere):
        rotating.start_rotation(
            acme.enter("engineer"), key.client_id, plan, OneSight(Browser("b" * 43), "o" * 32)
        )
    with pytest.raises(importing.NotImported):
        importing.enter_secret(acme.enter("engineer"), issue().key.client_id, entered(NEW))


def test_nothing_entered_is_in_the_log_or_in_clear_in_a_row(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW), why="yearly")
    run_tests()
    for row in (
        *AuditEvent.objects.values(),
        *Secret.objects.values(),
        *CredentialTest.objects.values(),
    ):
        assert "planted" not in repr(
            {n: bytes(v) if isinstance(v, memoryview) else v for n, v in row.items()}
        )
