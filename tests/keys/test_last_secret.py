"""Whatever a person presses, the secret that is left is not the one that goes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.models import CredentialTest, Key, Rotation, Secret
from keys.outcomes import Outcome
from keys.services.issuing import collect_secret
from keys.services.keeping import revoke_secret
from keys.services.rotating import Plan, TooLate, discard_rotation, report_leak, start_rotation
from tests.cast import sight

pytestmark = pytest.mark.django_db


@pytest.fixture
def rotating(acme, issue) -> Rotation:
    """Both secrets were stored and have bought a token; no worker has looked since."""
    made = issue()
    plan = Plan(timedelta(hours=1))
    shown = start_rotation(acme.enter("engineer"), made.key.client_id, plan, sight())
    for secret in (made.secret, shown.secret):
        CredentialTest.objects.create(
            key=made.key,
            secret=secret,
            reason=CredentialTest.Reason.PERSON,
            finished_at=timezone.now(),
            outcome=Outcome.WORKS,
        )
    Secret.objects.update(collected_at=timezone.now())
    return Rotation.objects.get()


def alive(key: Key) -> list[Secret]:
    return list(key.secrets.live(timezone.now()))


def test_once_the_old_one_is_revoked_the_new_one_is_not_discarded(acme, rotating):
    scope, key = acme.enter("engineer"), rotating.key
    revoke_secret(scope, key.client_id, rotating.old.public_id)
    with pytest.raises(TooLate):
        discard_rotation(scope, key.client_id)
    assert alive(key) == [rotating.new]
    rotating.refresh_from_db()
    assert rotating.retired_by == acme["engineer"]
    assert Secret.objects.get(pk=rotating.old.pk).sealed, "it is still to be proven dead"


def test_once_the_old_one_has_expired_the_new_one_is_not_discarded(acme, rotating):
    Secret.objects.filter(pk=rotating.old.pk).update(expires_at=timezone.now())
    with pytest.raises(TooLate):
        discard_rotation(acme.enter("engineer"), rotating.key.client_id)
    assert alive(rotating.key) == [rotating.new]


def test_nothing_is_kept_of_a_leaked_new_secret(acme, rotating):
    report_leak(acme.enter("engineer"), rotating.key.client_id, rotating.new.public_id, "a chat")
    assert Secret.objects.get(pk=rotating.new.pk).sealed is None
    assert alive(rotating.key) == [rotating.old]


def test_finish_shows_the_test_that_a_worker_has_begun_already(acme, rotating):
    running = CredentialTest.objects.create(
        key=rotating.key,
        secret=rotating.new,
        rotation=rotating,
        reason=CredentialTest.Reason.PROOF,
    )
    shown = rotating.new.handovers.get()
    assert collect_secret(acme.enter("engineer"), shown) == running
