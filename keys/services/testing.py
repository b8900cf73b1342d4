"""People's verbs on tests: ask for one, cancel one."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.models import User
from environments.policy import Action
from keys import tasks
from keys.models import CredentialTest, Key, Rotation, Secret


class NothingToTest(Exception):
    """The key has no secret that lives."""


@transaction.atomic
def request_test(scope: Scope, client_id: str, secret_id: str | None = None) -> CredentialTest:
    """Ask a worker to fetch a token with the newest unended secret, or with the one named."""
    key = Key.objects.within(scope).existing().get(client_id=client_id)
    scope.require(Action.TEST, key, f"key:{client_id}")
    secrets = key.secrets.exclude(sealed=None).filter(revoked_at=None)
    if secret_id is not None:
        secrets = secrets.filter(public_id=secret_id)
    secret = secrets.order_by("-created_at", "-pk").first()
    if secret is None:
        raise NothingToTest
    waiting = secret.tests.unfinished().filter(interactive=True).newest_first().first()
    if waiting is not None:
        return waiting
    test = ask_for_test(secret, CredentialTest.Reason.PERSON, asked_by=scope.actor)
    audit.record(
        scope, Event.TEST_REQUESTED, f"key:{client_id}", label=key.name, secret=secret.public_id
    )
    return test


def ask_for_test(
    secret: Secret,
    reason: CredentialTest.Reason,
    *,
    asked_by: User,
    rotation: Rotation | None = None,
) -> CredentialTest:
    """A row that says what is asked; its id is rung once the transaction stands."""
    test = CredentialTest.objects.create(
        key=secret.key,
        secret=secret,
        rotation=rotation,
        reason=reason,
        asked_by=asked_by,
        interactive=True,
    )
    # Robust: without a broker the row still stands, and the sweeper rings later.
    transaction.on_commit(partial(tasks.ring, test.pk), robust=True)
    return test


@transaction.atomic
def cancel_test(scope: Scope, client_id: str, test_id: int) -> None:
    """Only what has not finished can be cancelled; a late answer is dropped by the fence."""
    key = Key.objects.within(scope).get(client_id=client_id)
    scope.require(Action.TEST, key, f"key:{client_id}")
    asked = CredentialTest.objects.within(scope).unfinished().filter(key=key, pk=test_id)
    cancelled = asked.cancel(timezone.now())
    if cancelled:
        audit.record(scope, Event.TEST_CANCELLED, f"key:{client_id}", label=key.name, test=test_id)
