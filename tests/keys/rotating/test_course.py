"""A rotation from its start to the old secret proven dead, against the real token service over HTTP."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from environments.events import Event
from environments.models import Notice
from keys.models import Rotation, Secret
from keys.outcomes import Outcome
from keys.rotation import Step
from keys.services.issuing import collect_secret
from keys.services.rotating import prepare_rotation, press_rotation
from tests.keys.rotating.conftest import DAY
from tests.keys.worker import pass_by, work
from tests.log import happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


def used(secret: Secret, at: datetime) -> None:
    Secret.objects.filter(pk=secret.pk).update(last_used_at=at, use_count=1)


def test_the_old_secret_ends_after_its_grace_and_is_proven_dead(key, draining, time_machine):
    old, new = draining.old, draining.new
    pass_by(time_machine, timedelta(hours=23))
    assert key.secrets.live(timezone.now()).count() == 2
    pass_by(time_machine, timedelta(hours=2))
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD
    assert draining.retired_on
    assert draining.refused_by.result is Outcome.REFUSED
    assert draining.accepted_by.result is Outcome.WORKS
    gap = draining.accepted_by.finished_at - draining.refused_by.finished_at
    assert timedelta() <= gap <= timedelta(seconds=60)
    old.refresh_from_db()
    assert old.revoked_at
    assert old.sealed is None
    assert list(key.secrets.live(timezone.now())) == [new]
    told = happened(key)
    assert told[-2:] == [Event.SECRET_RETIRED, Event.SECRET_PROVEN_DEAD]


def test_the_new_secret_is_proven_anew_before_the_old_one_ends(
    key, draining, time_machine, settings
):
    settings.LATCHKEY_INTERNAL_URL = "http://127.0.0.1:1"
    pass_by(time_machine, timedelta(hours=25))
    pass_by(time_machine, timedelta(hours=1))
    draining.refresh_from_db()
    assert draining.retired_at is None
    assert key.secrets.live(timezone.now()).count() == 2


def test_a_rotation_goes_on_when_the_endpoint_is_back(key, draining, time_machine, settings):
    there = settings.LATCHKEY_INTERNAL_URL
    settings.LATCHKEY_INTERNAL_URL = "http://127.0.0.1:1"
    pass_by(time_machine, timedelta(hours=25))
    settings.LATCHKEY_INTERNAL_URL = there
    pass_by(time_machine, timedelta(seconds=90))
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD


def test_an_old_secret_in_use_is_held_and_its_keepers_hear_of_it_once(
    acme, key, draining, time_machine
):
    used(draining.old, draining.ends_at - timedelta(minutes=3))
    pass_by(time_machine, timedelta(hours=24, minutes=1))
    draining.refresh_from_db()
    assert (draining.step, draining.retired_at) == (Step.HOLD, None)
    used(draining.old, timezone.now())
    pass_by(time_machine, timedelta(minutes=10))
    (told,) = Notice.objects.filter(user=acme["engineer"])
    assert "still in use" in told.title
    pass_by(time_machine, timedelta(minutes=16))
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD


def test_an_old_secret_is_held_for_a_day_at_most(key, draining, time_machine):
    ends = draining.ends_at
    for minutes in range(2, 24 * 60, 12):
        moment = ends + timedelta(minutes=minutes)
        used(draining.old, moment - timedelta(minutes=1))
        pass_by(time_machine, moment - timezone.now())
        draining.refresh_from_db()
        assert draining.retired_at is None
    used(draining.old, ends + timedelta(hours=24))
    pass_by(time_machine, ends + timedelta(hours=24, minutes=1) - timezone.now())
    draining.refresh_from_db()
    assert draining.retired_at


def test_an_engineer_retires_it_anyway(acme, key, draining, time_machine):
    used(draining.old, timezone.now())
    press_rotation(acme.enter("engineer"), key.client_id)
    work()
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD


def test_a_new_secret_that_is_refused_never_ends_the_old_one(acme, key, start, time_machine):
    shown = start()
    Secret.objects.filter(pk=shown.secret_id).update(mark=b"x" * 32)
    collect_secret(acme.enter("engineer"), shown)
    for _ in range(4):
        pass_by(time_machine, timedelta(hours=12))
    rotation = key.rotations.get()
    assert (rotation.proven_at, rotation.retired_at, rotation.closed_at) == (None, None, None)
    assert rotation.old in key.secrets.live(timezone.now())
    key.refresh_from_db()
    assert key.failing_since is None, "the key works with the old secret"


def test_an_uncollected_new_secret_lapses_and_the_old_one_is_untouched(key, start, time_machine):
    shown = start()
    pass_by(time_machine, timedelta(hours=71))
    assert key.rotations.get().closed_at is None
    pass_by(time_machine, timedelta(hours=2))
    rotation = key.rotations.get()
    assert rotation.outcome == Rotation.Outcome.LAPSED
    assert Secret.objects.get(pk=shown.secret_id).revoked_at
    assert list(key.secrets.live(timezone.now())) == [rotation.old]


def test_its_first_outside_use_collects_the_new_secret(key, start, time_machine):
    shown = start()
    now = timezone.now()
    Secret.objects.filter(pk=shown.secret_id).update(
        collected_at=now, last_used_at=now, use_count=1
    )
    pass_by(time_machine, timedelta(minutes=2))
    assert key.rotations.get().step == Step.DRAIN


def test_a_prepared_rotation_makes_no_secret_and_lapses_after_a_week(acme, key, time_machine):
    prepare_rotation(acme.enter("engineer"), key.client_id, DAY)
    work()
    assert key.secrets.count() == 1
    pass_by(time_machine, timedelta(days=7, minutes=1))
    assert key.rotations.get().outcome == Rotation.Outcome.LAPSED
    assert key.secrets.live(timezone.now()).count() == 1
