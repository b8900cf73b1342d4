"""A provider on this machine, and Acme, whose owner has set it up."""

import pytest

from environments.models import (
    IdentityProvider,
    Member,
    Organization,
)
from environments.policy import OrganizationRole
from tests.browsers import Browser
from tests.dashboard.sso.coming import SETTINGS, come, linked, typed
from tests.oidc import providing


@pytest.fixture
def idp(settings):
    with providing() as provider:
        settings.LATCHKEY_ALLOWED_URL_PREFIXES = [f"{provider.issuer}/"]
        yield provider


@pytest.fixture
def newcomer():
    """A browser in which nobody is signed in."""
    return Browser()


@pytest.fixture
def acme_okta(acme, sign_in, idp):
    """Acme's owner has set the provider up, as owners do."""
    answer = sign_in("owner").post(SETTINGS, typed(idp))
    assert answer.status_code == 302, answer.context["form"].errors
    return IdentityProvider.objects.get()


@pytest.fixture
def both(acme, acme_okta, idp):
    """The viewer, who owns another organization too, has come by Acme's provider."""
    elsewhere = Organization.objects.get(slug="elsewhere")
    Member.objects.create(organization=elsewhere, user=acme["viewer"], role=OrganizationRole.OWNER)
    linked(acme, idp)
    client, _ = come(idp)
    return client
