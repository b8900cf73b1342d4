"""How people come in: the first by the set-up link, every other one by a one-time link."""

import pytest
from django.urls import reverse

from environments.models import AuditEvent, Invitation, Member, Organization, User
from environments.policy import OrganizationRole
from environments.services.invitations import Welcome, invite, make_setup_link

PASSWORD = "correct horse battery"


@pytest.mark.django_db
def test_the_first_person_sets_up_and_makes_an_organization(client):
    token = make_setup_link()
    assert client.get(f"/setup/{token}/").headers["Location"] == "/setup/"
    assert b"Create account" in client.get("/setup/").content
    form = {"name": "Ana", "email": "Ana@Acme.test", "password": PASSWORD}
    answer = client.post("/setup/", form)
    assert answer.headers["Location"] == reverse("environments:new_organization")
    assert client.get("/o/new/").status_code == 200
    answer = client.post("/o/new/", {"name": "Acme Ltd.", "timezone": "Europe/Berlin"})
    assert answer.headers["Location"] == "/o/acme-ltd/"
    member = Member.objects.get(user__email="ana@acme.test")
    assert member.role == "owner"
    # The sign-in counts as fresh: the next act asks for no password.
    assert client.get(reverse("environments:invite", args=["acme-ltd"])).status_code == 200


@pytest.mark.django_db
def test_without_the_link_or_with_another_nobody_sets_up(client):
    make_setup_link()
    assert client.get("/setup/").status_code == 404
    client.get("/setup/another/")
    form = {"name": "Eve", "email": "eve@acme.test", "password": PASSWORD}
    assert client.post("/setup/", form).status_code == 404
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_weak_password_is_said_at_its_field_and_spends_nothing(client):
    client.get(f"/setup/{make_setup_link()}/")
    for password in ("", "short", "password1234", "ana@acme.test"):
        form = {"name": "Ana", "email": "ana@acme.test", "password": password}
        assert client.post("/setup/", form).status_code == 200
    assert not User.objects.exists()
    assert Invitation.objects.get().used_at is None


def test_once_somebody_is_there_the_set_up_page_is_closed(acme, client):
    page = client.get("/setup/")
    assert page.status_code == 404
    assert b"set up already" in page.content


def test_nobody_signs_up_by_themselves(acme, client):
    client.post("/accounts/signup/", {"email": "eve@acme.test", "password1": PASSWORD})
    assert not User.objects.filter(email="eve@acme.test").exists()


@pytest.fixture
def link(acme):
    def make(email, role=OrganizationRole.MEMBER):
        return f"/join/{invite(acme.org('owner'), email=email, welcome=Welcome(role))[1]}/"

    return make


def test_a_new_person_joins_with_the_role_of_the_link(acme, client, link):
    page = link("new@acme.test", OrganizationRole.ADMIN)
    assert b"new@acme.test" in client.get(page).content
    answer = client.post(page, {"name": "New", "password": PASSWORD})
    assert answer.headers["Location"] == "/o/acme/"
    assert Member.objects.get(user__email="new@acme.test").role == "admin"
    assert AuditEvent.objects.filter(event="sign-in.succeeded").count() == 1
    client.logout()
    assert client.get(page).status_code == 404


def test_a_person_who_has_an_account_signs_in_first_and_then_joins(acme, client, link):
    page = link("stranger@acme.test")
    assert b"Sign in to join" in client.get(page).content
    client.post(page, {"name": "X", "password": "another password"})
    assert User.objects.get(email="stranger@acme.test").check_password(PASSWORD)
    client.post(
        reverse("account_login"),
        {"login": "stranger@acme.test", "password": PASSWORD, "next": page},
    )
    assert client.post(page).headers["Location"] == "/o/acme/"
    assert Member.objects.filter(organization=acme.organization, user=acme["stranger"]).exists()


def test_a_link_for_somebody_else_is_not_spent(acme, sign_in, link):
    page = link("new@acme.test")
    assert b"somebody else" in sign_in("stranger").post(page).content
    assert Invitation.objects.get().used_at is None


def test_a_link_that_was_never_made_leads_nowhere(acme, client):
    for token in ("x", "é", "%00", make_setup_link() or "spent"):
        assert client.get(f"/join/{token}/").status_code == 404


def test_an_address_that_is_taken_or_unreadable_is_said_at_its_field(acme, sign_in):
    client = sign_in("member")
    for form in (
        {"name": "Acme", "slug": "acme"},
        {"name": "New"},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x00"},
        {"name": "日本"},
        {"name": "Other", "timezone": "Nowhere/Else"},
    ):
        answer = client.post("/o/new/", {"timezone": "UTC", **form})
        assert answer.status_code == 200, form
    assert Organization.objects.count() == 2
