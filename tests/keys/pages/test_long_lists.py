"""Lists of many keys: they cost as much as lists of few, and say what nobody has counted."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from environments.models import Environment
from keys import figures
from keys.models import CredentialTest, Key, Rotation
from keys.views import lists
from tests.keys.pages.addresses import place

MOST = 12
EVERYWHERE = reverse("keys:everywhere", args=["acme"])


@pytest.fixture
def many(acme):
    def add(count, first=0):
        here = Environment.objects.get(slug="development", organization__slug="acme")
        numbers = range(first, first + count)
        Key.objects.bulk_create(
            Key(environment=here, name=f"key-{number:03}", last_tested_at=timezone.now())
            for number in numbers
        )

    return add


@pytest.fixture
def three_to_a_page(monkeypatch):
    monkeypatch.setattr(lists, "PER_PAGE", 3)


def statements(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


@pytest.mark.parametrize("asked", ["", "?page=2", "?used=never", "?sort=-expires", "?q=key"])
def test_a_list_takes_a_dozen_statements_however_many_keys_there_are(sign_in, issue, many, asked):
    issue()
    many(60)
    client = sign_in("engineer")
    few = statements(client, place("environment") + asked)
    many(60, first=60)
    assert statements(client, place("environment") + asked) == few <= MOST


def test_the_list_of_all_environments_takes_as_many_for_many(sign_in, issue, many):
    issue()
    client = sign_in("engineer")
    few = statements(client, EVERYWHERE)
    many(60)
    assert statements(client, EVERYWHERE) == few


def test_in_a_long_list_what_must_be_looked_at_one_by_one_is_not_counted_and_that_is_said(
    sign_in, issue, many, monkeypatch
):
    monkeypatch.setattr(figures, "COUNTED", 2)
    failing = issue().key
    Key.objects.filter(pk=failing.pk).update(failing_since=timezone.now())
    client = sign_in("viewer")
    assert "counted only when opened" not in client.get(place("environment")).content.decode()
    many(2)
    text = client.get(place("environment")).content.decode()
    assert '<a href="?health=failing"><b>1</b> Failing' in text, "an index knows"
    assert '<a href="?used=never">Never used</a>' in text
    assert "these are counted only when opened" in text
    found = client.get(f"{place('environment')}?used=never").content.decode()
    assert "3 of 3 keys" in found
    nothing = client.get(f"{place('environment')}?q=nonsense").content.decode()
    assert "No match" in nothing
    assert "counted only when opened" in nothing


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("", "key-000"),
        ("page=2", "key-003"),
        ("page=3", "key-006"),
        ("page=99", "key-006"),
        ("page=0", "key-006"),
        ("page=-1", "key-006"),
        ("page=x", "key-000"),
        ("page=99999999999999999999", "key-006"),
        ("sort=-name&page=2", "key-004"),
    ],
)
def test_a_page_that_is_not_there_is_answered_with_one_that_is(
    sign_in, many, three_to_a_page, asked, first
):
    many(8)
    text = sign_in("viewer").get(f"{place('environment')}?{asked}").content.decode()
    names = [f"key-{number:03}" for number in range(8) if f">key-{number:03}</a>" in text]
    wanted = sorted(names, reverse="sort=-name" in asked)[0]
    assert wanted == first
    assert "8 of 8 keys" in text


def test_a_row_says_that_its_key_rotates_and_how_its_last_tests_ended(sign_in, issue, acme):
    made = issue()
    now = timezone.now()
    CredentialTest.objects.all().delete()
    for outcome in ("works", "refused"):
        CredentialTest.objects.create(
            key=made.key, secret=made.secret, reason="schedule", outcome=outcome, finished_at=now
        )
    Rotation.objects.create(key=made.key, old=made.secret, reason="person", step="await_secret")
    text = sign_in("viewer").get(place("environment")).content.decode()
    assert "Rotating" in text
    assert "2 tests: 1 ok, 1 failed" in text
    assert 'class="t-bad"' in text
