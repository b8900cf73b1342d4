"""Approvals of what is not about keys: roles and policies; the list; broken glass; who leaves."""

import pytest

from environments import inbox
from environments.access import Refused
from environments.approvals import NeedsApproval
from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Member
from environments.policy import EnvironmentRole, OrganizationRole
from environments.services import permits, roles
from environments.services.invitations import Welcome, invite
from environments.services.permits import Over
from environments.services.policies import Policy, TooFewApprovers, set_policy
from tests.approving import WHY, approved_by, asks_for, ended, give, joins, owner, the_request, wish
from tests.pages import forms, text_of

pytestmark = pytest.mark.django_db
ENGINEER, VIEWER = EnvironmentRole.ENGINEER, EnvironmentRole.VIEWER


@pytest.fixture
def guarded(acme):
    """In production a role takes the word of an owner, and there are two owners."""
    owner(acme, "olga")
    asks_for(acme, roles=1)
    return acme


def test_an_admin_gives_a_role_once_an_owner_has_approved(guarded):
    permit = wish(guarded)
    approved_by(guarded, "olga")
    assert give(guarded)
    assert the_request().spent_at
    line = AuditEvent.objects.get(event=Event.ENVIRONMENT_ROLE_CHANGED)
    assert line.detail["approval"] == permit.public_id


def test_the_next_role_takes_the_next_approval(guarded):
    wish(guarded)
    approved_by(guarded, "olga")
    give(guarded)
    give(guarded, role=VIEWER)
    with pytest.raises(NeedsApproval):
        give(guarded)


def test_to_take_a_role_away_never_waits(guarded):
    assert give(guarded, role=None)


def test_a_role_of_the_organization_takes_what_the_strictest_environment_asks(guarded):
    with pytest.raises(NeedsApproval):
        roles.set_organization_role(
            guarded.org("owner"), guarded.member("member").pk, OrganizationRole.OWNER
        )
    assert guarded.member("member").role == OrganizationRole.MEMBER


def test_an_invitation_gives_no_role_past_the_approval(guarded):
    welcome = Welcome(environment_roles={"production": ENGINEER})
    with pytest.raises(NeedsApproval):
        invite(guarded.org("admin"), email="new@acme.test", welcome=welcome)
    assert not guarded.organization.invitations.exists()


def test_the_review_of_roles_leads_to_the_request(guarded, sign_in):
    client = sign_in("admin")
    cell = f"{guarded.member('viewer').pk}-production"
    said = {
        f"role-{cell}": "engineer",
        f"was-{cell}": "viewer",
        "confirmed": "yes",
        "reason": "On call",
    }
    answer = client.post("/o/acme/members/review/", said)
    assert answer.status_code == 409
    assert "change what viewer@acme.test may do in Production" in text_of(answer)
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    client.post(form.action, dict(form.values) | WHY)
    assert the_request().page == f"/o/acme/members/{guarded.member('viewer').pk}/"
    approved_by(guarded, "olga")
    assert client.post("/o/acme/members/review/", said).status_code == 302
    assert guarded.enter("viewer", "production").role == ENGINEER


@pytest.mark.parametrize(("name", "status"), [("admin", 403), ("engineer", 404), ("stranger", 404)])
def test_only_an_owner_approves_a_role(guarded, sign_in, name, status):
    permit = wish(guarded)
    address = f"/o/acme/approvals/{permit.public_id}/approve/"
    assert sign_in(name).post(address).status_code == status


def test_somebody_elses_change_of_the_same_role_overtakes_the_request(guarded):
    wish(guarded)
    give(guarded, by="owner", role=None)
    with pytest.raises(Over, match="changed since"):
        permits.approve(guarded.org("olga"), the_request().public_id)


def test_asked_twice_it_is_one_request(guarded):
    assert wish(guarded) == wish(guarded)


def test_withdrawn_it_is_over_and_only_who_asked_withdraws(guarded, sign_in):
    permit = wish(guarded)
    with pytest.raises(Refused):
        permits.withdraw(guarded.org("owner"), permit.public_id)
    sign_in("admin").post(f"/o/acme/approvals/{permit.public_id}/withdraw/")
    with pytest.raises(Over, match="withdrawn"):
        permits.approve(guarded.org("olga"), permit.public_id)


def test_who_leaves_has_asked_for_nothing_and_approved_nothing(guarded):
    wish(guarded)
    approved_by(guarded, "olga")
    roles.remove_member(guarded.org("owner"), guarded.member("olga").pk)
    with pytest.raises(NeedsApproval):
        give(guarded)
    roles.remove_member(guarded.org("owner"), guarded.member("admin").pk)
    assert the_request().withdrawn_at


def test_a_request_about_somebody_who_leaves_is_void(guarded):
    wish(guarded)
    roles.remove_member(guarded.org("owner"), guarded.member("viewer").pk)
    assert the_request().overtaken_at


def policy(acme, **more) -> Policy:
    place = acme.environment("production")
    values = {name: getattr(Policy.of(place), name) for name in Policy.__slots__}
    return Policy(**values | more)


def test_a_policy_that_guards_itself_is_not_simply_switched_off(guarded):
    asks_for(guarded, policy=1)
    with pytest.raises(NeedsApproval) as needs:
        set_policy(guarded.org("owner"), "production", policy(guarded, approvals_policy=0))
    change = needs.value.change
    permits.ask(guarded.org("owner"), permits.Wish(change, "/o/acme/", "Too slow"))
    approved_by(guarded, "olga")
    assert set_policy(guarded.org("owner"), "production", policy(guarded, approvals_policy=0))
    assert guarded.environment("production").approvals_policy == 0


def test_nobody_sets_a_number_that_could_not_be_had(guarded):
    with pytest.raises(TooFewApprovers, match="Now that is Engineer"):
        set_policy(guarded.org("owner"), "production", policy(guarded, approvals_create=1))
    with pytest.raises(TooFewApprovers, match="3 owners"):
        set_policy(guarded.org("owner"), "production", policy(guarded, approvals_policy=2))


def test_the_policy_page_names_who_could_approve(guarded, sign_in):
    client = sign_in("owner")
    page = "/o/acme/settings/production/"
    (form,) = [each for each in forms(client.get(page).content) if "approvals_create" in each.names]
    answer = client.post(page, dict(form.values) | {"approvals_create": "1", "idle_days": ""})
    assert "so that each of them may ask. Now that is Engineer." in text_of(answer)


def test_an_approved_policy_is_reviewed_again_from_its_address_and_saved(guarded, sign_in):
    asks_for(guarded, policy=1)
    client = sign_in("owner")
    page = "/o/acme/settings/production/"
    (form,) = [each for each in forms(client.get(page).content) if "approvals_create" in each.names]
    said = dict(form.values) | {"idle_days": "30", "confirmed": "yes"}
    said = {
        name: value
        for name, value in said.items()
        if name not in {"expiry_required", "redox_doors"}
    }
    asked = client.post(page, said)
    (form,) = [each for each in forms(asked.content) if each.action.endswith("/approvals/ask/")]
    client.post(form.action, dict(form.values) | WHY)
    permit = approved_by(guarded, "olga")
    review = client.get(permit.page)
    (form,) = [each for each in forms(review.content) if "confirmed" in each.names]
    confirmed = {name: value for name, value in form.values if name != "back"}
    assert client.post(form.action, confirmed).status_code == 302
    assert guarded.environment("production").idle_after.days == 30
    assert the_request().spent_at


def test_the_badge_counts_what_this_person_can_still_decide(guarded, sign_in):
    permit = wish(guarded)
    count = {name: len(inbox.to_decide(guarded.org(name), permit.asked_at)) for name in guarded.people if name != "stranger"}  # fmt: skip
    assert {name for name, number in count.items() if number} == {"owner", "olga"}
    assert "waiting for your word" in text_of(sign_in("olga").get("/o/acme/approvals/"))
    approved_by(guarded, "olga")
    assert inbox.to_decide(guarded.org("owner"), permit.asked_at) == []


def test_an_ended_request_leaves_the_badge_by_itself(guarded, sign_in):
    permit = wish(guarded)
    ended(permit)
    shown = text_of(sign_in("olga").get("/o/acme/approvals/"))
    assert "waiting for your word" not in shown
    assert "Nothing waits for you" in shown


@pytest.mark.parametrize(("tab", "name"), [("", "olga"), ("mine", "admin"), ("decided", "owner")])
def test_each_tab_lists_its_own(guarded, sign_in, tab, name):
    asks_for(guarded, roles=2)
    wish(guarded)
    permits.approve(guarded.org("owner"), the_request().public_id)
    shown = text_of(sign_in(name).get(f"/o/acme/approvals/?tab={tab}"))
    assert "Change what viewer@acme.test may do in Production" in shown
    assert "1 of 2" in shown


def test_a_person_of_another_organization_finds_no_request(guarded, sign_in):
    permit = wish(guarded)
    joins(guarded, "nobody")
    Member.objects.filter(user=guarded["nobody"]).delete()
    for name in ("stranger", "nobody"):
        assert sign_in(name).get(f"/o/acme/approvals/{permit.public_id}/").status_code == 404


def test_who_may_neither_ask_nor_decide_does_not_see_a_request(guarded, sign_in):
    permit = wish(guarded)
    assert sign_in("teammate").get(f"/o/acme/approvals/{permit.public_id}/").status_code == 404
    assert EnvironmentGrant.objects.filter(member=guarded.member("teammate")).count() == 0
