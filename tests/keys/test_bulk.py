"""Many keys at once: totals that add up, a stop after three failures, retries that keep what worked."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.access import enter_organization
from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Notice
from keys import tasks
from keys.models import Batch, BatchItem, CredentialTest, Rotation, Secret
from keys.services import bulk
from keys.services.bulk import Order, start_batch
from tests.servers import saying, serving

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
GOOD = saying('{"access_token":"opaque","token_type":"Bearer","expires_in":300}')
REFUSAL = saying('{"error":"invalid_client"}', "401 Unauthorized")
TEST, ROTATE, EXPIRY = Batch.Kind.TEST, Batch.Kind.ROTATE, Batch.Kind.EXPIRY


def once() -> str:
    return get_random_string(32)


def work(batch: Batch) -> None:
    """What workers do, one message after the other."""
    for _ in range(30):
        tasks.step_batch(batch.pk)
        due = list(CredentialTest.objects.due(timezone.now()).values_list("pk", flat=True))
        if not due:
            break
        for test in due:
            tasks.run_credential_test(test)
    batch.refresh_from_db()


@pytest.fixture
def endpoint(settings):
    """The environment's endpoint answers so, for the while of the work."""

    def answering(batch: Batch, answer) -> None:
        with serving(answer) as server:
            settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{server.port}"
            work(batch)

    return answering


def adds_up(batch: Batch) -> dict[str, int]:
    totals = bulk.totals(batch)
    assert totals.total() == batch.items.count()
    return {state: count for state, count in totals.items() if count}


def happened(acme) -> list[str]:
    lines = AuditEvent.objects.filter(organization_id=acme.organization.pk).order_by("sequence")
    return list(lines.filter(event__startswith="batch.").values_list("event", flat=True))


def test_every_key_is_tested_and_the_person_hears_of_the_end(acme, six_keys, start_bulk, endpoint):
    batch = start_bulk(six_keys)
    endpoint(batch, GOOD)
    assert adds_up(batch) == {"ok": 6}
    assert batch.finished_at
    (told,) = Notice.objects.filter(user=acme["engineer"])
    assert told.text == "All 6 went well."
    assert happened(acme) == [Event.BATCH_STARTED, Event.BATCH_ENDED]


def test_only_eight_run_at_once(issue, start_bulk):
    batch = start_bulk([issue(name=f"key-{number:02}").key for number in range(12)])
    tasks.step_batch(batch.pk)
    tasks.step_batch(batch.pk)
    assert adds_up(batch) == {"running": 8, "waiting": 4}
    assert CredentialTest.objects.filter(reason=CredentialTest.Reason.BATCH).count() == 8


def test_it_stops_after_three_failures_in_a_row_and_goes_on_when_told(
    acme, issue, start_bulk, endpoint
):
    many = [issue(name=f"key-{number:02}").key for number in range(12)]
    batch = start_bulk(many)
    endpoint(batch, REFUSAL)
    assert batch.paused_at
    assert adds_up(batch)["waiting"] > 0
    waiting = adds_up(batch)["waiting"]
    work(batch)
    assert adds_up(batch)["waiting"] == waiting, "it waits for a person"
    bulk.go_on(acme.org("engineer"), batch.public_id)
    endpoint(batch, GOOD)
    assert adds_up(batch)["ok"] == waiting
    assert Event.BATCH_STOPPED in happened(acme)


def test_a_retry_is_of_the_failed_alone_and_keeps_what_worked(acme, six_keys, start_bulk, endpoint):
    spoilt = six_keys[2]
    Secret.objects.filter(key=spoilt).update(sealed=b"not to be opened")
    batch = start_bulk(six_keys)
    endpoint(batch, GOOD)
    assert adds_up(batch) == {"ok": 5, "failed": 1}
    bulk.retry_failed(acme.org("engineer"), batch.public_id)
    batch.refresh_from_db()
    assert batch.finished_at is None
    assert adds_up(batch) == {"ok": 5, "waiting": 1}
    endpoint(batch, GOOD)
    assert adds_up(batch) == {"ok": 5, "failed": 1}
    assert batch.items.get(key=spoilt).tries == 1


def test_what_waits_is_cancelled_and_what_runs_goes_on(acme, issue, start_bulk, endpoint):
    batch = start_bulk([issue(name=f"key-{number:02}").key for number in range(10)])
    tasks.step_batch(batch.pk)
    bulk.cancel_waiting(acme.org("engineer"), batch.public_id)
    assert adds_up(batch) == {"running": 8, "cancelled": 2}
    endpoint(batch, GOOD)
    assert adds_up(batch) == {"ok": 8, "cancelled": 2}
    assert batch.finished_at


def test_bulk_rotation_prepares_and_makes_no_secret(acme, six_keys, start_bulk):
    rotations_before = Rotation.objects.count()
    batch = start_bulk(six_keys, ROTATE, grace=timedelta(hours=1))
    assert Rotation.objects.count() == rotations_before + 6
    assert Secret.objects.count() == 6
    assert adds_up(batch) == {"running": 6}
    work(batch)
    assert batch.finished_at is None, "keepers have a week to take them up"


def test_a_key_that_rotates_already_is_left_out_and_said_so(acme, six_keys, start_bulk):
    start_bulk(six_keys[:1], ROTATE)
    batch = start_bulk(six_keys, ROTATE)
    assert adds_up(batch) == {"running": 5, "skipped": 1}
    assert batch.items.get(state=BatchItem.State.SKIPPED).note


def test_cancelling_discards_prepared_rotations(acme, six_keys, start_bulk):
    batch = start_bulk(six_keys, ROTATE)
    bulk.cancel_waiting(acme.org("engineer"), batch.public_id)
    assert adds_up(batch) == {"cancelled": 6}
    assert not Rotation.objects.open().exists()


def test_an_expiry_is_set_for_all_at_once(six_keys, start_bulk):
    ends = timezone.now() + timedelta(days=30)
    batch = start_bulk(six_keys, EXPIRY, expires_at=ends)
    assert adds_up(batch) == {"ok": 6}
    assert set(Secret.objects.values_list("expires_at", flat=True)) == {ends}


def test_the_same_form_posted_twice_makes_one_batch(acme, six_keys):
    same, ids = once(), [key.client_id for key in six_keys]
    first = start_batch(acme.org("engineer"), Order(TEST), ids, once=same)
    assert start_batch(acme.org("engineer"), Order(TEST), ids, once=same) == first
    assert Batch.objects.count() == 1


def test_a_viewer_starts_nothing(acme, six_keys, start_bulk):
    for kind in Batch.Kind:
        with pytest.raises(PermissionDenied):
            start_bulk(six_keys, kind, by="viewer")
    assert not Batch.objects.exists()


def test_a_lead_acts_on_the_own_teams_keys_alone(acme, issue, start_bulk):
    own = issue(name="own", team=acme.team).key
    other = issue(name="other").key
    batch = start_bulk([own, other], by="lead")
    assert [item.key for item in batch.items.all()] == [own], "the other is not even seen"


def test_another_organizations_keys_are_not_there(acme, six_keys, start_bulk):
    ids = [key.client_id for key in six_keys]
    elsewhere = enter_organization(acme["stranger"], "elsewhere")
    assert elsewhere
    with pytest.raises(bulk.NothingToDo):
        start_batch(elsewhere, Order(TEST), ids, once=once())


def test_a_role_lost_between_start_and_retry_is_refused(acme, six_keys, start_bulk, endpoint):
    batch = start_bulk(six_keys[:2])
    endpoint(batch, REFUSAL)
    EnvironmentGrant.objects.filter(member=acme.member("engineer")).update(role="viewer")
    with pytest.raises(PermissionDenied):
        bulk.retry_failed(acme.org("engineer"), batch.public_id)


def test_a_role_lost_meanwhile_lets_nothing_go_on(acme, issue, start_bulk, endpoint):
    batch = start_bulk([issue(name=f"key-{number:02}").key for number in range(12)])
    endpoint(batch, REFUSAL)
    assert batch.paused_at
    EnvironmentGrant.objects.filter(member=acme.member("engineer")).update(role="viewer")
    with pytest.raises(PermissionDenied):
        bulk.go_on(acme.org("engineer"), batch.public_id)


def test_what_is_chosen_costs_no_query_for_each_key(
    acme, issue, sign_in, django_assert_max_num_queries
):
    ids = [issue(name=f"key-{number:02}").key.client_id for number in range(30)]
    with django_assert_max_num_queries(8):
        assert len(bulk.choose(acme.org("engineer"), ROTATE, ids)) == 30
