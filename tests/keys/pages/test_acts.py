"""People acting on a key: rotate, test, edit, move, disable, revoke, delete."""

from datetime import timedelta

import pytest

from environments.models import AuditEvent
from keys.models import CredentialTest, Key
from keys.services.keeping import delete_key
from keys.views import acts, common, rotation
from tests.cast import LONG_AGO
from tests.keys import staged
from tests.keys.pages.addresses import leak_page, page


def denied() -> bool:
    return AuditEvent.objects.filter(event="access.denied").exists()


@pytest.mark.parametrize("act", ["rotate", "delete"])
def test_what_matters_asks_for_a_fresh_sign_in(sign_in, issue, act):
    address = page(act, issue().key)
    assert "/reauthenticate/" in sign_in("engineer", ago=LONG_AGO).get(address)["Location"]


@pytest.mark.parametrize("act", ["rotate", "edit", "expiry", "move", "disable", "delete"])
def test_support_is_refused_what_changes_a_key(sign_in, issue, act):
    address = page(act, issue().key)
    client = sign_in("support")
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403
    assert denied()


@pytest.mark.parametrize("act", ["move", "delete"])
def test_a_lead_neither_moves_nor_deletes(sign_in, issue, acme, act):
    address = page(act, issue(team=acme.team).key)
    assert sign_in("lead").get(address).status_code == 403


def test_a_lead_does_not_see_keys_of_others(sign_in, issue):
    assert sign_in("lead").get(page("edit", issue().key)).status_code == 404


def test_support_asks_for_a_test_and_watches_it(sign_in, issue):
    key = issue().key
    client = sign_in("support")
    first = client.post(page("test", key))
    assert client.post(page("test", key))["Location"] == first["Location"]
    shown = client.get(first["Location"]).content.decode()
    assert 'hx-trigger="every 1s"' in shown
    assert "Refresh" in shown
    part = client.get(first["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    run = CredentialTest.objects.get()
    client.post(page("cancel_test", key, test=run.pk))
    ended = client.get(first["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in ended
    assert "Cancelled" in ended


def test_a_viewer_may_not_test(sign_in, issue):
    assert sign_in("viewer").post(page("test", issue().key)).status_code == 403
    assert not CredentialTest.objects.exists()


def test_a_failed_test_says_what_it_means_and_what_to_do(sign_in, issue):
    made = issue()
    run = CredentialTest.objects.create(key=made.key, secret=made.secret, reason="person")
    now = run.asked_at
    CredentialTest.objects.filter(pk=run.pk).update(
        outcome="refused", started_at=now, finished_at=now, http_status=401, error="invalid_client",
        stages=[{"name": "connect", "state": "ok", "ms": 3.2, "note": ""}],
    )  # fmt: skip
    text = sign_in("viewer").get(page("test_run", made.key, test=run.pk)).content.decode()
    for words in ("invalid_client", "What it usually means", "rotate the secret", "3 ms"):
        assert words in text


def test_a_test_of_another_key_is_not_found(sign_in, issue):
    made, other = issue(), issue(name="other")
    run = CredentialTest.objects.create(key=other.key, secret=other.secret, reason="person")
    address = page("test_run", made.key, test=run.pk)
    assert sign_in("engineer").get(address).status_code == 404


def test_editing_keeps_what_was_said(sign_in, issue):
    issue(name="taken")
    key = issue().key
    client = sign_in("engineer")
    assert client.post(page("edit", key), {"name": "taken"}).status_code == 422
    assert client.post(page("edit", key), {"name": "renamed", "note": "x"}).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.note) == ("renamed", "x")


def test_an_expiry_is_changed(sign_in, issue):
    made = issue()
    client = sign_in("engineer")
    assert client.get(page("expiry", made.key)).status_code == 200
    assert client.post(page("expiry", made.key), {"expiry": "30"}).status_code == 302
    made.secret.refresh_from_db()
    assert made.secret.expires_at


def test_an_engineer_moves_a_key_to_a_team(sign_in, issue, acme):
    key = issue().key
    sign_in("engineer").post(page("move", key), {"team": "search"})
    key.refresh_from_db()
    assert key.team == acme.other_team


def test_disabling_and_enabling(sign_in, issue):
    key = issue().key
    client = sign_in("engineer")
    assert client.get(page("disable", key)).status_code == 200
    client.post(page("disable", key))
    key.refresh_from_db()
    assert key.disabled_at
    assert "Tokens are refused" in client.get(page("detail", key)).content.decode()
    client.post(page("enable", key))
    key.refresh_from_db()
    assert not key.disabled_at


def test_revoking_names_the_secret_and_ends_it(sign_in, issue):
    made = issue()
    client = sign_in("engineer")
    address = page("revoke", made.key, secret=made.secret.public_id)
    assert made.secret.hint in client.get(address).content.decode()
    client.post(address)
    made.secret.refresh_from_db()
    assert made.secret.revoked_at
    assert client.get(page("revoke", made.key, secret="sec_none")).status_code == 404


def test_deleting_takes_the_name_and_leaves_a_tombstone(sign_in, issue):
    issue(name="another")
    key = issue().key
    client = sign_in("engineer")
    assert client.post(page("delete", key), {"typed": "other"}).status_code == 422
    client.post(page("delete", key), {"typed": "billing-api"})
    key.refresh_from_db()
    assert key.deleted_at
    assert "does not come back" in client.get(page("detail", key)).content.decode()
    assert client.get(page("edit", key)).status_code == 404


def test_the_last_key_stays(sign_in, issue):
    key = issue().key
    answer = sign_in("engineer").post(page("delete", key), {"typed": "billing-api"})
    assert "last live key" in answer.content.decode()


def test_production_keys_wait_for_approvals(sign_in, issue):
    issue(name="another", environment="production")
    key = issue(environment="production").key
    answer = sign_in("engineer").post(page("delete", key), {"typed": "billing-api"})
    assert answer.status_code == 409
    assert "takes 1 approval" in answer.content.decode()
    assert Key.objects.existing().count() == 2


@pytest.mark.parametrize("act", ["disable", "enable", "rotate"])
def test_an_act_on_a_key_that_is_deleted_meanwhile_finds_nothing(
    sign_in, acme, issue, monkeypatch, act
):
    made = issue()
    issue(name="other")
    client = sign_in("engineer")
    look = common.living_key

    def look_then_lose(*args, **kwargs):
        key = look(*args, **kwargs)
        delete_key(acme.enter("engineer"), key.client_id)
        return key

    monkeypatch.setattr(rotation if act == "rotate" else acts, "living_key", look_then_lose)
    answer = client.post(page(act, made.key), {"once": "x" * 32, "grace": "3600"})
    assert answer.status_code == 404


def test_the_only_secret_that_works_is_not_revoked_and_the_page_says_what_to_do(sign_in, key):
    secret = key.secrets.get()
    staged.used(secret, timedelta(minutes=3))
    address = page("revoke", key, secret=secret.public_id)
    client = sign_in("engineer")
    answer = client.post(address)
    assert answer.status_code == 409
    for text in (answer.content.decode(), client.get(address).content.decode()):
        assert "Revoke secret</button>" not in text
        for way in (page("rotate", key), page("disable", key), leak_page(secret)):
            assert way in text
