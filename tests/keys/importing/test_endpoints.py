"""Endpoints of providers: added, changed, ended, and the keys that are tested there."""

import json

import pytest
from django.utils import timezone

from environments.access import Refused
from environments.events import Event
from environments.outside import BadPlace
from keys.models import Key, Rotation, TokenEndpoint
from keys.outcomes import Outcome
from keys.private_keys import BadPrivateKey
from keys.services import endpoints, importing
from keys.services.endpoints import NewEndpoint
from tests.keys.importing.conftest import CLIENT, OLD, again, entered, key_pair
from tests.keys.worker import run_tests
from tests.log import events
from tests.providers import providing

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


def test_a_wrong_audience_is_the_endpoints_fault_and_a_changed_endpoint_mends_it(
    acme, provider, add, plug
):
    pair = key_pair("ES384", "k1")
    text = json.dumps(pair.as_dict(private=True))
    provider.keys[CLIENT], provider.audience = [pair], "https://issuer.example"
    endpoint = add(provider.url, "private_key_jwt", algorithm="ES384")
    key = plug(endpoint, text)
    assert run_tests() == [Outcome.ASSERTION_AUDIENCE]
    key.refresh_from_db()
    assert key.failing_since is None
    new = NewEndpoint.of(endpoint)
    better = NewEndpoint(new.name, new.url, new.method, new.algorithm, "https://issuer.example")
    changed = endpoints.change_endpoint(acme.enter("engineer"), endpoint.public_id, better)
    again(key)
    assert run_tests() == [Outcome.ASSERTION_AUDIENCE], "it goes where it was entered for"
    with pytest.raises(BadPrivateKey, match="already"):
        importing.enter_secret(acme.enter("engineer"), key.client_id, entered(text, kid="k1"))
    assert changed.pk != endpoint.pk


def test_a_changed_address_asks_for_the_secret_again_and_the_key_moves_once_it_is_proven(
    acme, provider, add, plug
):
    with providing() as wrong:
        endpoint = add(wrong.url)
        key = plug(endpoint)
        assert run_tests() == [Outcome.REFUSED]
        new = NewEndpoint("Partner", provider.url, endpoint.method)
        changed = endpoints.change_endpoint(acme.enter("engineer"), endpoint.public_id, new)
        asked = len(provider.server.requests)
        again(key)
        run_tests()
        assert len(provider.server.requests) == asked, "the sealed secret does not go there"
        rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(OLD))
        assert run_tests()[-1] is Outcome.WORKS
    rotation.refresh_from_db()
    key.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN
    assert key.endpoint == changed
    assert key.failing_since is None
    (living,) = key.secrets.filter(revoked_at=None)
    assert living.endpoint == changed
    assert key.secrets.exclude(pk=living.pk).get().sealed is None


@pytest.mark.parametrize("who", ["viewer", "support", "lead", "teammate"])
def test_only_an_engineer_adds_changes_or_ends_an_endpoint(who, acme, add):
    endpoint = add("https://id.example.org/token")
    scope = acme.enter(who)
    new = NewEndpoint("Other", "https://id.example.org/other", "client_secret_post")
    for act in (
        lambda: endpoints.add_endpoint(scope, new),
        lambda: endpoints.change_endpoint(scope, endpoint.public_id, new),
        lambda: endpoints.end_endpoint(scope, endpoint.public_id),
    ):
        with pytest.raises(Refused):
            act()
    assert TokenEndpoint.objects.get() == endpoint


def test_an_endpoint_that_keys_use_stays_and_its_name_is_its_own(acme, provider, add, plug):
    endpoint = add(provider.url)
    key = plug(endpoint)
    scope = acme.enter("engineer")
    with pytest.raises(endpoints.EndpointInUse):
        endpoints.end_endpoint(scope, endpoint.public_id)
    with pytest.raises(endpoints.EndpointNameTaken):
        add(provider.url)
    renamed = endpoints.change_endpoint(
        scope, endpoint.public_id, NewEndpoint("Renamed", endpoint.url, endpoint.method)
    )
    assert renamed.pk == endpoint.pk, "a name is bound to nothing"
    moved = endpoints.change_endpoint(
        scope, endpoint.public_id, NewEndpoint("Renamed", endpoint.url, "client_secret_post")
    )
    with pytest.raises(endpoints.EndpointEnded):
        endpoints.end_endpoint(scope, endpoint.public_id)
    with pytest.raises(endpoints.EndpointInUse):
        endpoints.end_endpoint(scope, moved.public_id)
    Key.objects.filter(pk=key.pk).update(deleted_at=timezone.now())
    endpoints.end_endpoint(scope, moved.public_id)
    with pytest.raises(importing.EndpointGone):
        plug(moved, name="late")
    assert events()[-3:] == [
        Event.ENDPOINT_RENAMED,
        Event.ENDPOINT_REPLACED,
        Event.ENDPOINT_ENDED,
    ]


def test_the_verb_itself_refuses_an_address_that_no_form_has_seen(acme, add, settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = []
    with pytest.raises(BadPlace):
        add("https://169.254.169.254/latest/meta-data")
    assert not TokenEndpoint.objects.exists()


def test_an_endpoint_of_another_environment_or_organization_is_none(acme, provider, add, plug):
    there = endpoints.add_endpoint(
        acme.enter("engineer", "staging"), NewEndpoint("There", provider.url, "client_secret_post")
    )
    with pytest.raises(importing.EndpointGone):
        plug(there)
    with pytest.raises(TokenEndpoint.DoesNotExist):
        endpoints.end_endpoint(acme.enter("engineer"), there.public_id)
