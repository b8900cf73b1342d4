"""A person leaves: what they held ends at once, what they know is listed, and one step leads to rotating it."""

import pytest
from django.urls import reverse

from environments.models import AuditEvent, Member, Notice, Session
from environments.origin import NOWHERE
from environments.policy import EnvironmentRole, OrganizationRole
from environments.services import roles
from environments.services.organizations import create_organization
from keys.services import leaving
from keys.services.keeping import delete_key


def page_of(user) -> str:
    return reverse("keys:known_secrets", args=["acme", user.pk])


@pytest.fixture
def engineer_leaves(acme, issue, sign_in):
    """The engineer, who has seen the secrets of two keys, is removed by the owner, who is engineer in development."""
    roles.set_environment_role(
        acme.org("admin"), acme.member("support").pk, "development", EnvironmentRole.ENGINEER
    )
    owner = acme.org("owner")
    roles.set_environment_role(
        owner, acme.member("owner").pk, "development", EnvironmentRole.ENGINEER
    )
    issue(name="billing-api")
    issue(name="ledger", environment="production")
    member = acme.member("engineer")
    return sign_in("owner").post(reverse("keys:remove_member", args=["acme", member.pk]))


def test_after_a_removal_the_list_of_what_they_know_opens(acme, sign_in, engineer_leaves):
    assert engineer_leaves.headers["Location"] == page_of(acme["engineer"])
    page = sign_in("owner").get(page_of(acme["engineer"]))
    said = page.content.decode()
    assert "has seen 2 secrets that still buy tokens" in said
    assert [secret.key.name for secret in page.context["rows"]] == ["billing-api"]
    assert "1 in Production" in said
    assert "ledger" not in said


def test_keepers_of_each_key_are_told_and_the_person_who_left_is_not(acme, engineer_leaves):
    told = Notice.objects.filter(title__contains="has left")
    assert {(notice.user.email, notice.title) for notice in told} >= {
        ("support@acme.test", "Engineer has left and knows the secret of billing-api"),
        ("owner@acme.test", "Engineer has left and knows the secret of billing-api"),
    }
    assert not told.filter(user=acme["engineer"]).exists()


def test_one_step_leads_to_a_bulk_rotation_of_what_the_reader_sees(acme, sign_in, engineer_leaves):
    client = sign_in("owner")
    ids = client.get(page_of(acme["engineer"])).context["ids"]
    bulk = client.get(
        reverse("keys:bulk_new", args=["acme"]), {"act": "rotate", "key": ids}
    ).content.decode()
    assert "billing-api" in bulk
    assert "Prepare 1 rotation" in bulk


def test_what_ended_meanwhile_is_no_longer_listed(acme, sign_in, issue):
    issued = issue()
    issue(name="other")
    assert leaving.known_secrets(acme.org("owner"), acme["engineer"]).count() == 2
    delete_key(acme.enter("engineer"), issued.key.client_id)
    assert leaving.known_secrets(acme.org("owner"), acme["engineer"]).count() == 1


def test_the_question_before_says_how_many_keys_and_how_many_in_production(acme, sign_in, issue):
    issue()
    issue(name="ledger", environment="production")
    page = reverse("keys:remove_member", args=["acme", acme.member("engineer").pk])
    said = sign_in("admin").get(page).content.decode()
    assert "knows live secrets of 2 keys, 1 of them in production" in said


def test_somebody_who_never_saw_one_leads_back_to_the_members(acme, sign_in):
    member = acme.member("viewer")
    answer = sign_in("admin").post(reverse("keys:remove_member", args=["acme", member.pk]))
    assert answer.headers["Location"] == "/o/acme/members/"
    assert sign_in("admin").get(page_of(acme["viewer"])).status_code == 404


@pytest.mark.parametrize("name", ["member", "engineer", "lead"])
def test_who_may_not_remove_sees_no_list(acme, sign_in, issue, name):
    issue()
    client = sign_in(name)
    page = reverse("keys:remove_member", args=["acme", acme.member("viewer").pk])
    assert client.get(page_of(acme["engineer"])).status_code == 403
    assert client.get(page).status_code == client.post(page).status_code == 403
    assert Member.objects.filter(user=acme["viewer"]).exists()


def test_a_stranger_and_a_persons_other_organization_show_nothing(acme, sign_in, issue):
    issue()
    assert sign_in("stranger").get(page_of(acme["engineer"])).status_code == 404
    here = reverse("keys:known_secrets", args=["elsewhere", acme["engineer"].pk])
    assert sign_in("stranger").get(here).status_code == 404


def test_an_admin_removes_no_owner_and_the_last_owner_stays(acme, sign_in):
    roles.set_organization_role(acme.org("owner"), acme.member("lead").pk, OrganizationRole.OWNER)
    page = reverse("keys:remove_member", args=["acme", acme.member("lead").pk])
    assert sign_in("admin").post(page).status_code == 403
    assert AuditEvent.objects.filter(denied=True).exists()
    roles.remove_member(acme.org("owner"), acme.member("lead").pk)
    last = reverse("keys:remove_member", args=["acme", acme.member("owner").pk])
    sign_in("owner").post(last)
    assert Member.objects.filter(user=acme["owner"]).exists()


def test_who_belongs_nowhere_any_more_is_signed_out_everywhere(acme, sign_in):
    sign_in("viewer")
    assert Session.objects.filter(user=acme["viewer"]).exists()
    leaving.remove_member(acme.org("owner"), acme.member("viewer").pk)
    assert not Session.objects.filter(user=acme["viewer"]).exists()


def test_who_belongs_elsewhere_stays_signed_in_and_finds_nothing_here(acme, sign_in):
    create_organization(acme["viewer"], name="Own", slug="own", timezone="UTC", origin=NOWHERE)
    client = sign_in("viewer")
    leaving.remove_member(acme.org("owner"), acme.member("viewer").pk)
    assert client.get("/o/acme/").status_code == 404
    assert client.get("/o/own/").status_code == 200
