"""People plan a rotation: what the page tells them first, and what it takes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keys.handover import earlier
from keys.models import Rotation
from keys.services import rotating
from tests.cast import LONG_AGO
from tests.keys import staged
from tests.keys.pages.addresses import page, page_of
from tests.keys.pages.typed import plan
from tests.log import lines


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


def test_a_lead_rotates_the_own_teams_keys_alone(sign_in, acme, issue):
    ours, theirs = issue(team=acme.team).key, issue(name="theirs", team=acme.other_team).key
    rotation = staged.draining(acme.enter("engineer"), theirs)
    client = sign_in("lead")
    assert "/secret/" in client.post(page("rotate", ours), plan())["Location"]
    assert client.get(page_of(rotation)).status_code == 404
