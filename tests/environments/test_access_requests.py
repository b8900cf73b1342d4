"""A member without the role asks for it; an owner or admin grants or declines it."""

import pytest

from environments import inbox
from environments.access import Refused
from environments.events import Event
from environments.models import AccessRequest, AuditEvent, Notice
from environments.policy import EnvironmentRole
from environments.services.access_requests import (
    HeldAlready,
    Over,
    ask_access,
    decline_access,
    grant_access,
)
from environments.services.roles import set_environment_role
from tests.approving import approved_by, asks_for, owner
from tests.cast import LONG_AGO
from tests.pages import forms, text_of

pytestmark = pytest.mark.django_db
ENGINEER, SUPPORT = EnvironmentRole.ENGINEER, EnvironmentRole.SUPPORT
PAGE = "/o/acme/approvals/access/"


def asks(acme, name="member", role=ENGINEER, slug="staging") -> AccessRequest:
    return ask_access(acme.org(name), environment=slug, role=role, reason="I am on call")


def test_the_refusal_leads_to_the_request_filled_in(acme, sign_in):
    client = sign_in("viewer")
    refused = text_of(client.get("/o/acme/e/development/keys/new/"))
    address = f"{PAGE}?environment=development&amp;role=engineer"
    assert address in refused
    shown = client.get(address.replace("&amp;", "&"))
    (form,) = [each for each in forms(shown.content) if "role" in each.names]
    assert dict(form.values)["role"] == "engineer"
    assert client.post(PAGE, dict(form.values) | {"why": "On call"}).status_code == 302
    assert AccessRequest.objects.get().environment.slug == "development"


def test_owners_and_admins_hear_of_it(acme):
    asks(acme)
    told = Notice.objects.filter(title="Member asks to be engineer in Staging")
    assert {each.user for each in told} == {acme["owner"], acme["admin"]}
    assert AuditEvent.objects.get(event=Event.ACCESS_ASKED).detail["reason"] == "I am on call"


def test_an_admin_grants_it_and_the_person_is_told(acme, sign_in):
    asked = asks(acme)
    sign_in("admin").post(f"{PAGE}{asked.pk}/grant/")
    assert acme.enter("member", "staging").role == ENGINEER
    assert Notice.objects.get(user=acme["member"]).title == "You are engineer in Staging now"
    assert AuditEvent.objects.get(event=Event.ACCESS_GRANTED).label == "member@acme.test"


def test_granting_takes_a_fresh_sign_in(acme, sign_in):
    asked = asks(acme)
    client = sign_in("admin", ago=LONG_AGO)
    assert "/reauthenticate/" in client.post(f"{PAGE}{asked.pk}/grant/")["Location"]


def test_declined_with_a_reason(acme, sign_in):
    asked = asks(acme)
    client = sign_in("admin")
    assert client.post(f"{PAGE}{asked.pk}/decline/", {"why": ""}).status_code == 422
    client.post(f"{PAGE}{asked.pk}/decline/", {"why": "Ask your lead first"})
    assert "Ask your lead first" in text_of(sign_in("member").get(f"{PAGE}{asked.pk}/"))
    with pytest.raises(Over):
        grant_access(acme.org("owner"), asked.pk)


@pytest.mark.parametrize("name", ["member", "engineer", "lead"])
def test_who_gives_no_roles_grants_none(acme, sign_in, name):
    asked = asks(acme)
    assert sign_in(name).post(f"{PAGE}{asked.pk}/grant/").status_code == 403
    assert not acme.member("member").environment_grants.exists()


def test_an_admin_grants_neither_the_own_request_nor_an_owners(acme):
    for name in ("admin", "owner"):
        asked = asks(acme, name)
        with pytest.raises(Refused):
            grant_access(acme.org("admin"), asked.pk)
        with pytest.raises(Refused):
            decline_access(acme.org("admin"), asked.pk, "No")


def test_an_owner_does_not_grant_the_own_request(acme):
    asked = asks(acme, "owner")
    with pytest.raises(Refused):
        grant_access(acme.org("owner"), asked.pk)


def test_what_is_held_already_is_not_asked_for(acme):
    with pytest.raises(HeldAlready):
        asks(acme, "engineer", SUPPORT)


def test_a_request_that_is_granted_late_takes_no_greater_role_away(acme, sign_in):
    asked = asks(acme, role=SUPPORT)
    set_environment_role(acme.org("owner"), acme.member("member").pk, "staging", ENGINEER)
    answer = sign_in("admin").post(f"{PAGE}{asked.pk}/grant/")
    assert "granting it would take that away" in text_of(answer)
    assert acme.enter("member", "staging").role == ENGINEER
    assert not AuditEvent.objects.filter(event=Event.ACCESS_GRANTED).exists()
    assert list(AccessRequest.objects.open()) == [asked]


def test_asked_again_it_is_one_request_and_another_wish_replaces_it(acme):
    first = asks(acme)
    assert asks(acme) == first
    second = asks(acme, role=SUPPORT)
    assert list(AccessRequest.objects.open()) == [second]


def test_it_stands_in_the_inbox_of_who_may_grant_it(acme, sign_in):
    asks(acme)
    waiting = {name for name in acme.people if name != "stranger" and inbox.access_to_decide(acme.org(name))}  # fmt: skip
    assert waiting == {"owner", "admin"}
    assert "Roles asked for" in text_of(sign_in("admin").get("/o/acme/approvals/"))


def test_only_the_person_withdraws_it(acme, sign_in):
    asked = asks(acme)
    assert sign_in("engineer").post(f"{PAGE}{asked.pk}/withdraw/").status_code == 404
    assert sign_in("admin").post(f"{PAGE}{asked.pk}/withdraw/").status_code == 403
    sign_in("member").post(f"{PAGE}{asked.pk}/withdraw/")
    assert not AccessRequest.objects.open().exists()


def test_where_roles_take_an_approval_granting_one_does_too(acme, sign_in):
    owner(acme, "olga")
    asks_for(acme, "staging", roles=1)
    asked = asks(acme)
    client = sign_in("admin")
    answer = client.post(f"{PAGE}{asked.pk}/grant/")
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    client.post(form.action, dict(form.values) | {"why": "On call"})
    assert not acme.member("member").environment_grants.exists()
    approved_by(acme, "olga")
    client.post(f"{PAGE}{asked.pk}/grant/")
    assert acme.enter("member", "staging").role == ENGINEER


def test_a_stranger_finds_no_request(acme, sign_in):
    asked = asks(acme)
    assert sign_in("stranger").get(f"{PAGE}{asked.pk}/").status_code == 404
