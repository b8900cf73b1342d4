"""Roles that are changed together are asked for together, and given together: exactly these, once."""

import pytest
from django.urls import reverse

from environments.approvals import SEVERAL
from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Permit
from environments.policy import EnvironmentRole
from environments.services import permits, roles
from environments.services.permits import Over
from tests.approving import approved_by, ask, asks_for, owner, the_request
from tests.pages import forms, text_of

pytestmark = pytest.mark.django_db
REVIEW = "/o/acme/members/review/"
ENGINEER, SUPPORT = EnvironmentRole.ENGINEER, EnvironmentRole.SUPPORT


@pytest.fixture
def guarded(acme):
    """In production a role takes the word of an owner, and there are two owners."""
    owner(acme, "olga")
    asks_for(acme, roles=1)
    return acme


def sent(acme, *changes: tuple[str, str, str, str], **more: str) -> dict[str, str]:
    body = {"confirmed": "1", "reason": "New on call", **more}
    for name, place, was, role in changes:
        cell = f"{acme.member(name).pk}-{place}"
        body |= {f"was-{cell}": was, f"role-{cell}": role}
    return body


TWO = (("viewer", "production", "viewer", "engineer"), ("member", "production", "none", "support"))


def held(acme, name: str) -> str:
    grant = EnvironmentGrant.objects.filter(
        member=acme.member(name), environment__slug="production"
    ).first()
    return grant.role if grant else ""


@pytest.fixture
def asked(guarded, sign_in) -> Permit:
    """The admin has looked both changes over, and asked."""
    client = sign_in("admin")
    answer = client.post(REVIEW, sent(guarded, *TWO))
    assert "member@acme.test in production" in text_of(answer)
    ask(client, answer)
    return the_request()


def yes(client, permit: Permit):
    """Opens the page that the request leads to, and presses its button."""
    (form,) = [each for each in forms(client.get(permit.page).content) if "reason" in each.names]
    return client.post(form.action, dict(form.values) | {"confirmed": "1"})


def test_one_request_names_each_person_with_what_they_hold_and_would_hold(asked):
    assert Permit.objects.count() == 1
    assert asked.subject == SEVERAL
    assert asked.label == "member@acme.test, viewer@acme.test"
    assert asked.before == {"viewer@acme.test in production": "viewer", "member@acme.test in production": None}  # fmt: skip
    assert asked.after == {"viewer@acme.test in production": "engineer", "member@acme.test in production": "support"}  # fmt: skip


def test_approved_both_are_given_at_once_and_each_line_names_the_request(asked, guarded, sign_in):
    approved_by(guarded, "olga")
    answer = yes(sign_in("admin"), asked)
    assert answer["Location"] == reverse("environments:members", args=["acme"])
    assert (held(guarded, "viewer"), held(guarded, "member")) == (ENGINEER, SUPPORT)
    lines = AuditEvent.objects.filter(event=Event.ENVIRONMENT_ROLE_CHANGED)
    assert [line.detail["approval"] for line in lines] == [asked.public_id] * 2
    assert the_request().spent_at


def test_without_the_approval_neither_is_given(asked, guarded, sign_in):
    assert yes(sign_in("admin"), asked).status_code == 409
    assert (held(guarded, "viewer"), held(guarded, "member")) == ("viewer", "")


@pytest.mark.parametrize(
    "changes",
    [
        (
            ("viewer", "production", "viewer", "engineer"),
            ("member", "production", "none", "engineer"),
        ),
        (*TWO, ("teammate", "production", "none", "viewer")),
        (("viewer", "production", "viewer", "engineer"),),
    ],
    ids=["another role", "one more", "one less"],
)
def test_another_set_is_another_request(asked, guarded, sign_in, changes):
    approved_by(guarded, "olga")
    assert sign_in("admin").post(REVIEW, sent(guarded, *changes)).status_code == 409
    assert held(guarded, "viewer") == "viewer"


def test_what_is_taken_away_beside_it_does_not_wait_and_is_not_asked_about(asked, guarded, sign_in):
    approved_by(guarded, "olga")
    beside = (*TWO, ("engineer", "production", "engineer", "none"))
    assert sign_in("admin").post(REVIEW, sent(guarded, *beside)).status_code == 302
    assert held(guarded, "engineer") == ""
    lines = AuditEvent.objects.filter(event=Event.ENVIRONMENT_ROLE_CHANGED)
    assert sum("approval" in line.detail for line in lines) == 2


def test_whoever_changes_one_of_these_roles_otherwise_makes_it_void(asked, guarded):
    pk = guarded.member("viewer").pk
    roles.set_environment_role(guarded.org("owner"), pk, "production", None)
    with pytest.raises(Over, match="changed since"):
        permits.approve(guarded.org("olga"), asked.public_id)


def test_another_role_of_the_same_person_leaves_it_standing(asked, guarded):
    pk = guarded.member("viewer").pk
    roles.set_environment_role(guarded.org("owner"), pk, "staging", ENGINEER)
    permits.approve(guarded.org("olga"), asked.public_id)


def test_who_leaves_makes_it_void(asked, guarded):
    roles.remove_member(guarded.org("owner"), guarded.member("member").pk)
    with pytest.raises(Over, match="changed since"):
        permits.approve(guarded.org("olga"), asked.public_id)


def test_only_an_owner_decides_it_and_a_stranger_finds_nothing(asked, sign_in):
    address = reverse("environments:approve", args=["acme", asked.public_id])
    assert sign_in("admin").post(address).status_code == 403
    assert sign_in("engineer").post(address).status_code == 404
    assert sign_in("stranger").post(address).status_code == 404


def test_of_two_places_it_takes_what_the_strictest_asks(guarded, sign_in):
    owner(guarded, "otto")
    asks_for(guarded, "staging", roles=2)
    client = sign_in("admin")
    changes = (TWO[0], ("member", "staging", "none", "support"))
    ask(client, client.post(REVIEW, sent(guarded, *changes)))
    approved_by(guarded, "olga")
    assert yes(client, the_request()).status_code == 409
    approved_by(guarded, "otto")
    assert yes(client, the_request()).status_code == 302


def test_an_address_that_somebody_made_changes_nothing_by_itself(guarded, sign_in):
    cell = f"{guarded.member('viewer').pk}-staging"
    page = sign_in("admin").get(f"{REVIEW}?was-{cell}=viewer&role-{cell}=engineer&confirmed=1")
    assert "Review 1 change" in text_of(page)
    assert guarded.enter("viewer", "staging").role == "viewer"
