"""Another Latchkey is the provider: its real token service on a live server, its keys in another organization."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.access import Scope, enter
from keys.crypto import SecretText
from keys.handover import show
from keys.issuer import usage
from keys.models import Handover, Key, Rotation, Secret
from keys.outcomes import Outcome
from keys.services import importing, issuing, keeping, rotating
from keys.services.endpoints import NewEndpoint, add_endpoint
from keys.services.importing import Entered, NewImport
from keys.services.issuing import NewKey, OneSight
from tests.cast import sight
from tests.keys.importing.conftest import again
from tests.keys.worker import later, run_tests

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.enable_socket]


@pytest.fixture
def there(acme) -> Scope:
    """The other organization's owner, standing in its development environment."""
    scope = enter(acme["stranger"], "elsewhere", "development")
    assert scope is not None
    return scope


def seen(sight: OneSight, shown: Handover) -> SecretText:
    return show(shown, sight.browser, timezone.now())


@pytest.fixture
def issued(there) -> tuple[Key, SecretText]:
    """A key that the other Latchkey has issued."""
    ours = sight()
    shown = issuing.create_key(there, NewKey("for-acme"), ours)
    text = seen(ours, shown)
    Secret.objects.filter(pk=shown.secret_id).update(collected_at=timezone.now())
    return shown.secret.key, text


@pytest.fixture
def imported(acme, there, issued, live_server, settings) -> Key:
    settings.LATCHKEY_ALLOWED_URL_PREFIXES = [live_server.url]
    url = f"{live_server.url}/t/{there.environment.issuer_id}/token"
    here = acme.enter("engineer")
    endpoint = add_endpoint(here, NewEndpoint("Other Latchkey", url, "client_secret_basic"))
    new = NewImport("from-elsewhere", endpoint.public_id, issued[0].client_id)
    return importing.plug_in(here, new, Entered(issued[1])).key


def test_a_credential_of_another_latchkey_works_fails_and_recovers(there, issued, imported):
    assert run_tests() == [Outcome.WORKS]
    usage.flush()
    assert Secret.objects.get(key=issued[0]).use_count == 1, "to the other one a test is a use"
    keeping.disable_key(there, issued[0].client_id)
    again(imported)
    assert run_tests() == [Outcome.REFUSED], "a stranger's words are shown, not believed"
    imported.refresh_from_db()
    assert imported.failing_since
    keeping.enable_key(there, issued[0].client_id)
    again(imported)
    assert run_tests() == [Outcome.WORKS]
    imported.refresh_from_db()
    assert imported.failing_since is None


def test_it_is_rotated_from_the_making_there_to_the_proof_of_death_here(
    acme, there, issued, imported
):
    run_tests()
    theirs, ours = sight(), acme.enter("engineer")
    plan = rotating.Plan(timedelta(hours=1))
    shown = rotating.start_rotation(there, issued[0].client_id, plan, theirs)
    new = seen(theirs, shown)
    rotation = importing.enter_secret(ours, imported.client_id, Entered(new))
    assert Outcome.WORKS in run_tests()
    rotation.refresh_from_db()
    assert rotation.proven_at
    old = Secret.objects.get(rotated_out__key=issued[0])
    rotating.press_rotation(ours, imported.client_id)
    assert Outcome.WORKS in run_tests(), "said too early: it is still accepted there"
    rotation.refresh_from_db()
    assert rotation.alarmed_at
    Secret.objects.filter(pk=old.pk).update(revoked_at=timezone.now())
    later(rotation)
    run_tests()
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD
