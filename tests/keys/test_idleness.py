"""Never used, not measured and idle are three different words."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import Environment
from keys.models import Key, Secret, TokenEndpoint
from tests.keys.pages.addresses import page

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
IDLE = re.compile(r"Idle \d+ d")


@pytest.fixture
def rests(issue):
    """A key made 200 days ago and last used so many days ago, or never."""

    def make(name: str, days: int | None) -> Key:
        made, now = issue(name=name), timezone.now()
        Key.objects.filter(pk=made.key.pk).update(created_at=now - 200 * DAY)
        at = now - days * DAY if days is not None else None
        Secret.objects.filter(key=made.key).update(last_used_at=at)
        return made.key

    return make


@pytest.fixture
def listed(sign_in):
    def look() -> str:
        return " ".join(sign_in("viewer").get("/o/acme/e/development/").content.decode().split())

    return look


def outside(key: Key) -> None:
    endpoint = TokenEndpoint.objects.create(
        environment=key.environment, name="Redox", url="https://id.test/token", method="x"
    )
    Key.objects.filter(pk=key.pk).update(endpoint=endpoint)


def test_a_key_unused_for_longer_than_the_policy_has_it_is_idle(rests, listed, sign_in):
    key = rests("ledger", 120)
    assert "Idle 120 d" in listed()
    shown = sign_in("viewer").get(page("detail", key)).content.decode()
    assert "(idle 120 d)" in shown


def test_one_used_lately_is_not(rests, listed):
    rests("ledger", 89)
    assert not IDLE.search(listed())


def test_never_used_is_said_and_after_a_while_it_is_idle_too(rests, listed):
    rests("ledger", None)
    assert "Never used" in listed()
    assert "Idle 200 d" in listed()
    Key.objects.update(created_at=timezone.now())
    assert "Never used" in listed()
    assert not IDLE.search(listed())


def test_where_use_is_not_measured_nothing_is_called_idle_or_unused(rests, listed, sign_in):
    key = rests("redox", None)
    outside(key)
    assert "Not measured" in listed()
    assert 'nowrap">Never used' not in listed()
    assert not IDLE.search(listed())
    shown = sign_in("viewer").get(page("detail", key)).content.decode()
    assert "Use is not measured." in shown


def test_no_warning_where_the_policy_wants_none_or_the_key_rests_on_purpose(rests, listed):
    rests("ledger", 120)
    Environment.objects.update(idle_after=None)
    assert not IDLE.search(listed())
    Environment.objects.update(idle_after=30 * DAY)
    assert "Idle 120 d" in listed()
    Key.objects.update(disabled_at=timezone.now())
    assert not IDLE.search(listed())


def test_the_overview_counts_them_by_environment(rests, sign_in):
    rests("ledger", 120)
    rests("never", None)
    rests("busy", 1)
    outside(rests("redox", None))
    shown = " ".join(sign_in("viewer").get("/o/acme/").content.decode().split())
    assert "<dt>Idle</dt><dd>2</dd>" in shown
    assert shown.count("<dt>Idle</dt><dd>0</dd>") == 2
    Environment.objects.update(idle_after=None)
    shown = " ".join(sign_in("viewer").get("/o/acme/").content.decode().split())
    assert "<dt>Idle</dt><dd>2</dd>" not in shown
