"""People at the page of one rotation: who watches, extends, retires, discards."""

from datetime import timedelta

import pytest

from keys.models import Rotation
from tests.cast import LONG_AGO
from tests.keys import staged
from tests.keys.pages.addresses import leak_page, page, page_of
from tests.keys.pages.typed import plan
from tests.log import lines

ACTS = ["rotate", "extend", "retire", "discard"]


@pytest.mark.parametrize("state", staged.STATES)
@pytest.mark.parametrize("name", ["engineer", "viewer"])
def test_every_state_has_its_page(sign_in, stage, state, name):
    rotation = stage(state)
    client = sign_in(name)
    for address in (
        page_of(rotation),
        page("detail", rotation.key),
        page("detail", rotation.key) + "?tab=secrets",
        "/o/acme/",
        "/o/acme/e/development/",
    ):
        assert client.get(address).status_code == 200, address
    shown = client.get(page_of(rotation)).content.decode()
    assert ("hx-trigger" in shown) is (rotation.closed_at is None)
    acts = [page(act, rotation.key) for act in ("extend", "retire", "discard")]
    if name == "viewer":
        assert not any(act in shown for act in acts)


def test_the_page_is_redrawn_only_once_something_has_changed(sign_in, stage):
    rotation = stage("draining")
    client = sign_in("viewer")
    shown = client.get(page_of(rotation))
    seen = f"?seen={shown.context['seen']}&stage={shown.context['progress'].stage}"
    part = {"HX-Request": "true"}
    assert client.get(page_of(rotation) + seen, headers=part).status_code == 204
    staged.used(rotation.old, timedelta(minutes=1), 1300)
    fresh = client.get(page_of(rotation) + seen, headers=part).content.decode()
    assert "1,300 times" in fresh
    assert "<html" not in fresh
    assert "hx-partial" not in fresh, "the stage is the same, so nothing is announced"


def test_a_closed_rotation_ends_the_polling(sign_in, stage):
    rotation = stage("dead")
    part = sign_in("viewer").get(page_of(rotation), headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "hx-trigger" not in part.content.decode()


def test_a_test_in_progress_is_watched_closely(sign_in, stage):
    assert 'hx-trigger="every 2s"' in sign_in("viewer").get(page_of(stage("proving"))).content.decode()  # fmt: skip


def test_its_maker_can_say_later_that_the_secret_is_stored(sign_in, key):
    client = sign_in("engineer")
    client.post(page("rotate", key), plan())
    rotation = key.rotations.get()
    shown = client.get(page_of(rotation))
    assert "It is stored, test it" in shown.content.decode()
    kept = shown.context["kept"]
    client.post(page("secret", key, handover=kept.public_id), {"stored": "1"})
    rotation.new.refresh_from_db()
    assert rotation.new.collected_at
    client.logout()
    assert "It is stored" not in sign_in("support").get(page_of(rotation)).content.decode()


def test_the_page_of_a_new_secret_says_that_the_old_one_works_on(sign_in, key):
    client = sign_in("engineer")
    said = client.get(client.post(page("rotate", key), plan()).headers["Location"])
    assert said.context["rotation"] == key.rotations.get()
    assert "the old one works on until this one is proven" in said.content.decode()


def test_from_the_test_of_the_new_secret_the_rotation_is_one_step_away(sign_in, key, stage):
    """A look needs no fresh sign-in, as a new plan would."""
    rotation = stage("draining")
    test = page("test_run", key, test=rotation.new.tests.latest("pk").pk)
    for address in (test, page("detail", key)):
        text = sign_in("engineer").get(address).content.decode()
        assert f'href="{page_of(rotation)}">' in text
        assert "Open the rotation" in text


def test_an_engineer_extends_the_grace_and_that_is_logged(sign_in, key, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    answer = client.post(page("extend", key))
    assert answer["Location"] == page_of(rotation)
    ends = rotation.ends_at
    rotation.refresh_from_db()
    assert rotation.ends_at == ends + timedelta(hours=24)
    assert lines("rotation.extended") == 1
    assert "Made longer by Engineer" in client.get(page_of(rotation)).content.decode()


def test_beyond_the_policy_it_says_so(sign_in, key, stage, acme):
    stage("draining")
    acme.organization.environments.update(grace_max=timedelta(hours=30))
    answer = sign_in("engineer").post(page("extend", key))
    assert answer.status_code == 409
    assert "A grace period is 30 h at most here" in answer.content.decode()


def test_an_engineer_retires_early_after_reading_that_it_is_in_use(sign_in, key, stage):
    rotation = stage("held")
    client = sign_in("engineer")
    assert "The old secret is in use" in client.get(page("retire", key)).content.decode()
    for _ in range(2):
        assert client.post(page("retire", key))["Location"] == page_of(rotation)
    rotation.refresh_from_db()
    assert rotation.pressed_at
    assert not rotation.retired_at, "a worker does that"
    assert lines("rotation.pressed") == 1
    shown = client.get(page_of(rotation))
    assert "Engineer asked to end it now" in shown.content.decode()
    assert not list(shown.context["messages"]), "it would still be there once that is done"


def test_an_engineer_discards_and_keeps_the_old(sign_in, key, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "The new secret is used already" in client.get(page("discard", key)).content.decode()
    assert client.post(page("discard", key))["Location"] == page_of(rotation)
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.DISCARDED
    assert lines("rotation.discarded") == 1
    assert "Discarded by Engineer" in client.get(page_of(rotation)).content.decode()
    assert "by Engineer" in client.get(page("rotate", key)).content.decode()
    assert client.post(page("discard", key)).status_code == 409


@pytest.mark.parametrize("state", ["dying", "dead", "leaked"])
@pytest.mark.parametrize("act", ["extend", "retire", "discard"])
def test_what_comes_too_late_is_said_and_changes_nothing(sign_in, key, stage, state, act):
    rotation = stage(state)
    client = sign_in("engineer")
    if act != "extend":
        assert client.get(page(act, key)).status_code == 409
    answer = client.post(page(act, key))
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.content.decode()
    before = rotation.outcome, rotation.retired_at
    rotation.refresh_from_db()
    assert (rotation.outcome, rotation.retired_at) == before


@pytest.mark.parametrize("act", ["extend", "retire"])
def test_what_comes_too_early_is_said(sign_in, key, stage, act):
    stage("begun")
    assert sign_in("engineer").post(page(act, key)).status_code == 409


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", ["support", "viewer"])
def test_who_may_not_rotate_is_refused_and_that_is_logged(sign_in, key, stage, act, name):
    stage("draining")
    client = sign_in(name)
    assert client.post(page(act, key)).status_code == 403
    assert lines("access.denied", denied=True)
    secret = key.secrets.first()
    assert secret
    assert client.post(leak_page(secret), {"why": "x"}).status_code == 403


@pytest.mark.parametrize("name", ["stranger", "owner"])
def test_a_stranger_finds_no_rotation(sign_in, key, stage, name):
    rotation = stage("draining")
    client = sign_in(name)
    assert client.get(page_of(rotation)).status_code == 404
    for act in ACTS:
        assert client.post(page(act, key)).status_code == 404
    assert client.post(leak_page(rotation.old), {"why": "x"}).status_code == 404


@pytest.mark.parametrize("act", ["retire", "discard", "leak"])
def test_what_ends_a_secret_asks_for_a_fresh_sign_in(sign_in, key, stage, act):
    rotation = stage("draining")
    address = leak_page(rotation.old) if act == "leak" else page(act, key)
    assert "/reauthenticate/" in sign_in("engineer", ago=LONG_AGO).get(address)["Location"]


def test_a_rotation_of_another_key_is_not_found(sign_in, issue, stage):
    rotation, other = stage("draining"), issue(name="other").key
    address = page("rotation", other, rotation=rotation.public_id)
    assert sign_in("engineer").get(address).status_code == 404


def test_the_head_of_the_key_says_which_secret_ends_when(sign_in, key, stage):
    rotation = stage("draining")
    shown = sign_in("viewer").get(page("detail", key)).content.decode()
    assert f"New secret …{rotation.new.hint} has no expiry" in shown
    assert f"Old secret …{rotation.old.hint} ends" in shown
    assert f"with …{rotation.old.hint}" in shown, "which of the two was used last"
    secrets = sign_in("viewer").get(page("detail", key) + "?tab=secrets").content.decode()
    assert secrets.count("by its rotation") == 1


def test_former_rotations_are_listed_with_their_receipts(sign_in, key, stage):
    rotation = stage("dead")
    client = sign_in("viewer")
    secrets = client.get(page("detail", key) + "?tab=secrets").content.decode()
    assert page_of(rotation) in secrets
    assert "Proven dead" in secrets
    assert page_of(rotation) in sign_in("engineer").get(page("rotate", key)).content.decode()


def test_a_refusal_that_was_hoped_for_is_no_failure_of_the_key(sign_in, key, stage):
    rotation = stage("dead")
    client = sign_in("viewer")
    run = page("test_run", key, test=rotation.refused_by.pk)
    for address in (run, page("detail", key) + "?tab=tests"):
        assert "Refused, as it should be" in client.get(address).content.decode()
    assert "rotate the secret" not in client.get(run).content.decode()
    assert client.get(page("detail", key)).context["tones"] == ["ok", "ok"]


def test_the_list_names_and_filters_keys_that_rotate(sign_in, issue, stage):
    stage("draining")
    issue(name="calm")
    client = sign_in("viewer")
    found = client.get("/o/acme/e/development/?health=rotating").content.decode()
    assert "2 secrets, old ends in 6 h" in found
    assert "calm" not in found
