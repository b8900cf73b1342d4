"""A receiver on this machine, and a webhook that leads to it."""

import pytest

from keys.services import webhooks


@pytest.fixture
def receiver(httpserver, settings):
    """A receiver on this machine that the installation may reach, and what it answers from now on."""
    settings.LATCHKEY_ALLOWED_URL_PREFIXES = [httpserver.url_for("/")]
    return httpserver


@pytest.fixture
def hooked(acme, receiver):
    def make(*topics: str, path: str = "/hook"):
        return webhooks.add_webhook(
            acme.org("owner"), url=receiver.url_for(path), topics=topics or ("keys",)
        )

    return make
