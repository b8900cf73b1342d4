import pytest


@pytest.fixture
def loopback(settings):
    """An installation that allows its own machine."""
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
