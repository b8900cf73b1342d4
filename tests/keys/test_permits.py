"""A key's acts that take approvals: asked for, decided by others, done once by the one who asked, exactly as asked."""

import re

import pytest

from environments.access import Refused
from environments.approvals import NeedsApproval
from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Notice, Permit
from environments.services import permits
from environments.services.permits import Over
from keys.models import Secret
from keys.services import keeping, rotating
from keys.services.rotating import Plan
from tests.approving import (
    DAY,
    WHY,
    again,
    approved_by,
    ask,
    asks_for,
    ended,
    engineer,
    events,
    the_request,
)
from tests.cast import sight
from tests.keys.pages.addresses import page
from tests.keys.pages.typed import plan
from tests.pages import forms, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(acme):
    """Where a rotation takes one approval, and a second engineer is there to give it."""
    engineer(acme, "chen")
    asks_for(acme, rotate=1)
    return acme


@pytest.fixture
def asked(production, issue, sign_in):
    """The engineer has asked to rotate billing-api by the page."""
    key = issue(environment="production").key
    client = sign_in("engineer")
    ask(client, client.post(page("rotate", key), plan()))
    return key


def test_the_page_of_the_act_becomes_the_request_and_no_secret_is_made(asked):
    assert Secret.objects.filter(key=asked).count() == 1
    assert the_request().after["both_work_for"] == "1 day"
    assert events()[-1] == Event.APPROVAL_ASKED


def test_who_may_decide_hears_of_it_and_who_asked_hears_the_answer(asked, production):
    assert Notice.objects.get(title__startswith="Engineer asks").user == production["chen"]
    approved_by(production, "chen")
    assert Notice.objects.get(title__startswith="Approved").user == production["engineer"]


def test_approved_it_is_done_once_by_the_one_who_asked(asked, production, sign_in):
    permit = approved_by(production, "chen")
    assert Secret.objects.filter(key=asked).count() == 1, "an approval does nothing"
    answer = again(sign_in("engineer"), permit)
    assert "/secret/" in answer["Location"]
    assert the_request().spent_at
    line = AuditEvent.objects.get(event=Event.ROTATION_STARTED)
    assert line.detail["approval"] == permit.public_id


def test_a_spent_permit_is_worth_nothing(asked, production, sign_in):
    permit = approved_by(production, "chen")
    again(sign_in("engineer"), permit)
    rotating.discard_rotation(production.enter("engineer", "production"), asked.client_id)
    assert again(sign_in("engineer"), permit).status_code == 409
    with pytest.raises(Over, match="done already"):
        permits.approve(production.org("chen"), permit.public_id)


def test_a_form_posted_twice_spends_one_permit_and_shows_the_same_secret(
    asked, production, sign_in
):
    approved_by(production, "chen")
    body = plan()
    client = sign_in("engineer")
    first, second = (client.post(page("rotate", asked), body)["Location"] for _ in range(2))
    assert first == second
    assert Secret.objects.filter(key=asked).count() == 2


def test_another_grace_is_another_change(asked, production, sign_in):
    approved_by(production, "chen")
    answer = sign_in("engineer").post(page("rotate", asked), plan(grace="3600"))
    assert "for something else" in text_of(answer)
    assert Secret.objects.filter(key=asked).count() == 1


def test_another_person_cannot_use_it(asked, production, sign_in):
    approved_by(production, "chen")
    assert sign_in("chen").post(page("rotate", asked), plan()).status_code == 409


def test_nobody_approves_their_own_request(asked, production, sign_in):
    with pytest.raises(Refused):
        permits.approve(production.org("engineer"), the_request().public_id)
    address = f"/o/acme/approvals/{the_request().public_id}/"
    assert "so others decide it" in text_of(sign_in("engineer").get(address))


@pytest.mark.parametrize("name", ["support", "viewer", "owner", "lead", "stranger"])
def test_only_an_engineer_there_decides_about_a_key(asked, production, sign_in, name):
    address = f"/o/acme/approvals/{the_request().public_id}/approve/"
    expected = 403 if name == "owner" else 404
    assert sign_in(name).post(address).status_code == expected
    assert AuditEvent.objects.filter(denied=True).exists() is (name == "owner")


def test_an_ended_request_cannot_be_approved_and_says_so(asked, production, sign_in):
    ended(the_request())
    address = f"/o/acme/approvals/{the_request().public_id}/"
    answer = sign_in("chen").post(f"{address}approve/")
    assert answer.status_code == 409
    assert "It has ended, and nothing was done" in text_of(answer)
    assert "Approve rotation" not in text_of(sign_in("chen").get(address))


def test_an_ended_permit_cannot_be_used(asked, production, sign_in):
    ended(approved_by(production, "chen"))
    assert sign_in("engineer").post(page("rotate", asked), plan()).status_code == 409


def test_a_request_about_a_key_that_was_renamed_since_is_void(asked, production):
    keeping.edit_key(production.enter("engineer", "production"), asked.client_id, name="other")
    with pytest.raises(Over, match="changed since"):
        permits.approve(production.org("chen"), the_request().public_id)


def test_of_two_who_ask_for_the_same_the_second_is_overtaken(production, issue, sign_in):
    key = issue(environment="production").key
    engineer(production, "bo")
    for name in ("engineer", "bo"):
        client = sign_in(name)
        ask(client, client.post(page("rotate", key), plan()))
    first, second = Permit.objects.order_by("pk")
    permits.approve(production.org("chen"), first.public_id)
    again(sign_in("engineer"), first)
    with pytest.raises(Over, match="changed since"):
        permits.approve(production.org("chen"), second.public_id)


def test_rejected_with_a_reason_it_is_over(asked, production, sign_in):
    address = f"/o/acme/approvals/{the_request().public_id}/"
    client = sign_in("chen")
    assert client.post(f"{address}reject/", {"why": ""}).status_code == 422
    client.post(f"{address}reject/", {"why": "Not today"})
    assert the_request().rejected_by == production["chen"]
    assert sign_in("engineer").post(page("rotate", asked), plan()).status_code == 409
    assert "Not today" in Notice.objects.get(title__startswith="Rejected").text


def test_an_approved_one_can_be_rejected_until_it_is_used(asked, production, sign_in):
    engineer(production, "bo")
    permit = approved_by(production, "chen")
    permits.reject(production.org("bo"), permit.public_id, "I know something")
    assert sign_in("engineer").post(page("rotate", asked), plan()).status_code == 409


def test_two_approvals_take_two_people(production, issue, sign_in):
    engineer(production, "bo")
    asks_for(production, rotate=2)
    key = issue(environment="production").key
    client = sign_in("engineer")
    ask(client, client.post(page("rotate", key), plan()))
    permit = approved_by(production, "chen")
    with pytest.raises(Over, match="decided already"):
        permits.approve(production.org("chen"), permit.public_id)
    assert client.post(page("rotate", key), plan()).status_code == 409
    approved_by(production, "bo")
    assert "/secret/" in client.post(page("rotate", key), plan())["Location"]


def test_a_third_is_told_that_it_has_enough(asked, production):
    engineer(production, "bo")
    permit = approved_by(production, "chen")
    with pytest.raises(Over, match="all the approvals"):
        permits.approve(production.org("bo"), permit.public_id)


def test_an_approval_of_somebody_who_lost_the_role_does_not_count(asked, production, sign_in):
    approved_by(production, "chen")
    EnvironmentGrant.objects.filter(member=production.member("chen")).delete()
    client = sign_in("engineer")
    assert client.post(page("rotate", asked), plan()).status_code == 409
    address = f"/o/acme/approvals/{the_request().public_id}/"
    assert "An approval is void" in text_of(client.get(address))


def test_when_the_policy_asks_for_more_meanwhile_that_counts(asked, production, sign_in):
    approved_by(production, "chen")
    asks_for(production, rotate=2)
    assert sign_in("engineer").post(page("rotate", asked), plan()).status_code == 409


def test_a_leak_waits_for_nobody(production, issue, sign_in):
    made = issue(environment="production")
    scope = production.enter("engineer", "production")
    rotating.report_leak(scope, made.key.client_id, made.secret.public_id, "Seen in a ticket")
    rotating.start_rotation(scope, made.key.client_id, Plan(DAY), sight())
    assert Secret.objects.filter(key=made.key).count() == 2


def test_a_prepared_rotation_takes_the_approval_when_its_secret_is_made(production, issue):
    key = issue(environment="production").key
    scope = production.enter("engineer", "production")
    rotating.prepare_rotation(scope, key.client_id, Plan(DAY))
    with pytest.raises(NeedsApproval):
        rotating.start_rotation(scope, key.client_id, Plan(DAY), sight())


def test_what_travels_signed_cannot_be_changed_or_used_by_another(asked, production, sign_in):
    client = sign_in("engineer")
    answer = client.post(page("rotate", asked), plan(grace="3600"))
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    signed = dict(form.values)["asked"]
    changed = re.sub(r"^.", lambda found: "A" if found[0] != "A" else "B", signed[::-1])[::-1]
    assert client.post(form.action, {"asked": changed} | WHY).status_code == 404
    assert sign_in("chen").post(form.action, {"asked": signed} | WHY).status_code == 404
    assert Permit.objects.count() == 1


def test_who_lost_the_role_cannot_ask_any_more(asked, production, sign_in):
    client = sign_in("engineer")
    answer = client.post(page("rotate", asked), plan(grace="3600"))
    EnvironmentGrant.objects.filter(member=production.member("engineer")).delete()
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    assert client.post(form.action, dict(form.values) | WHY).status_code == 403


def test_a_reason_that_holds_a_secret_is_not_stored(production, issue, sign_in):
    made = issue(environment="production")
    client = sign_in("engineer")
    answer = client.post(page("rotate", made.key), plan())
    refused = ask(client, answer, why=made.text)
    assert "looks like a secret" in text_of(refused)
    assert not Permit.objects.exists()
