"""A provider with one client, and people who plug its credential in."""

from collections.abc import Callable

import pytest
from joserfc import jwk

from keys.crypto import SecretText
from keys.models import CredentialTest, Key, TokenEndpoint
from keys.services import endpoints, importing
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport
from tests.cast import Place
from tests.providers import providing

OLD, NEW = "planted-old-secret-of-the-provider", "planted-new-secret-of-the-provider"
CLIENT = "acme-at-the-provider"


@pytest.fixture
def loopback(settings):
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def provider(loopback):
    with providing(secrets={CLIENT: {OLD}}) as found:
        yield found


@pytest.fixture
def add(acme: Place, loopback) -> Callable[..., TokenEndpoint]:
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


def entered(text: str, **more) -> Entered:
    return Entered(SecretText(text), **more)


def again(key: Key) -> None:
    """A person asks once more."""
    secret = key.secrets.order_by("-pk")[0]
    CredentialTest.objects.create(key=key, secret=secret, reason="person", interactive=True)


def key_pair(algorithm: str, kid: str) -> jwk.RSAKey | jwk.ECKey:
    if algorithm.startswith("RS"):
        return jwk.RSAKey.generate_key(2048, {"kid": kid})
    return jwk.ECKey.generate_key("P-384", {"kid": kid})
