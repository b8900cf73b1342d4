"""A credential of an outside provider: plugged in, works, fails, recovers, is rotated, and its old secret proven dead."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from joserfc import jwk

from environments.access import Refused
from environments.events import Event
from environments.models import AuditEvent
from environments.outside import BadPlace
from keys import fingerprint, tasks
from keys.crypto import SecretText
from keys.handover import Browser
from keys.issuer.clients import Proven
from keys.issuer.refusals import InvalidClient
from keys.issuer.requests import Asked
from keys.models import CredentialTest, Key, Rotation, Secret, TokenEndpoint
from keys.outcomes import Outcome
from keys.private_keys import BadPrivateKey
from keys.services import endpoints, importing, rotating
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport
from keys.services.issuing import NameTaken, OneSight
from keys.upkeep import rotations
from tests.cast import Place
from tests.providers import providing

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
OLD, NEW = "planted-old-secret-of-the-provider", "planted-new-secret-of-the-provider"
CLIENT = "acme-at-the-provider"


@pytest.fixture(autouse=True)
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def provider():
    with providing(secrets={CLIENT: {OLD}}) as found:
        yield found


@pytest.fixture
def add(acme: Place) -> Callable[..., TokenEndpoint]:
    def made(url: str, method: str = "client_secret_basic", by: str = "engineer", **more):
        new = NewEndpoint(more.pop("name", "Partner"), url, method, **more)
        return endpoints.add_endpoint(acme.enter(by), new)

    return made


@pytest.fixture
def plug(acme: Place) -> Callable[..., Key]:
    def made(endpoint: TokenEndpoint, text: str = OLD, by: str = "engineer", kid: str = "", **more):
        new = NewImport(more.pop("name", "partner"), endpoint.public_id, CLIENT, **more)
        return importing.plug_in(acme.enter(by), new, Entered(SecretText(text), kid)).key

    return made


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("sequence").values_list("event", flat=True))


def run_tests() -> list[Outcome | None]:
    """What a worker finds, test by test and step by step, until nothing is due."""
    found: list[Outcome | None] = []
    for _ in range(12):
        for rotation in Rotation.objects.open():
            rotations.advance(rotation.pk, timezone.now())
        due = list(CredentialTest.objects.due(timezone.now()).order_by("pk"))
        if not due:
            return found
        for test in due:
            tasks.run_credential_test(test.pk)
            test.refresh_from_db()
            found.append(test.result)
    raise AssertionError(found)


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


def again(key: Key) -> None:
    """A person asks once more."""
    secret = key.secrets.order_by("-pk")[0]
    CredentialTest.objects.create(key=key, secret=secret, reason="person", interactive=True)


def test_the_new_secret_is_proven_first_and_the_old_one_proven_dead_at_the_provider(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.proven_at
    assert rotation.step == "await_provider"
    assert rotation.retired_at is None, "nothing ends before the person has ended it there"
    provider.secrets[CLIENT] = {NEW}
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD
    assert rotation.old is not None
    assert rotation.old.sealed is None
    assert Event.SECRET_ENTERED in events()
    assert events()[-1] == Event.SECRET_PROVEN_DEAD


def entered(text: str, **more) -> Entered:
    return Entered(SecretText(text), **more)


def test_an_old_secret_that_is_still_accepted_is_an_incident_until_it_is_refused(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    run_tests()
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.alarmed_at
    assert rotation.closed_at is None
    assert rotation.step == "await_retry"
    assert events().count(Event.SECRET_STILL_ACCEPTED) == 1
    provider.secrets[CLIENT] = {NEW}
    later(rotation)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD


def later(rotation: Rotation) -> None:
    """The time of waiting for another try is over."""
    past = timezone.now() - timedelta(minutes=5)
    rotation.tests.update(finished_at=past)
    rotations.advance(rotation.pk, timezone.now())


def test_a_provider_that_is_down_proves_nothing_and_the_rotation_waits(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT], provider.down = {OLD, NEW}, True
    rotation = importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.SERVER_ERROR]
    rotation.refresh_from_db()
    assert (rotation.proven_at, rotation.retired_at) == (None, None)
    with pytest.raises(rotating.TooLate):
        rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert TokenEndpoint.objects.get().troubled_since
    provider.down = False
    later(rotation)
    assert run_tests() == [Outcome.WORKS]


def test_a_new_secret_with_a_slip_is_discarded_and_the_old_one_works_on(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered("planted-with-a-slip"))
    assert run_tests() == [Outcome.REFUSED]
    key.refresh_from_db()
    assert key.failing_since is None, "the key is judged by the secret that it had"
    rotating.discard_rotation(acme.enter("engineer"), key.client_id)
    again_with = key.secrets.get(revoked_at=None)
    assert again_with.hint == OLD[-4:]
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    with pytest.raises(rotating.RotationRuns):
        importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_private_key_is_plugged_in_rotated_and_the_old_one_proven_dead(
    algorithm, acme, provider, add, plug
):
    old, new = (_pair(algorithm, kid) for kid in ("k1", "k2"))
    provider.keys[CLIENT] = [old]
    endpoint = add(provider.url, "private_key_jwt", algorithm=algorithm)
    key = plug(endpoint, json.dumps(old.as_dict(private=True)))
    assert run_tests() == [Outcome.WORKS]
    secret = key.secrets.get()
    assert (secret.kind, secret.kid) == ("private_key", "k1")
    provider.keys[CLIENT] = [old, new]
    pem = new.as_pem(private=True).decode()
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(pem, kid="k2"))
    assert run_tests() == [Outcome.WORKS]
    provider.keys[CLIENT] = [new]
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.KEY_UNKNOWN, Outcome.WORKS]
    assert Rotation.objects.get().outcome == Rotation.Outcome.PROVEN_DEAD


def _pair(algorithm: str, kid: str) -> jwk.RSAKey | jwk.ECKey:
    if algorithm.startswith("RS"):
        return jwk.RSAKey.generate_key(2048, {"kid": kid})
    return jwk.ECKey.generate_key("P-384", {"kid": kid})


def test_a_wrong_audience_is_the_endpoints_fault_and_a_changed_endpoint_mends_it(
    acme, provider, add, plug
):
    pair = _pair("ES384", "k1")
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


def test_redoxs_legacy_door_works_fails_recovers_and_rotates(acme, provider, add, plug):
    key = plug(add(provider.legacy_url, "redox_legacy"))
    assert run_tests() == [Outcome.WORKS]
    provider.down = True
    again(key)
    assert run_tests() == [Outcome.SERVER_ERROR]
    provider.down = False
    again(key)
    assert run_tests() == [Outcome.WORKS]
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    run_tests()
    provider.secrets[CLIENT] = {NEW}
    rotating.press_rotation(acme.enter("engineer"), key.client_id)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]


def test_a_leaked_secret_of_a_provider_is_tried_there_until_it_is_refused(
    acme, provider, add, plug
):
    key = plug(add(provider.url))
    run_tests()
    secret = key.secrets.get()
    rotating.report_leak(acme.enter("engineer"), key.client_id, secret.public_id, "seen in a chat")
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW))
    assert run_tests() == [Outcome.WORKS, Outcome.WORKS], (
        "proven, and the leaked one still accepted"
    )
    rotation = Rotation.objects.get()
    assert rotation.alarmed_at
    provider.secrets[CLIENT] = {NEW}
    later(rotation)
    assert run_tests() == [Outcome.REFUSED, Outcome.WORKS]
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.PROVEN_DEAD


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


def test_no_secret_is_made_for_an_imported_key_and_none_entered_for_our_own(
    acme, provider, add, plug, issue
):
    key = plug(add(provider.url))
    plan = rotating.Plan(timedelta(hours=1))
    with pytest.raises(rotating.MadeElsewhere):
        rotating.start_rotation(
            acme.enter("engineer"), key.client_id, plan, OneSight(Browser("b" * 43), "o" * 32)
        )
    with pytest.raises(importing.NotImported):
        importing.enter_secret(acme.enter("engineer"), issue().key.client_id, entered(NEW))


def test_nothing_entered_is_in_the_log_or_in_clear_in_a_row(acme, provider, add, plug):
    key = plug(add(provider.url))
    run_tests()
    provider.secrets[CLIENT] = {OLD, NEW}
    importing.enter_secret(acme.enter("engineer"), key.client_id, entered(NEW), why="yearly")
    run_tests()
    for row in (
        *AuditEvent.objects.values(),
        *Secret.objects.values(),
        *CredentialTest.objects.values(),
    ):
        assert "planted" not in repr(
            {n: bytes(v) if isinstance(v, memoryview) else v for n, v in row.items()}
        )


def test_the_token_service_knows_no_imported_key(acme, provider, add, plug):
    """Its secret is the provider's; whoever shows it to us is a stranger, even if a row says otherwise."""
    key = plug(add(provider.url))
    pepper_id, mark = fingerprint.mark(OLD)
    Secret.objects.update(pepper_id=pepper_id, mark=mark)
    asked = Asked(key.client_id, SecretText(OLD), None)
    with pytest.raises(InvalidClient) as refused:
        Proven.by_secret(key.environment.issuer_id, asked, timezone.now())
    assert refused.value.reason == "unknown client"
