"""Several people are invited at once, with all that they shall hold; the letters go, or the page says why not."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone

from dashboard.given import mailer
from environments.models import AuditEvent, EnvironmentGrant, Invitation, Member, TeamMember
from environments.origin import NOWHERE
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.services import invitations, roles
from environments.services.invitations import LinkEnded, Welcome

INVITE = "/o/acme/members/invite/"
LISTED = "/o/acme/members/links/"
ALL_OF_IT = {
    "role": "member",
    "in-development": "engineer",
    "in-staging": "viewer",
    "in-production": "none",
    "team": "payments",
    "team_role": "lead",
    "note": "Welcome to the team.",
}
NO_PLACE = {"in-development": "none", "in-staging": "none", "in-production": "none"}


def link_in(page) -> str:
    return "/join/" + page.content.decode().partition("/join/")[2].partition("/")[0] + "/"


def test_who_joins_holds_at_once_what_the_link_gave(acme, sign_in, client):
    made = sign_in("admin").post(INVITE, {"emails": "new@acme.test", **ALL_OF_IT})
    page = link_in(made)
    client.logout()
    shown = client.get(page).content.decode()
    assert "engineer in Development, viewer in Staging" in shown
    assert "lead of the team Payments" in shown
    assert "Welcome to the team." in shown
    client.post(page, {"name": "New", "password": "correct horse battery"})
    member = Member.objects.get(user__email="new@acme.test")
    held = EnvironmentGrant.objects.filter(member=member)
    assert {grant.environment.slug: grant.role for grant in held} == {
        "development": "engineer",
        "staging": "viewer",
    }
    assert TeamMember.objects.get(member=member).role == "lead"
    line = AuditEvent.objects.get(event="member.joined")
    assert line.detail["given"]["environment_roles"] == {
        "development": "engineer",
        "staging": "viewer",
    }
    assert line.detail["given"]["team"] == "payments"


def test_several_addresses_get_a_link_each_and_each_address_only_one(acme, sign_in):
    several = "a@acme.test, b@acme.test;\n A@acme.test  c@acme.test"
    page = sign_in("owner").post(INVITE, {"emails": several, "role": "member"})
    assert page.content.decode().count("/join/") >= 3
    asked = Invitation.objects.order_by("email").values_list("email", flat=True)
    assert list(asked) == ["a@acme.test", "b@acme.test", "c@acme.test"]


def test_the_sentence_on_the_page_of_a_link_ends_without_a_gap(acme, sign_in, client):
    page = link_in(sign_in("admin").post(INVITE, {"emails": "new@acme.test", **ALL_OF_IT}))
    client.logout()
    assert "lead of the team Payments." in client.get(page).content.decode()
    plain = sign_in("admin").post(INVITE, {"emails": "b@acme.test", "role": "member"} | NO_PLACE)
    client.logout()
    assert " as member.\n Make your account" in client.get(link_in(plain)).content.decode()


def test_one_wrong_address_and_nobody_is_invited(acme, sign_in):
    client = sign_in("owner")
    for wrong, said in (
        ("a@acme.test, b@", "b@ is no e-mail address"),
        ("a@acme.test viewer@acme.test", "viewer@acme.test is a member already"),
        (" ".join(f"p{n}@acme.test" for n in range(51)), "At most 50"),
        ("\x00@acme.test", "One of these is no e-mail address"),
    ):
        page = client.post(INVITE, {"emails": wrong, "role": "member"})
        assert said in page.content.decode()
    assert not Invitation.objects.exists()


def test_an_admin_gives_no_role_above_their_own_by_tampering_with_the_form(acme, sign_in):
    page = sign_in("admin").post(INVITE, {"emails": "new@acme.test", "role": "owner"})
    assert page.status_code == 200
    with pytest.raises(PermissionDenied):
        invitations.invite(
            acme.org("admin"), email="new@acme.test", welcome=Welcome(OrganizationRole.OWNER)
        )
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("name", ["member", "engineer", "lead"])
def test_who_may_not_invite_sees_neither_the_form_nor_the_list(acme, sign_in, name):
    client = sign_in(name)
    assert client.get(INVITE).status_code == client.get(LISTED).status_code == 403
    assert client.post(INVITE, {"emails": "new@acme.test", "role": "member"}).status_code == 403
    assert AuditEvent.objects.filter(denied=True).exists()


def test_a_team_of_another_organization_cannot_be_named(acme, sign_in):
    elsewhere = acme["stranger"].memberships.get().organization
    team = elsewhere.teams.create(name="Theirs", slug="theirs")
    form = {"emails": "new@acme.test", "role": "member", "team": "theirs"}
    assert sign_in("owner").post(INVITE, form).status_code == 200
    with pytest.raises(type(team).DoesNotExist):
        invitations.invite(acme.org("owner"), email="new@acme.test", welcome=Welcome(team=team))
    assert not Invitation.objects.exists()


def test_a_new_link_voids_the_old_one_and_gives_the_same(acme, sign_in):
    welcome = Welcome(environment_roles={"staging": EnvironmentRole.SUPPORT}, note="Hello")
    first, old = invitations.invite(acme.org("admin"), email="new@acme.test", welcome=welcome)
    again = reverse("environments:invite_again", args=["acme", first.pk])
    made = sign_in("admin").post(again)
    assert made.status_code == 200
    with pytest.raises(LinkEnded):
        invitations.find_invitation(old)
    fresh = Invitation.objects.get(revoked_at=None)
    assert (fresh.environment_roles, fresh.note) == ({"staging": "support"}, "Hello")


def test_a_taken_link_is_not_made_anew(acme, sign_in):
    first, token = invitations.invite(
        acme.org("owner"), email="stranger@acme.test", welcome=Welcome()
    )
    invitations.join(acme["stranger"], token, NOWHERE)
    again = reverse("environments:invite_again", args=["acme", first.pk])
    assert sign_in("owner").post(again).status_code == 404


def test_the_list_says_what_came_of_each(acme, sign_in, time_machine):
    scope = acme.org("owner")
    _, token = invitations.invite(scope, email="stranger@acme.test", welcome=Welcome())
    invitations.join(acme["stranger"], token, NOWHERE)
    invitations.invite(scope, email="late@acme.test", welcome=Welcome())
    time_machine.move_to(timezone.now() + timedelta(days=8))
    gone, _ = invitations.invite(scope, email="gone@acme.test", welcome=Welcome())
    invitations.revoke_invitation(scope, gone.pk)
    invitations.invite(scope, email="new@acme.test", welcome=Welcome())
    page = sign_in("owner").get(LISTED)
    said = {link.email: word for link, word, _, _ in page.context["rows"]}
    assert said == {
        "stranger@acme.test": "Joined",
        "late@acme.test": "Ended",
        "gone@acme.test": "Withdrawn",
        "new@acme.test": "Waiting",
    }
    assert "1 open." in page.content.decode()


def test_links_of_somebody_who_was_removed_lead_nowhere(acme):
    _, token = invitations.invite(acme.org("admin"), email="new@acme.test", welcome=Welcome())
    roles.remove_member(acme.org("owner"), acme.member("admin").pk)
    with pytest.raises(LinkEnded):
        invitations.find_invitation(token)
    assert AuditEvent.objects.filter(event="invitation.revoked").exists()


def test_links_that_a_lowered_person_could_make_no_longer_lead_nowhere(acme):
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.OWNER)
    scope = acme.org("admin")
    high = Welcome(OrganizationRole.OWNER)
    _, above = invitations.invite(scope, email="boss@acme.test", welcome=high)
    _, within = invitations.invite(scope, email="new@acme.test", welcome=Welcome())
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.ADMIN)
    with pytest.raises(LinkEnded):
        invitations.find_invitation(above)
    assert invitations.find_invitation(within).email == "new@acme.test"


def test_a_place_that_is_gone_meanwhile_is_left_out(acme):
    welcome = Welcome(
        environment_roles={"staging": EnvironmentRole.VIEWER},
        team=acme.other_team,
        team_role=TeamRole.MEMBER,
    )
    _, token = invitations.invite(acme.org("owner"), email="stranger@acme.test", welcome=welcome)
    acme.environment("staging").delete()
    acme.other_team.delete()
    member = invitations.join(acme["stranger"], token, NOWHERE)
    assert not member.environment_grants.exists()
    assert not member.team_memberships.exists()


@contextmanager
def mail_server(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that speaks just enough SMTP, and gives this answer to the address."""
    heard: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        caller, _ = listening.accept()
        with caller, caller.makefile("rwb", 0) as line:
            line.write(b"220 here\r\n")
            while said := line.readline():
                heard.append(said)
                said = said.upper()
                if said.startswith(b"QUIT"):
                    break
                if said.startswith(b"DATA"):
                    line.write(b"354 go on\r\n")
                    while (part := line.readline()) not in (b".\r\n", b""):
                        heard.append(part)
                line.write(answer if said.startswith(b"RCPT") else b"250 fine\r\n")

    speaking = Thread(target=talk, daemon=True)
    speaking.start()
    yield listening.getsockname()[1], heard
    speaking.join(5)
    listening.close()


@pytest.fixture
def mailed_by(settings):
    def use(port: int) -> None:
        settings.MAIL_URL = f"smtp://127.0.0.1:{port}?tls=off"
        settings.MAILERS = {"default": mailer(settings.MAIL_URL)}

    return use


@pytest.mark.enable_socket
def test_the_letter_brings_the_link_and_the_sentence(acme, sign_in, mailed_by):
    client = sign_in("admin")
    with mail_server(b"250 fine\r\n") as (port, heard):
        mailed_by(port)
        page = client.post(INVITE, {"emails": "new@acme.test", **ALL_OF_IT})
    letter = b"".join(heard).decode()
    assert link_in(page) in letter.replace("=\r\n", "")
    assert "Welcome to the team." in letter
    assert Invitation.objects.get().mailed_at


@pytest.mark.enable_socket
def test_the_list_gives_the_mail_servers_own_words(acme, sign_in, mailed_by):
    client = sign_in("admin")
    with mail_server(b"550 <b>no such box</b> here\r\n") as (port, _):
        mailed_by(port)
        page = client.post(INVITE, {"emails": "new@acme.test", "role": "member"})
    assert "Undelivered" in page.content.decode()
    assert link_in(page) != "/join//"
    listed = client.get(LISTED).content.decode()
    assert "&lt;b&gt;no such box&lt;/b&gt; here" in listed
    assert Invitation.objects.get().mailed_at is None


@pytest.mark.enable_socket
def test_a_mail_server_that_is_away_costs_no_link(acme, sign_in, mailed_by):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    mailed_by(port)
    page = sign_in("admin").post(INVITE, {"emails": "new@acme.test", "role": "member"})
    assert "Connection refused" in page.content.decode()
    assert "/join/" in page.content.decode()
