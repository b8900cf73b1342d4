"""The list for a new installation: from facts, for owners, put away per organization and person."""

from django.urls import reverse
from django.utils import timezone

from environments.models import EnvironmentGrant, Heartbeat, Member
from keys.models import Key

OVERVIEW = "/o/acme/"


def steps(client):
    return {step.name: step.done for step in client.get(OVERVIEW).context["steps"]}


def test_an_owner_sees_what_is_left_and_each_fact_ticks_its_line(acme, sign_in, issue):
    client = sign_in("owner")
    EnvironmentGrant.objects.create(
        member=acme.member("owner"), environment=acme.environment("development"), role="engineer"
    )
    assert not any(steps(client).values())
    Heartbeat.objects.create(name="worker", at=timezone.now())
    key = issue().key
    Member.objects.filter(user=acme["admin"]).update(role="owner")
    assert steps(client) == {
        "Worker alive": True,
        "Second owner": True,
        "First key": True,
        "First green test": False,
    }
    Key.objects.filter(pk=key.pk).update(last_outcome="works")
    assert steps(client) == {}


def test_nobody_is_told_to_do_what_their_role_forbids(sign_in):
    for name in ("admin", "engineer", "viewer", "lead"):
        assert steps(sign_in(name)) == {}
    page = sign_in("owner").get(OVERVIEW)  # holds no environment role in this cast
    assert {step.href for step in page.context["steps"] if step.name == "First key"} == {""}


def test_it_is_put_away_for_one_organization_and_one_person(acme, sign_in):
    client = sign_in("owner")
    put_away = reverse("put_away_first_steps", args=["acme"])
    assert client.get(put_away).status_code == 405
    assert client.post(put_away).headers["Location"] == OVERVIEW
    assert steps(client) == {}
    Member.objects.filter(user=acme["admin"]).update(role="owner")
    assert steps(sign_in("admin"))["Second owner"] is True


def test_others_cannot_put_it_away(sign_in):
    put_away = reverse("put_away_first_steps", args=["acme"])
    assert sign_in("admin").post(put_away).status_code == 403
    assert sign_in("stranger").post(put_away).status_code == 404
