"""A rotation from its start to the old secret proven dead, against the real token service over HTTP."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.events import Event
from environments.models import AuditEvent, Notice
from keys import tasks
from keys.handover import Browser
from keys.models import CredentialTest, Handover, Key, Rotation, Secret
from keys.outcomes import Outcome
from keys.rotation import Step
from keys.services.issuing import OneSight, collect_secret, discard_secret
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

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]
DAY = Plan(timedelta(hours=24))


def sight() -> OneSight:
    return OneSight(Browser(get_random_string(43)), get_random_string(32))


def work(rounds: int = 12) -> None:
    """What a worker does in a minute: every test and every rotation that is due."""
    for _ in range(rounds):
        tasks.step_rotations()
        due = list(CredentialTest.objects.due(timezone.now()).values_list("pk", flat=True))
        if not due:
            return
        for test in due:
            tasks.run_credential_test(test)


@pytest.fixture(autouse=True)
def endpoint(live_server, settings) -> None:
    settings.LATCHKEY_INTERNAL_URL = live_server.url


@pytest.fixture
def key(acme, issue) -> Key:
    """A key whose first secret was stored, and works."""
    made = issue()
    collect_secret(acme.enter("engineer"), made.handover)
    work()
    made.key.refresh_from_db()
    assert made.key.last_outcome == Outcome.WORKS
    return made.key


@pytest.fixture
def start(acme, key):
    def begin(by: str = "engineer", plan: Plan = DAY) -> Handover:
        return start_rotation(acme.enter(by), key.client_id, plan, sight())

    return begin


@pytest.fixture
def draining(acme, key, start) -> Rotation:
    collect_secret(acme.enter("engineer"), start())
    work()
    rotation = key.rotations.get()
    assert (rotation.step, rotation.closed_at) == (Step.DRAIN, None)
    return rotation


def pass_by(time_machine, span: timedelta) -> datetime:
    now = timezone.now() + span
    time_machine.move_to(now)
    work()
    return now


def used(secret: Secret, at: datetime) -> None:
    Secret.objects.filter(pk=secret.pk).update(last_used_at=at, use_count=1)


def happened(key: Key) -> list[str]:
    lines = AuditEvent.objects.filter(subject=f"key:{key.client_id}").order_by("sequence")
    return list(lines.values_list("event", flat=True))


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


def test_an_engineer_extends_the_grace_within_the_policy(acme, key, draining):
    ends = draining.ends_at
    rotation = extend_rotation(acme.enter("engineer"), key.client_id)
    assert rotation.ends_at == ends + timedelta(hours=24)
    for _ in range(5):
        extend_rotation(acme.enter("engineer"), key.client_id)
    with pytest.raises(GraceTooLong):
        extend_rotation(acme.enter("engineer"), key.client_id)


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


def test_a_prepared_rotation_makes_no_secret_and_lapses_after_a_week(acme, key, time_machine):
    prepare_rotation(acme.enter("engineer"), key.client_id, DAY)
    work()
    assert key.secrets.count() == 1
    pass_by(time_machine, timedelta(days=7, minutes=1))
    assert key.rotations.get().outcome == Rotation.Outcome.LAPSED
    assert key.secrets.live(timezone.now()).count() == 1


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
