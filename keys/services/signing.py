"""People's verb on signatures: have an assertion tried that was signed where the private key is."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.access import Scope
from environments.events import Event
from environments.policy import Action
from keys import sealing, tasks
from keys.crypto import SecretText
from keys.models import SignedTest
from keys.services.rotating import MadeElsewhere, locked


class EndedMeanwhile(Exception):
    """The public key has ended, so nothing can be proven of it."""


@transaction.atomic
def try_assertion(
    scope: Scope, client_id: str, public_id: str, assertion: SecretText
) -> SignedTest:
    """A worker sends it to the token service, once; until then it rests sealed, and afterwards it is erased."""
    key = locked(scope, client_id, Action.TEST)
    if key.imported:
        raise MadeElsewhere
    held = key.public_keys.unended(timezone.now()).filter(public_id=public_id).first()
    if held is None:
        raise EndedMeanwhile
    test = SignedTest(key=key, public_key=held, asked_by=scope.actor)
    test.sealed = sealing.seal_credential(assertion, test.context)
    test.save(force_insert=True)
    # Robust: without a broker the row still stands, and the sweeper rings later.
    transaction.on_commit(partial(tasks.ring_signed_test, test.pk), robust=True)
    audit.record(
        scope, Event.TEST_REQUESTED, f"key:{client_id}", label=key.name, public_key=public_id
    )
    return test
