"""Keys in whatever state a page may show."""

import pytest

from keys.crypto import SecretText
from keys.models import Key, TokenEndpoint
from keys.services import endpoints, importing
from keys.services.endpoints import NewEndpoint
from keys.services.importing import Entered, NewImport
from tests.keys import staged
from tests.keys.pages.typed import SECRET, URL


@pytest.fixture
def key(issue) -> Key:
    return issue().key


@pytest.fixture
def stage(acme, key):
    return lambda state: staged.STATES[state](acme.enter("engineer"), key)


@pytest.fixture
def endpoint(acme) -> TokenEndpoint:
    return endpoints.add_endpoint(
        acme.enter("engineer"), NewEndpoint("Redox", URL, "client_secret_basic")
    )


@pytest.fixture
def signed(acme) -> TokenEndpoint:
    new = NewEndpoint("Signed", URL, "private_key_jwt", "ES384")
    return endpoints.add_endpoint(acme.enter("engineer"), new)


@pytest.fixture
def imported(acme, endpoint) -> Key:
    new = NewImport("partner", endpoint.public_id, "acme-at-redox")
    return importing.plug_in(acme.enter("engineer"), new, Entered(SecretText(SECRET))).key
