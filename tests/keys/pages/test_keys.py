"""People at the pages of keys: who sees, who makes, who ends."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.models import AuditEvent
from keys.models import CredentialTest, Key, Secret
from tests.cast import LONG_AGO
from tests.keys.pages.addresses import page, place
from tests.pages import forms


def answers(**more) -> dict[str, object]:
    return {
        "once": get_random_string(32),
        "name": "ledger",
        "team": "none",
        "used_by": "the ledger",
        "expiry": "90",
        "scopes": ["api:development"],
        **more,
    }


def make(client, **more):
    return client.post(place("create"), answers(**more))


def log_of(event: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=event))


def test_an_engineer_makes_a_key_and_the_log_says_so(sign_in, acme):
    response = make(sign_in("engineer"))
    assert response.status_code == 302
    key = Key.objects.get(name="ledger")
    assert f"/keys/{key.client_id}/secret/" in response["Location"]
    assert log_of("key.created")[0].subject == f"key:{key.client_id}"


@pytest.mark.parametrize("name", ["viewer", "support", "teammate"])
def test_who_may_not_make_keys_is_refused_and_that_is_logged(sign_in, name):
    client = sign_in(name)
    assert client.get(place("create")).status_code == 403
    assert make(client).status_code == 403
    assert not Key.objects.exists()
    assert log_of("access.denied")


@pytest.mark.parametrize("name", ["stranger", "owner", "member"])
def test_who_holds_nothing_here_finds_nothing(sign_in, name, issue):
    key = issue().key
    client = sign_in(name)
    for address in (place("environment"), place("create"), page("detail", key)):
        assert client.get(address).status_code == 404


def test_a_lead_makes_keys_for_the_own_team_only(sign_in, acme):
    client = sign_in("lead")
    assert make(client, team="search").status_code == 422
    assert make(client, team="none").status_code == 422
    assert make(client, team="payments").status_code == 302
    assert Key.objects.get().team == acme.team


def test_a_viewer_sees_no_button_to_make_a_key(sign_in, issue):
    issue()
    assert b"/keys/new/" not in sign_in("viewer").get(place("environment")).content
    assert b"/keys/new/" in sign_in("engineer").get(place("environment")).content


def test_one_form_sent_twice_makes_one_key(sign_in, acme):
    client, said = sign_in("engineer"), answers()
    first = client.post(place("create"), said)
    second = client.post(place("create"), said)
    assert first["Location"] == second["Location"]
    assert Secret.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "nul\x00byte"},
        {"name": "x" * 61},
        {"name": "turned\u202e"},
        {"name": ""},
        {"kept_in": "lk_dev_something"},
        {"expiry": "custom"},
        {"expiry": "custom", "ends_at": "2001-01-01T12:00"},
        {"scopes": ["api:other"]},
        {"once": "short"},
    ],
)
def test_what_cannot_be_is_told_at_the_field_and_kept(sign_in, wrong):
    response = make(sign_in("engineer"), **wrong)
    assert response.status_code == 422
    assert not Key.objects.exists()


def test_a_name_that_is_taken_is_told_at_the_name(sign_in, issue):
    issue(name="ledger")
    response = make(sign_in("engineer"))
    assert response.status_code == 422
    assert "has this name" in response.content.decode()


def test_production_asks_for_a_fresh_sign_in_and_a_last_yes(sign_in, acme):
    there = place("create", "production")
    assert "/reauthenticate/" in sign_in("engineer", ago=LONG_AGO).get(there)["Location"]
    client = sign_in("engineer")
    said = answers(scopes=["api:production"])
    confirmation = client.post(there, said)["Location"]
    page = client.get(confirmation)
    assert b"Show me the secret now" in page.content
    assert said["name"] in client.get(page.context["back"]).content.decode()
    assert not Key.objects.exists()
    asked = next(each for each in forms(page.content) if each.action == there)
    assert "/secret/" in client.post(there, dict(asked.values))["Location"]


def test_a_secret_survives_a_reload_and_ends_with_its_collection(sign_in, acme):
    client = sign_in("engineer")
    there = make(client)["Location"]
    for _ in range(2):
        shown = client.get(there)
        assert shown.status_code == 200
        assert "lk_dev_" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert shown["Referrer-Policy"] == "same-origin"
    assert len(log_of("secret.seen")) == 2
    assert (
        "Tick the box first" in client.post(there, {"act": "finish"}, follow=True).content.decode()
    )
    done = client.post(there, {"act": "finish", "stored": "1"})
    assert "/tests/" in done["Location"]
    assert client.post(there, {"act": "finish", "stored": "1"})["Location"] == done["Location"]
    assert CredentialTest.objects.count() == 1
    gone = client.get(there)
    assert gone.status_code == 410
    assert "lk_dev_" not in gone.content.decode()


def test_the_env_file_holds_the_secret_and_is_a_sight_of_it(sign_in, acme):
    client = sign_in("engineer")
    file = client.get(make(client)["Location"] + "?file=env")
    assert "CLIENT_SECRET=lk_dev_" in file.content.decode()
    assert "attachment" in file["Content-Disposition"]
    assert log_of("secret.seen")


def test_another_browser_of_the_same_person_sees_no_secret(sign_in, acme):
    client = sign_in("engineer")
    there = make(client)["Location"]
    del client.cookies["browser"]
    assert client.get(there).status_code == 410


def test_another_person_finds_no_secret(sign_in, acme):
    there = make(sign_in("engineer"))["Location"]
    for name in ("support", "lead", "stranger"):
        assert sign_in(name).get(there).status_code == 404


def test_a_discarded_secret_is_revoked(sign_in, acme):
    client = sign_in("engineer")
    there = make(client)["Location"]
    client.post(there, {"act": "discard"})
    assert Secret.objects.get().revoked_at
    assert client.get(there).status_code == 410


def test_lists_show_what_the_person_may_see(sign_in, issue, acme):
    issue(name="of-nobody")
    issue(name="of-payments", team=acme.team)
    everywhere = reverse("keys:everywhere", kwargs={"org": "acme"})
    for name, sees_all in (("viewer", True), ("teammate", False)):
        for address in (place("environment"), everywhere):
            text = sign_in(name).get(address).content.decode()
            assert "of-payments" in text
            assert ("of-nobody" in text) is sees_all
    assert "of-payments" not in sign_in("owner").get(everywhere).content.decode()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=bill", True),
        ("q=nothing", False),
        ("q=%00bill", True),
        ("health=untested", True),
        ("health=failing", False),
        ("health=nonsense", True),
        ("expires=none", True),
        ("expires=30", False),
        ("team=none", True),
        ("used=never", True),
        ("used=90", False),
        ("used=nonsense", True),
        ("sort=-expires&page=99", True),
        ("sort=%ff", True),
    ],
)
def test_filters_are_read_from_the_address(sign_in, issue, asked, found):
    issue()
    text = sign_in("viewer").get(f"{place('environment')}?{asked}").content.decode()
    assert ("billing-api" in text) is found
    assert ("No match" in text) is not found


def test_what_deserves_a_look_is_counted_and_leads_there(sign_in, issue):
    issue()
    idle = issue(name="idle").key
    idle.secrets.update(last_used_at=timezone.now() - timedelta(days=91))
    client = sign_in("viewer")
    text = client.get(place("environment")).content.decode()
    assert '<a href="?used=never"><b>1</b> Never used' in text
    assert '<a href="?used=90"><b>1</b> Idle for 90 days' in text
    assert "<span><b>0</b> Failing" in text
    found = client.get(f"{place('environment')}?used=90").content.decode()
    assert page("detail", idle) in found
    assert "billing-api" not in found
    assert '<a href="?used=90" aria-current="true">' in found


@pytest.mark.parametrize("tab", ["overview", "secrets", "tests", "use", "history", "other"])
def test_every_tab_opens_for_support_and_shows_no_secret(sign_in, issue, tab):
    made = issue()
    shown = sign_in("support").get(f"{page('detail', made.key)}?tab={tab}")
    assert shown.status_code == 200
    assert made.text not in shown.content.decode()


def test_a_viewer_reads_no_history_and_has_no_acts(sign_in, issue):
    key = issue().key
    text = sign_in("viewer").get(f"{page('detail', key)}?tab=history").content.decode()
    assert "created the key" not in text
    for act in ("Test now", "Rotate secret", "Disable", "Delete"):
        assert act not in text


def test_snippets_hold_the_real_client_id_and_never_the_secret(sign_in, issue):
    made = issue()
    text = sign_in("viewer").get(f"{page('detail', made.key)}?tab=use").content.decode()
    assert made.key.client_id in text
    assert f"/t/{made.key.environment.issuer_id}/token" in text
