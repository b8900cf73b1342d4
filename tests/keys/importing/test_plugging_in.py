"""A credential of an outside provider is plugged in: it works, fails and recovers."""

import pytest
from django.utils import timezone

from environments.access import Refused
from environments.events import Event
from keys import fingerprint
from keys.crypto import SecretText
from keys.issuer.clients import Proven
from keys.issuer.refusals import InvalidClient
from keys.issuer.requests import Shown
from keys.models import Key, Secret
from keys.outcomes import Outcome
from keys.services import importing
from keys.services.issuing import NameTaken
from tests.keys.importing.conftest import CLIENT, NEW, OLD, again, entered
from tests.keys.worker import run_tests
from tests.log import events

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


def test_a_plugged_in_key_is_tested_at_once_and_works(acme, provider, add, plug):
    key = plug(add(provider.url))
    assert run_tests() == [Outcome.WORKS]
    key.refresh_from_db()
    assert (key.imported, key.shown_id) == (True, CLIENT)
    assert key.last_outcome == "works"
    secret = key.secrets.get()
    assert (secret.hint, secret.kind) == (OLD[-4:], "secret")
    assert (bytes(secret.mark), secret.pepper_id) == (b"", ""), "nobody shows it to us"
    assert secret.collected_at
    assert events()[-2:] == [Event.ENDPOINT_ADDED, Event.KEY_PLUGGED_IN]


def test_it_fails_and_recovers_as_the_provider_says(provider, add, plug):
    key = plug(add(provider.url))
    provider.secrets[CLIENT] = set()
    assert run_tests() == [Outcome.REFUSED]
    key.refresh_from_db()
    assert key.failing_since
    provider.secrets[CLIENT] = {OLD}
    provider.down = True
    again(key)
    assert run_tests() == [Outcome.SERVER_ERROR]
    key.refresh_from_db()
    assert key.failing_since, "a server that fails says nothing new about the key"
    provider.down = False
    again(key)
    assert run_tests() == [Outcome.WORKS]
    key.refresh_from_db()
    assert key.failing_since is None


def test_who_may_create_may_plug_in_and_who_may_rotate_may_enter(acme, provider, add, plug):
    endpoint = add(provider.url)
    key = plug(endpoint, by="lead", team=acme.team)
    for who, team in (("lead", None), ("teammate", acme.team), ("support", None), ("viewer", None)):
        with pytest.raises(Refused):
            plug(endpoint, by=who, team=team, name="another")
    for who in ("teammate", "support", "viewer"):
        with pytest.raises(Refused):
            importing.enter_secret(acme.enter(who), key.client_id, entered(NEW))
    importing.enter_secret(acme.enter("lead"), key.client_id, entered(NEW))


@pytest.mark.parametrize(
    "text", ["a\nb", "-----BEGIN PRIVATE KEY-----x", '{"kty":"EC"}', "tab\there"]
)
def test_what_cannot_be_a_secret_is_refused_and_not_quoted(text, provider, add, plug):
    endpoint = add(provider.url)
    with pytest.raises(importing.BadSecret) as refused:
        plug(endpoint, text)
    assert text not in str(refused.value)
    assert not Key.objects.exists()


def test_the_end_of_a_short_secret_is_not_shown(provider, add, plug):
    plug(add(provider.url), "short-one")
    assert Secret.objects.get().hint == "•••"


def test_a_name_that_is_taken_keeps_nothing(provider, add, plug):
    endpoint = add(provider.url)
    plug(endpoint)
    with pytest.raises(NameTaken):
        plug(endpoint)
    assert Secret.objects.count() == 1


def test_the_token_service_knows_no_imported_key(acme, provider, add, plug):
    """Its secret is the provider's; whoever shows it to us is a stranger, even if a row says otherwise."""
    key = plug(add(provider.url))
    pepper_id, mark = fingerprint.mark(OLD)
    Secret.objects.update(pepper_id=pepper_id, mark=mark)
    asked = Shown(key.client_id, SecretText(OLD))
    with pytest.raises(InvalidClient) as refused:
        Proven.by(key.environment.issuer_id, asked, timezone.now())
    assert refused.value.reason == "unknown client"
