"""A key whose rotation has begun, and the real token service over HTTP."""

from datetime import timedelta

import pytest

from keys.models import Handover, Key, Rotation
from keys.outcomes import Outcome
from keys.rotation import Step
from keys.services.issuing import collect_secret
from keys.services.rotating import Plan, start_rotation
from tests.cast import sight
from tests.keys.worker import work

DAY = Plan(timedelta(hours=24))


@pytest.fixture(autouse=True)
def endpoint(live_server, settings) -> None:
    settings.LATCHKEY_INTERNAL_URL = live_server.url


@pytest.fixture
def key(acme, issue) -> Key:
    """A key whose first secret was stored, and works."""
    made = issue()
    collect_secret(acme.enter("engineer"), made.handover)
    work()
    made.key.refresh_from_db()
    assert made.key.last_outcome == Outcome.WORKS
    return made.key


@pytest.fixture
def start(acme, key):
    def begin(by: str = "engineer", plan: Plan = DAY) -> Handover:
        return start_rotation(acme.enter(by), key.client_id, plan, sight())

    return begin


@pytest.fixture
def draining(acme, key, start) -> Rotation:
    collect_secret(acme.enter("engineer"), start())
    work()
    rotation = key.rotations.get()
    assert (rotation.step, rotation.closed_at) == (Step.DRAIN, None)
    return rotation
