"""A secret goes where it was entered for, and a fault there marks the endpoint, not the key."""

import json

import pytest

from environments.events import Event
from environments.models import AuditEvent
from keys.models import CredentialTest, Key, Secret, TokenEndpoint
from keys.outcomes import Outcome
from keys.upkeep import testing
from tests.keys.made import ask, make_key, make_secret
from tests.log import events
from tests.servers import Server, saying, serving

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
GOOD = saying('{"access_token":"opaque","token_type":"Bearer","expires_in":300}')
REFUSAL = saying('{"error":"invalid_client"}', "401 Unauthorized")
BUSY = saying("", "503 Busy")


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def plugged_into(server: Server, name: str = "partner", **values) -> Secret:
    """A key imported at this server."""
    key = make_key(name, outside_id="at-the-provider")
    endpoint = TokenEndpoint.objects.create(
        environment=key.environment,
        name=name,
        url=server.url,
        method="client_secret_post",
        **values,
    )
    Key.objects.filter(pk=key.pk).update(endpoint=endpoint)
    return make_secret(key, endpoint=endpoint)


def ran(secret: Secret) -> CredentialTest:
    testing.run_credential_test((test := ask(secret)).pk)
    test.refresh_from_db()
    return test


def test_an_imported_secret_is_tried_at_its_own_endpoint_with_the_client_id_there():
    with serving(GOOD) as server:
        test = ran(plugged_into(server, scope="read"))
    assert test.result is Outcome.WORKS
    assert server.requests[0].startswith(b"POST /token ")
    assert b"client_id=at-the-provider" in server.requests[0]
    assert b"scope=read" in server.requests[0]
    assert b"Latchkey-Test" not in server.requests[0], "the ticket is for our own service alone"


def test_a_secret_never_follows_its_key_to_another_endpoint():
    with serving(GOOD) as first, serving(GOOD) as second:
        secret = plugged_into(first)
        elsewhere = plugged_into(second, "elsewhere").endpoint
        Key.objects.filter(pk=secret.key_id).update(endpoint=elsewhere)
        assert ran(secret).result is Outcome.WORKS
    assert len(first.requests) == 1
    assert second.requests == []


@pytest.mark.parametrize("changed", ["url", "method", "endpoint"])
def test_a_secret_pointed_elsewhere_stays_shut(changed):
    """Whoever writes to the database cannot have a worker carry a secret to a server of theirs."""
    with serving(GOOD) as server, serving(GOOD) as thief:
        secret = plugged_into(server)
        if changed == "endpoint":
            stolen = plugged_into(thief, "thief").endpoint
            Secret.objects.filter(pk=secret.pk).update(endpoint=stolen)
        else:
            value = thief.url if changed == "url" else "client_secret_basic"
            TokenEndpoint.objects.filter(secrets=secret).update(**{changed: value})
        assert ran(secret).result is Outcome.CANNOT_OPEN
    assert server.requests == thief.requests == []


def test_without_its_endpoint_it_is_not_sent_to_our_own_either(settings):
    with serving(GOOD) as server, serving(GOOD) as ours:
        settings.LATCHKEY_INTERNAL_URL = f"http://127.0.0.1:{ours.port}"
        secret = plugged_into(server)
        Secret.objects.filter(pk=secret.pk).update(endpoint=None)
        assert ran(secret).result is Outcome.CANNOT_OPEN
    assert ours.requests == []


def test_a_fault_of_the_endpoint_is_noted_there_once_and_its_end_once():
    answers = [GOOD, BUSY, BUSY, saying("<p>"), GOOD, GOOD]
    with serving(lambda sock: answers.pop(0)(sock)) as server:
        secret = plugged_into(server)
        seen = []
        while answers:
            ran(secret)
            seen.append(TokenEndpoint.objects.get().trouble)
    assert seen == ["", "server_error", "server_error", "web_page", "", ""]
    assert events() == [Event.ENDPOINT_TROUBLED, Event.ENDPOINT_RECOVERED]
    assert Key.objects.get().failing_since is None
    line = AuditEvent.objects.get(event=Event.ENDPOINT_TROUBLED)
    assert line.subject == f"endpoint:{TokenEndpoint.objects.get().public_id}"
    assert json.dumps(line.detail) == '{"outcome": "server_error"}'


def test_a_server_that_is_gone_and_back_is_in_trouble_and_out_of_it():
    with serving(GOOD) as server:
        secret = plugged_into(server)
    assert ran(secret).result is Outcome.CONNECTION_REFUSED
    endpoint = TokenEndpoint.objects.get()
    assert endpoint.troubled_since
    assert endpoint.trouble == "connection_refused"
    assert Key.objects.get().failing_since is None


def test_a_refusal_blames_the_key_and_shows_that_the_endpoint_is_well():
    answers = [BUSY, REFUSAL]
    with serving(lambda sock: answers.pop(0)(sock)) as server:
        secret = plugged_into(server)
        ran(secret)
        ran(secret)
    assert TokenEndpoint.objects.get().troubled_since is None
    assert Key.objects.get().failing_since
    assert events() == [Event.ENDPOINT_TROUBLED, Event.KEY_FAILING, Event.ENDPOINT_RECOVERED]


@pytest.mark.parametrize("code", ["invalid_scope", "slow_down"])
def test_what_only_one_client_may_not_have_says_nothing_about_the_endpoint(code):
    answers = [BUSY, saying(json.dumps({"error": code}), "400 Bad Request")]
    with serving(lambda sock: answers.pop(0)(sock)) as server:
        secret = plugged_into(server)
        since = []
        while answers:
            ran(secret)
            since.append(TokenEndpoint.objects.get().troubled_since)
    assert since[0] == since[1] is not None


def test_our_own_fault_says_nothing_about_the_endpoint(settings):
    with serving(GOOD) as server:
        secret = plugged_into(server)
        settings.LATCHKEY_ALLOWED_NETWORKS = []
        assert ran(secret).result is Outcome.FORBIDDEN_ADDRESS
    assert TokenEndpoint.objects.get().troubled_since is None
    assert server.requests == []
