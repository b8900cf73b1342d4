"""Who is here, what each holds, and who may change it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from environments.models import Invitation, Member, User


@pytest.fixture(autouse=True)
def everybody(acme):
    return acme


def test_every_member_sees_the_people_and_only_admins_and_owners_see_roles(acme, sign_in):
    page = reverse("environments:members", args=["acme"])
    plain = sign_in("member").get(page).content.decode()
    assert "engineer@acme.test" in plain
    assert "Engineer</td>" not in plain
    assert "Engineer</td>" in sign_in("admin").get(page).content.decode()


def test_a_stranger_finds_no_page_here(acme, sign_in):
    client = sign_in("stranger")
    for name in ("members", "matrix", "invite", "teams", "new_team", "log", "settings"):
        assert client.get(reverse(f"environments:{name}", args=["acme"])).status_code == 404


def test_a_plain_member_is_told_that_they_may_not(acme, sign_in):
    client = sign_in("member")
    for name in ("invite", "new_team", "log", "settings"):
        assert client.get(reverse(f"environments:{name}", args=["acme"])).status_code == 403


def test_an_admin_removes_a_person_after_confirming(acme, sign_in):
    member = acme.member("support")
    page = reverse("keys:remove_member", args=["acme", member.pk])
    client = sign_in("admin")
    assert b"Remove member" in client.get(page).content
    client.post(page)
    assert not Member.objects.filter(pk=member.pk).exists()


def test_a_person_of_another_organization_is_not_found(acme, sign_in):
    other = Member.objects.get(organization__slug="elsewhere").pk
    client = sign_in("owner")
    for name in ("environments:person", "keys:remove_member"):
        assert client.get(reverse(name, args=["acme", other])).status_code == 404


def test_the_table_of_rights_is_open_to_every_member(acme, sign_in):
    page = sign_in("member").get(reverse("environments:matrix", args=["acme"])).content.decode()
    assert "Rotate secrets" in page
    assert "Team lead" in page


def test_a_one_time_link_is_shown_once_and_can_be_withdrawn(acme, sign_in):
    client = sign_in("admin")
    form = {"emails": "new@acme.test", "role": "member"}
    page = client.post(reverse("environments:invite", args=["acme"]), form).content.decode()
    assert "/join/" in page
    members = client.get(reverse("environments:invitations", args=["acme"])).content.decode()
    assert "new@acme.test" in members
    assert "/join/" not in members
    link = Invitation.objects.get(email="new@acme.test")
    client.post(reverse("environments:withdraw", args=["acme", link.pk]))
    link.refresh_from_db()
    assert link.revoked_at


def test_an_admin_cannot_invite_an_owner_nor_anyone_twice(acme, sign_in):
    client, page = sign_in("admin"), reverse("environments:invite", args=["acme"])
    client.post(page, {"emails": "new@acme.test", "role": "owner"})
    answer = client.post(page, {"emails": "viewer@acme.test", "role": "member"})
    assert b"a member already" in answer.content
    for address in ("", "no address", "a\x00@acme.test", "a" * 300 + "@acme.test"):
        assert client.post(page, {"emails": address, "role": "member"}).status_code == 200
    assert not Invitation.objects.exists()


def test_a_thousand_members_are_read_page_by_page_and_found_by_name(acme, sign_in):
    people = User.objects.bulk_create(
        User(email=f"p{number:03}@acme.test", name=f"Person {number:03}") for number in range(120)
    )
    Member.objects.bulk_create(
        Member(organization=acme.organization, user=each, role="member") for each in people
    )
    client = sign_in("admin")
    seen = []
    for page in (1, 2, 3):
        seen += [
            row["member"].pk
            for row in client.get("/o/acme/members/", {"page": page}).context["rows"]
        ]
    assert len(seen) == len(set(seen)) == acme.organization.members.count()
    found = client.get("/o/acme/members/", {"q": "person 07"}).context["rows"]
    assert len(found) == 10
    assert "No match" in client.get("/o/acme/members/", {"q": "nobody\x00"}).content.decode()


def test_the_list_of_members_costs_the_same_for_many(acme, sign_in, django_assert_max_num_queries):
    client = sign_in("owner")
    with django_assert_max_num_queries(23):
        client.get("/o/acme/members/")


def test_who_manages_people_finds_those_that_need_a_look(acme, sign_in):
    client = sign_in("admin")

    def shown(word):
        page = client.get("/o/acme/members/", {"show": word})
        return {row["member"].user.email.partition("@")[0] for row in page.context["rows"]}

    assert shown("engineers-production") == {"engineer"}
    User.objects.filter(email__startswith="viewer").update(last_login=timezone.now())
    User.objects.filter(email__startswith="lead").update(
        last_login=timezone.now() - timedelta(days=91)
    )
    assert "viewer" not in shown("unseen")
    assert {"lead", "engineer"} <= shown("unseen")
    acme["viewer"].authenticator_set.create(type="totp", data={})
    assert "viewer" not in shown("no-factor")
    assert "engineer" in shown("no-factor")
    assert len(shown("nonsense")) == acme.organization.members.count()


def test_who_may_not_see_roles_is_told_of_nobodys_second_factor(acme, sign_in):
    client = sign_in("member")
    everybody = client.get("/o/acme/members/", {"show": "no-factor"})
    assert len(everybody.context["rows"]) == acme.organization.members.count()
    assert "second factor" not in everybody.content.decode()
