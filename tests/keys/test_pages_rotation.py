"""People at the pages of a rotation: who plans, watches, extends, retires, discards, reports a leak."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.models import AuditEvent
from keys.handover import earlier
from keys.models import Key, Rotation, Secret
from keys.services import rotating
from tests.keys import staged
from tests.keys.test_pages_keys import LONG_AGO, page

DAY = "86400"


def lines(event: str) -> int:
    return AuditEvent.objects.filter(event=event).count()


def plan(**more) -> dict[str, object]:
    return {"once": get_random_string(32), "grace": DAY, "why": "", **more}


def page_of(rotation: Rotation) -> str:
    return page("rotation", rotation.key, rotation=rotation.public_id)


@pytest.fixture
def key(issue) -> Key:
    return issue().key


@pytest.fixture
def stage(acme, key):
    return lambda state: staged.STATES[state](acme.enter("engineer"), key)


def test_an_engineer_plans_a_rotation_and_sees_the_new_secret_once(sign_in, key):
    client = sign_in("engineer")
    assert "24 h, the default here" in client.get(page("rotate", key)).content.decode()
    answer = client.post(page("rotate", key), plan(grace="3600", why="yearly"))
    assert "/secret/" in answer["Location"]
    rotation = key.rotations.get()
    assert (rotation.grace, rotation.why) == (timedelta(hours=1), "yearly")
    assert lines("rotation.started") == 1


def test_the_plan_shows_that_the_old_secret_is_in_use(sign_in, key):
    staged.used(key.secrets.get(), timedelta(minutes=3))
    text = sign_in("engineer").get(page("rotate", key)).content.decode()
    assert "used 1,204 times" in text
    assert "from 10.0.0.7" in text
    assert "it is in use" in text


def test_an_own_expiry_of_the_old_secret_is_warned_of(sign_in, key):
    key.secrets.update(expires_at=timezone.now() + timedelta(hours=5))
    text = sign_in("engineer").get(page("rotate", key)).content.decode()
    assert "expires before its grace period would end" in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"grace": "custom"}, "Say how many hours."),
        ({"grace": "custom", "hours": "169"}, "A grace period is 7 days at most here."),
        ({"grace": "custom", "hours": "0"}, "greater than or equal to 1"),
        ({"grace": "custom", "hours": "many"}, "whole number"),
        ({"grace": "99999999"}, "Choose one of these."),
        ({"grace": ""}, "required"),
        ({"why": "lk_dev_abc"}, "looks like a secret"),
    ],
)
def test_a_plan_that_cannot_be_is_answered_at_its_field(sign_in, key, typed, said):
    answer = sign_in("engineer").post(page("rotate", key), plan(**typed))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not key.rotations.exists()


def test_another_length_within_the_policy_is_taken(sign_in, key):
    sign_in("engineer").post(page("rotate", key), plan(grace="custom", hours="36"))
    assert key.rotations.get().grace == timedelta(hours=36)


def test_a_policy_that_was_tightened_meanwhile_is_said_at_the_field(sign_in, key, monkeypatch):
    def refuse(*_args, **_more):
        raise rotating.GraceTooLong

    monkeypatch.setattr(rotating, "start_rotation", refuse)
    answer = sign_in("engineer").post(page("rotate", key), plan())
    assert answer.status_code == 422
    assert "A grace period is 7 days at most here." in answer.content.decode()


def test_the_same_form_sent_twice_makes_one_secret(sign_in, key, acme):
    client, form = sign_in("engineer"), plan()
    first = client.post(page("rotate", key), form)
    again = client.post(page("rotate", key), form)
    assert first["Location"] == again["Location"]
    assert key.secrets.count() == 2
    assert earlier(acme["engineer"], str(form["once"]))


def test_a_second_rotation_is_said_to_be_open(sign_in, key, stage):
    stage("draining")
    answer = sign_in("engineer").post(page("rotate", key), plan())
    assert answer.status_code == 409
    assert "A rotation is open already" in answer.content.decode()
    assert key.secrets.count() == 2


def test_two_secrets_without_a_rotation_make_no_third(sign_in, key, stage):
    rotation = stage("draining")
    Rotation.objects.filter(pk=rotation.pk).update(
        closed_at=timezone.now(), outcome="discarded", next_at=None
    )
    client = sign_in("engineer")
    assert "Two secrets live already" in client.get(page("rotate", key)).content.decode()
    assert client.post(page("rotate", key), plan()).status_code == 409


def test_an_open_rotation_is_where_the_address_leads(sign_in, key, stage):
    rotation = stage("draining")
    # Long after the sign-in, too: watching asks for nothing.
    answer = sign_in("engineer", ago=LONG_AGO).get(page("rotate", key))
    assert answer["Location"] == page_of(rotation)


def test_a_prepared_rotation_is_taken_up(sign_in, key, stage):
    rotation = stage("prepared")
    client = sign_in("engineer")
    assert "Make the new secret" in client.get(page_of(rotation)).content.decode()
    assert "This rotation was prepared" in client.get(page("rotate", key)).content.decode()
    assert "/secret/" in client.post(page("rotate", key), plan())["Location"]
    rotation.refresh_from_db()
    assert rotation.new


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


def test_an_engineer_extends_the_grace_and_that_is_logged(sign_in, key, stage):
    rotation = stage("draining")
    answer = sign_in("engineer").post(page("extend", key))
    assert answer["Location"] == page_of(rotation)
    ends = rotation.ends_at
    rotation.refresh_from_db()
    assert rotation.ends_at == ends + timedelta(hours=24)
    assert lines("rotation.extended") == 1


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


def test_an_engineer_discards_and_keeps_the_old(sign_in, key, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "The new secret is used already" in client.get(page("discard", key)).content.decode()
    assert client.post(page("discard", key))["Location"] == page_of(rotation)
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.DISCARDED
    assert lines("rotation.discarded") == 1
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


def leak_page(secret: Secret) -> str:
    return page("leak", secret.key, secret=secret.public_id)


def test_a_leak_ends_the_secret_at_once_and_leads_to_the_next(sign_in, key):
    secret = key.secrets.get()
    client = sign_in("engineer")
    shown = client.get(leak_page(secret)).content.decode()
    assert "left without a secret" in shown
    assert "is not recorded" in shown
    assert client.post(leak_page(secret), {"why": ""}).status_code == 422
    answer = client.post(leak_page(secret), {"why": "in a public repository"})
    assert answer["Location"] == page("rotate", key)
    secret.refresh_from_db()
    assert secret.revoked_at
    assert lines("secret.leaked") == 1
    shown = client.get(page("rotate", key)).content.decode()
    assert "The key has no working secret" in shown
    assert "Grace period" not in shown
    form = {"once": get_random_string(32), "why": ""}
    assert "/secret/" in client.post(page("rotate", key), form)["Location"]
    assert key.rotations.get().why == "in a public repository"


def test_a_leak_while_rotating_skips_the_grace(sign_in, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "other secret works on" in client.get(leak_page(rotation.old)).content.decode()
    assert client.post(leak_page(rotation.old), {"why": "seen"})["Location"] == page_of(rotation)
    rotation.refresh_from_db()
    assert rotation.retired_at


def test_a_leaked_new_secret_is_discarded(sign_in, stage):
    rotation = stage("draining")
    client = sign_in("engineer")
    assert "new secret of a rotation" in client.get(leak_page(rotation.new)).content.decode()
    client.post(leak_page(rotation.new), {"why": "seen"})
    rotation.refresh_from_db()
    assert rotation.outcome == Rotation.Outcome.DISCARDED


def test_a_secret_that_has_ended_cannot_leak_again(sign_in, key, stage):
    rotation = stage("dead")
    client = sign_in("engineer")
    for answer in (
        client.get(leak_page(rotation.old)),
        client.post(leak_page(rotation.old), {"why": "x"}),
    ):
        assert answer.status_code == 409
        assert "has ended already" in answer.content.decode()
    assert client.get(page("leak", key, secret="sec_none")).status_code == 404


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


ACTS = ["rotate", "extend", "retire", "discard"]


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", ["support", "viewer"])
def test_who_may_not_rotate_is_refused_and_that_is_logged(sign_in, key, stage, act, name):
    stage("draining")
    client = sign_in(name)
    assert client.post(page(act, key)).status_code == 403
    assert lines("access.denied")
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


def test_a_lead_rotates_the_own_teams_keys_alone(sign_in, acme, issue):
    ours, theirs = issue(team=acme.team).key, issue(name="theirs", team=acme.other_team).key
    rotation = staged.draining(acme.enter("engineer"), theirs)
    client = sign_in("lead")
    assert "/secret/" in client.post(page("rotate", ours), plan())["Location"]
    assert client.get(page_of(rotation)).status_code == 404


@pytest.mark.parametrize("act", ["retire", "discard", "leak"])
def test_what_ends_a_secret_asks_for_a_fresh_sign_in(sign_in, key, stage, act):
    rotation = stage("draining")
    address = leak_page(rotation.old) if act == "leak" else page(act, key)
    assert "/reauthenticate/" in sign_in("engineer", ago=LONG_AGO).get(address)["Location"]


def test_a_rotation_of_another_key_is_not_found(sign_in, issue, stage):
    rotation, other = stage("draining"), issue(name="other").key
    address = page("rotation", other, rotation=rotation.public_id)
    assert sign_in("engineer").get(address).status_code == 404


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
