"""The home screen: is anything wrong, what will go wrong, and only what the person may view."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard import overview
from keys import figures
from keys.models import Key, Secret
from tests.keys import staged


@pytest.fixture
def look(acme):
    return lambda name: overview.look(acme.org(name), timezone.now())


def fail(key: Key) -> None:
    Key.objects.filter(pk=key.pk).update(failing_since=timezone.now(), last_outcome="refused")


def test_a_failing_production_key_comes_first_and_is_named_in_the_heading(
    acme, issue, look, client
):
    fail(issue(name="a-first").key)
    fail(issue(name="z-last", environment="production").key)
    seen = look("engineer")
    assert [row.key.name for row in seen.concerns] == ["z-last", "a-first"]
    client.force_login(acme["engineer"])
    assert "2 of 2 keys fail in 2 environments" in client.get("/o/acme/").content.decode()


def test_secrets_that_end_soon_ended_or_were_never_collected_need_attention(issue, look):
    now = timezone.now()
    for name, change in {
        "soon": {"expires_at": now + timedelta(days=3), "collected_at": now},
        "over": {"expires_at": now - timedelta(days=1), "collected_at": now},
        "left": {"created_at": now - timedelta(hours=5)},
        "fine": {"collected_at": now},
    }.items():
        Secret.objects.filter(pk=issue(name=name).secret.pk).update(**change)
    assert [row.key.name for row in look("viewer").concerns] == ["over", "left", "soon"]


def test_a_newer_secret_counts_not_an_old_one_that_ends(issue, look):
    now = timezone.now()
    made = issue()
    Secret.objects.filter(pk=made.secret.pk).update(
        expires_at=now + timedelta(days=1), collected_at=now
    )
    Secret.objects.create(key=made.key, hint="abcd", pepper_id="p", mark=b"m", collected_at=now)
    assert look("viewer").concerns == []


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("leaked", "leaked, no new secret yet"),
        ("held", "old secret held, still in use"),
        ("refused", "the new secret cannot be proven"),
        ("begun", "Secret not collected; it ends"),
        ("prepared", "waits for its new secret"),
        ("alarmed", "old secret still accepted"),
    ],
)
def test_a_rotation_that_waits_or_does_not_move_needs_attention(
    acme, issue, look, client, state, reason
):
    rotation = staged.STATES[state](acme.enter("engineer"), issue().key)
    (row,) = look("viewer").concerns
    assert reason in row.reason
    client.force_login(acme["viewer"])
    assert (rotation.public_id in client.get("/o/acme/").content.decode()) is bool(row.rotation)


@pytest.mark.parametrize("state", ["draining", "dead", "discarded"])
def test_one_that_moves_does_not(acme, issue, look, state):
    staged.STATES[state](acme.enter("engineer"), issue().key)
    assert look("viewer").concerns == []


def test_a_disabled_key_is_counted_and_does_not_alarm(issue, look):
    key = issue().key
    fail(key)
    Key.objects.filter(pk=key.pk).update(disabled_at=timezone.now())
    seen = look("viewer")
    assert (seen.failing, seen.columns[0].disabled, seen.concerns) == (0, 1, [])


def test_a_lead_sees_the_figures_of_the_own_teams_keys_alone(acme, issue, look):
    issue(name="ours", team=acme.team)
    issue(name="theirs", team=acme.other_team)
    assert look("lead").keys == 1
    assert look("engineer").keys == 2


def test_a_member_without_an_environment_is_told_whom_to_ask(acme, client):
    client.force_login(acme["member"])
    html = client.get("/o/acme/").content.decode()
    assert "have no environment yet" in html
    assert "owner@acme.test" in html


def test_a_stranger_finds_nothing(acme, client):
    client.force_login(acme["stranger"])
    assert client.get("/o/acme/").status_code == 404
    assert client.get("/o/acme/search/?q=a").status_code == 404


def test_recent_changes_name_people_as_the_log_does(acme, issue, look):
    issue()
    assert {line.actor for line in look("owner").changes if "billing-api" in line.label} == {
        "Engineer"
    }


def test_recent_changes_are_for_those_who_may_read_the_log(acme, issue, look):
    issue(name="billing-api")
    assert any("billing-api" in line.label for line in look("support").changes)
    assert any("billing-api" in line.label for line in look("owner").changes)
    assert look("viewer").changes == []


def test_the_only_owner_is_warned(look):
    assert look("owner").lone_owner
    assert not look("engineer").lone_owner


def test_the_number_of_statements_does_not_grow_with_the_keys(acme, issue, client):
    client.force_login(acme["engineer"])

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get("/o/acme/")
        return len(seen)

    fail(issue(name="one").key)
    few = statements()
    for number in range(5):
        fail(issue(name=f"key-{number}", environment="production").key)
    assert statements() == few <= 20


def test_search_finds_by_name_client_id_hint_team_and_person(acme, issue, client):
    made = issue(name="billing-api")
    client.force_login(acme["viewer"])

    def found(words: str) -> str:
        return client.get("/o/acme/search/", {"q": words}).content.decode()

    for words in ("billing", made.key.client_id, made.secret.hint):
        assert "billing-api" in found(words)
    assert "Payments" in found("paym")
    assert "engineer@acme.test" in found("engineer")
    assert "No match" in found("nothing-like-it")


def test_search_shows_no_key_that_the_person_may_not_view(acme, issue, client):
    issue(name="billing-api", team=acme.other_team)
    client.force_login(acme["lead"])
    assert "No match" in client.get("/o/acme/search/?q=billing").content.decode()


def test_the_palette_is_told_the_same_as_data(acme, issue, client):
    made = issue(name="billing-api")
    client.force_login(acme["viewer"])
    answer = client.get("/o/acme/search/?q=billing", headers={"accept": "application/json"})
    address = f"/o/acme/e/development/keys/{made.key.client_id}/"
    assert answer.json()["Keys"] == [
        {"name": "billing-api", "about": "Development", "href": address}
    ]
    assert "Accept" in answer["Vary"]
    asked_by_a_browser = client.get("/o/acme/search/?q=billing", headers={"accept": "*/*"})
    assert asked_by_a_browser["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("words", ["", "\x00", "x" * 5000, "%", "'\"<b>", "\ud800"])
def test_search_takes_any_text(acme, client, words):
    client.force_login(acme["viewer"])
    query = words.encode("utf-8", "surrogatepass")
    assert client.get("/o/acme/search/", {"q": query}).status_code == 200


def test_of_too_many_keys_only_what_an_index_knows_is_counted_and_that_is_said(
    acme, issue, client, monkeypatch
):
    monkeypatch.setattr(figures, "COUNTED", 1)
    issue(name="one")
    issue(name="two")
    client.force_login(acme["engineer"])
    text = client.get("/o/acme/").content.decode()
    assert "2 keys, none fail" in text, "not: all of them work"
    assert "With so many keys, the rest is counted in the list." in text
    assert text.count("Not tested yet") == text.count('<article class="place">') - 1
    monkeypatch.undo()
    assert "With so many keys" not in client.get("/o/acme/").content.decode()
