"""What people do with a rotation, and who may."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from environments.events import Event
from keys.models import Key, Rotation
from keys.services.issuing import discard_secret
from keys.services.keeping import OnlySecret, revoke_secret
from keys.services.rotating import (
    GraceTooLong,
    Plan,
    RotationRuns,
    TooLate,
    discard_rotation,
    extend_rotation,
    prepare_rotation,
    press_rotation,
    report_leak,
    start_rotation,
)
from tests.cast import sight
from tests.keys.rotating.conftest import DAY
from tests.keys.worker import pass_by, work
from tests.log import happened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


def test_an_engineer_extends_the_grace_within_the_policy(acme, key, draining):
    ends = draining.ends_at
    rotation = extend_rotation(acme.enter("engineer"), key.client_id)
    assert rotation.ends_at == ends + timedelta(hours=24)
    for _ in range(5):
        extend_rotation(acme.enter("engineer"), key.client_id)
    with pytest.raises(GraceTooLong):
        extend_rotation(acme.enter("engineer"), key.client_id)


def test_discarding_keeps_the_old_secret(acme, key, draining):
    discard_rotation(acme.enter("engineer"), key.client_id)
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.DISCARDED
    assert list(key.secrets.live(timezone.now())) == [draining.old]
    assert happened(key)[-1] == Event.ROTATION_DISCARDED


def test_a_secret_that_could_not_be_stored_takes_its_rotation_along(acme, key, start):
    discard_secret(acme.enter("engineer"), start())
    rotation = key.rotations.get()
    assert rotation.outcome == Rotation.Outcome.DISCARDED
    assert list(key.secrets.live(timezone.now())) == [rotation.old]


def test_after_retirement_there_is_no_way_back(acme, key, draining, time_machine):
    pass_by(time_machine, timedelta(hours=25))
    for act in (discard_rotation, extend_rotation, press_rotation):
        with pytest.raises(TooLate):
            act(acme.enter("engineer"), key.client_id)


def test_a_second_rotation_is_refused_while_one_runs(start):
    start()
    with pytest.raises(RotationRuns):
        start()


def test_the_same_form_posted_twice_makes_one_secret(acme, key):
    once = sight()
    first = start_rotation(acme.enter("engineer"), key.client_id, DAY, once)
    again = start_rotation(acme.enter("engineer"), key.client_id, DAY, once)
    assert first == again
    assert key.secrets.count() == 2


def test_a_grace_beyond_the_policy_is_refused(start):
    with pytest.raises(GraceTooLong):
        start(plan=Plan(timedelta(days=8)))


def test_a_keeper_takes_a_prepared_rotation_up(acme, key):
    prepared = prepare_rotation(acme.enter("engineer"), key.client_id, DAY)
    shown = start_rotation(acme.enter("engineer"), key.client_id, DAY, sight())
    prepared.refresh_from_db()
    assert prepared.new == shown.secret


def test_the_only_secret_that_works_is_not_revoked(acme, key, draining):
    revoke_secret(acme.enter("engineer"), key.client_id, draining.old.public_id)
    work()
    draining.refresh_from_db()
    assert draining.outcome == Rotation.Outcome.PROVEN_DEAD, "ended early, and proven dead"
    with pytest.raises(OnlySecret):
        revoke_secret(acme.enter("engineer"), key.client_id, draining.new.public_id)


@pytest.mark.parametrize("name", ["support", "viewer", "teammate"])
def test_others_do_not_rotate(acme, issue, name):
    made = issue(team=acme.team)
    for act in (
        lambda scope: start_rotation(scope, made.key.client_id, DAY, sight()),
        lambda scope: discard_rotation(scope, made.key.client_id),
        lambda scope: report_leak(scope, made.key.client_id, made.secret.public_id, "why"),
    ):
        with pytest.raises(PermissionDenied):
            act(acme.enter(name))


def test_a_lead_rotates_only_where_the_team_may_issue(acme, issue):
    here = issue(team=acme.team)
    there = issue(name="far", environment="staging", team=acme.team)
    start_rotation(acme.enter("lead"), here.key.client_id, DAY, sight())
    with pytest.raises(PermissionDenied):
        start_rotation(acme.enter("lead", "staging"), there.key.client_id, DAY, sight())


def test_a_key_of_another_place_is_not_there(acme, issue):
    made = issue(environment="staging")
    with pytest.raises(Key.DoesNotExist):
        start_rotation(acme.enter("engineer", "development"), made.key.client_id, DAY, sight())
