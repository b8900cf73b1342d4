"""A secret that leaks ends at once, whatever its rotation was about to do."""

import pytest
from django.utils import timezone

from environments.events import Event
from keys.models import Rotation
from keys.rotation import Step
from keys.services.issuing import collect_secret
from keys.services.rotating import report_leak, start_rotation
from tests.cast import sight
from tests.keys.rotating.conftest import DAY
from tests.keys.worker import work
from tests.log import happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


def test_a_leaked_secret_ends_at_once_and_is_proven_dead_once_a_new_one_works(
    acme, key, time_machine
):
    leaked = key.secrets.get()
    report_leak(acme.enter("engineer"), key.client_id, leaked.public_id, "in a public repository")
    assert not key.secrets.live(timezone.now()).exists()
    work()
    assert key.rotations.get().step == Step.AWAIT_SECRET
    shown = start_rotation(acme.enter("engineer"), key.client_id, DAY, sight())
    collect_secret(acme.enter("engineer"), shown)
    work()
    rotation = key.rotations.get()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD
    assert rotation.reason == Rotation.Reason.LEAK
    assert Event.SECRET_LEAKED in happened(key)


def test_a_leak_during_a_rotation_skips_the_grace(acme, key, draining):
    report_leak(acme.enter("engineer"), key.client_id, draining.old.public_id, "in a chat")
    work()
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD
    assert list(key.secrets.live(timezone.now())) == [draining.new]


def test_a_leaked_new_secret_is_discarded_and_the_old_one_lives(acme, key, draining):
    report_leak(acme.enter("engineer"), key.client_id, draining.new.public_id, "in a chat")
    work()
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.DISCARDED
    assert list(key.secrets.live(timezone.now())) == [draining.old]
