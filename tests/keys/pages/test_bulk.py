"""The pages of bulk work: names are confirmed before anything happens, and the run is watched."""

import pytest
from django.urls import reverse

from environments.events import Event
from environments.models import AuditEvent
from keys.models import Rotation

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]


def new(acme) -> str:
    return reverse("keys:bulk_new", args=[acme.organization.slug])


def test_an_engineer_confirms_names_and_sees_the_run(acme, six_keys, sign_in):
    browser = sign_in("engineer")
    asked = {"act": "test", "key": [key.client_id for key in six_keys]}
    page = browser.get(new(acme), asked)
    assert page.status_code == 200
    for key in six_keys:
        assert key.name in page.text
    once_ = page.context["form"]["form_once"].initial
    done = browser.post(new(acme), asked | {"form_once": once_}, follow=True)
    assert "Test of 6 keys" in done.text
    assert "6 waiting" in done.text


def test_all_that_match_are_listed_by_name_before_anything_happens(acme, six_keys, sign_in):
    asked = {"act": "test", "all": "1", "q": "key-03", "expect": "1"}
    page = sign_in("engineer").get(new(acme), asked)
    assert [each.key.name for each in page.context["eligible"]] == ["key-03"]
    asked["expect"] = "9"
    page = sign_in("engineer").get(new(acme), asked)
    assert "has changed meanwhile" in page.text


def test_production_is_typed_out(acme, issue, sign_in):
    key = issue(environment="production", used_by="x").key
    browser = sign_in("engineer")
    asked = {"act": "rotate", "key": key.client_id}
    page = browser.get(new(acme), asked)
    form = {"form_once": page.context["form"]["form_once"].initial, "grace": "24"}
    refused = browser.post(new(acme), asked | form)
    assert refused.status_code == 422
    assert not Rotation.objects.exists()
    browser.post(new(acme), asked | form | {"typed": "production"})
    assert Rotation.objects.count() == 1


def test_rotating_many_asks_for_a_fresh_sign_in(acme, six_keys, sign_in):
    asked = {"act": "rotate", "key": six_keys[0].client_id}
    page = sign_in("engineer", ago=3600).get(new(acme), asked)
    assert page.status_code == 302
    assert "/reauthenticate/" in page["Location"]


def test_a_viewer_is_refused_and_a_stranger_finds_nothing(acme, six_keys, sign_in):
    asked = {"act": "test", "key": six_keys[0].client_id}
    assert sign_in("viewer").get(new(acme), asked).status_code == 403
    assert sign_in("stranger").get(new(acme), asked).status_code == 404


def test_a_long_run_comes_page_by_page_and_keeps_its_page_while_it_is_watched(
    acme, issue, start_bulk, sign_in
):
    batch = start_bulk([issue(name=f"key-{number:02}").key for number in range(60)])
    page = reverse("keys:batch", args=[acme.organization.slug, batch.public_id])
    first = sign_in("engineer").get(page)
    assert len(first.context["rows"]) == 50
    second = sign_in("engineer").get(page, {"page": 2})
    assert len(second.context["rows"]) == 10
    assert f'hx-get="{page}?page=2"' in second.text
    assert "60 waiting" in second.text


def test_nobody_is_offered_what_they_may_not_do(acme, six_keys, sign_in):
    everywhere = reverse("keys:everywhere", args=[acme.organization.slug])
    here = reverse("keys:environment", args=[acme.organization.slug, "development"])
    for page in (everywhere, here):
        assert "Set expiry…" in sign_in("engineer").get(page).text
        seen = sign_in("support").get(page).text
        assert 'value="test"' in seen
        assert "Set expiry…" not in seen
        seen = sign_in("viewer").get(page).text
        assert 'name="key"' not in seen
        assert "CSV of 6 keys" in seen


def test_a_batch_is_seen_by_who_asked_for_it(acme, six_keys, start_bulk, sign_in):
    batch = start_bulk(six_keys)
    page = reverse("keys:batch", args=[acme.organization.slug, batch.public_id])
    assert sign_in("engineer").get(page).status_code == 200
    assert sign_in("owner").get(page).status_code == 404
    assert sign_in("stranger").get(page).status_code == 404
    for act in ("cancel", "retry", "go-on"):
        assert sign_in("viewer").post(f"{page}{act}/").status_code == 404


def test_a_list_is_taken_along_as_csv_with_formulas_made_harmless(acme, issue, sign_in):
    issue(name="=1+1")
    place = reverse("keys:export", args=[acme.organization.slug])
    answer = sign_in("engineer").get(place)
    text = b"".join(answer.streaming_content).decode()
    assert "'=1+1" in text
    assert "lk_dev" not in text
    assert AuditEvent.objects.filter(event=Event.KEYS_EXPORTED).count() == 1
    assert sign_in("stranger").get(place).status_code == 404


def test_prepared_rotations_wait_for_a_keeper_and_the_totals_add_up(acme, six_keys, sign_in):
    browser = sign_in("engineer")
    asked = {"act": "rotate", "key": [key.client_id for key in six_keys]}
    once = browser.get(new(acme), asked).context["form"]["form_once"].initial
    done = browser.post(new(acme), asked | {"form_once": once, "grace": "24"}, follow=True)
    assert "Rotation of 6 keys" in done.text
    page = done.redirect_chain[-1][0]
    for rotation in Rotation.objects.order_by("pk")[:2]:
        rotation.new = rotation.old
        rotation.save()
    seen = browser.get(page)
    assert {label: count for count, label in seen.context["parts"] if count} == {
        "Waiting for a keeper": 4,
        "Running": 2,
    }
    assert seen.text.count("Make the new secret") == 4
    assert seen.text.count("Under way") == 2
