"""Two people at the same moment: one of them has it, the other is told plainly, and the log has a line for what was done."""

from collections import Counter

import pytest

from environments.approvals import NeedsApproval
from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Member, Permit, TeamMember
from environments.policy import EnvironmentRole, OrganizationRole
from environments.services import access_requests, permits, roles
from tests.approving import WHY, asks_for, give, owner, the_request, wish
from tests.racing import at_once, refused, sent, statuses

pytestmark = pytest.mark.django_db(transaction=True)

ENGINEER = EnvironmentRole.ENGINEER
REVIEW = "/o/acme/members/review/"


@pytest.fixture
def guarded(acme):
    """In production a role takes the word of another owner; there are three owners."""
    owner(acme, "olga")
    owner(acme, "otto")
    asks_for(acme, roles=1)
    return acme


@pytest.fixture
def permit(guarded) -> Permit:
    """The admin has asked that the viewer be an engineer."""
    return wish(guarded)


def path(permit: Permit, act: str) -> str:
    return f"/o/acme/approvals/{permit.public_id}/{act}/"


def this(permit: Permit):
    return Permit.objects.filter(pk=permit.pk)


def log() -> Counter[str]:
    return Counter(AuditEvent.objects.values_list("event", flat=True))


def test_of_two_who_approve_at_once_the_second_hears_that_it_has_what_it_takes(guarded, permit):
    acts = [sent(guarded, name, path(permit, "approve")) for name in ("olga", "otto")]
    answers = at_once(*acts, held=this(permit))
    assert statuses(answers) == [302, 409]
    assert "It has all the approvals that it takes." in refused(answers, 409)
    assert permit.decisions.count() == log()[Event.APPROVAL_GIVEN] == 1


def test_of_two_who_reject_at_once_one_gives_the_reason(guarded, permit):
    acts = [sent(guarded, name, path(permit, "reject"), WHY) for name in ("olga", "otto")]
    answers = at_once(*acts, held=this(permit))
    assert statuses(answers) == [302, 409]
    assert "It was rejected." in refused(answers, 409)
    assert permit.decisions.count() == log()[Event.APPROVAL_REJECTED] == 1


def test_approved_and_rejected_at_once_it_is_never_usable(guarded, permit):
    answers = at_once(
        sent(guarded, "olga", path(permit, "approve")),
        sent(guarded, "otto", path(permit, "reject"), WHY),
        held=this(permit),
    )
    approved, rejected = [answer.status_code for answer in answers]
    assert (approved, rejected) in {(302, 302), (409, 302)}
    assert the_request().rejected_at
    assert log()[Event.APPROVAL_GIVEN] == (approved == 302)
    assert log()[Event.APPROVAL_REJECTED] == 1


def test_whoever_decides_while_it_is_withdrawn_hears_so_and_nobody_uses_it(guarded, permit):
    answers = at_once(
        sent(guarded, "admin", path(permit, "withdraw")),
        sent(guarded, "olga", path(permit, "approve")),
        held=this(permit),
    )
    withdrawn, approved = [answer.status_code for answer in answers]
    assert withdrawn == 302
    assert approved == 302 or "It was withdrawn." in refused(answers, 409)
    assert log()[Event.APPROVAL_GIVEN] == (approved == 302)
    with pytest.raises(NeedsApproval):
        give(guarded)


def test_one_permit_used_in_two_browsers_at_once_is_spent_once(guarded, permit):
    permits.approve(guarded.org("olga"), permit.public_id)
    scope = guarded.org("admin")
    pk = guarded.member("viewer").pk
    acts = [lambda: roles.set_environment_role(scope, pk, "production", ENGINEER)] * 2
    assert sorted(at_once(*acts, held=this(permit))) == [False, True]
    assert log()[Event.ENVIRONMENT_ROLE_CHANGED] == 1
    assert the_request().spent_at


def test_used_and_rejected_at_once_only_one_of_them_counts(guarded, permit):
    permits.approve(guarded.org("olga"), permit.public_id)
    answers = at_once(
        lambda: give(guarded),
        sent(guarded, "otto", path(permit, "reject"), WHY),
        held=this(permit),
    )
    used = answers[0] is True
    assert used or isinstance(answers[0], NeedsApproval)
    assert answers[1].status_code == (409 if used else 302)
    assert (guarded.enter("viewer", "production").role == ENGINEER) is used
    assert log()[Event.APPROVAL_REJECTED] == (not used)


def test_of_two_owners_who_close_broken_glass_at_once_one_has_looked(guarded):
    permit = wish(guarded, by="owner")
    permits.break_glass(guarded.org("owner"), permit.public_id, "All asleep")
    acts = [sent(guarded, name, path(permit, "close"), WHY) for name in ("olga", "otto")]
    answers = at_once(*acts, held=this(permit))
    assert statuses(answers) == [302, 409]
    assert "There is nothing to close any more." in refused(answers, 409)
    assert log()[Event.GLASS_CLOSED] == 1


def changed(acme, name: str, place: str, was: str, role: str) -> dict[str, str]:
    cell = f"{acme.member(name).pk}-{place}"
    return {f"was-{cell}": was, f"role-{cell}": role, "confirmed": "1", "reason": "New on call"}


def test_of_two_who_change_one_persons_roles_at_once_the_second_looks_again(acme):
    acts = [
        sent(acme, by, REVIEW, changed(acme, "viewer", "staging", "viewer", role))
        for by, role in (("owner", "support"), ("admin", "engineer"))
    ]
    answers = at_once(*acts, held=acme.organization.members.all())
    assert statuses(answers) == [302, 422]
    assert "Somebody else changed one of these roles meanwhile." in refused(answers, 422)
    assert log()[Event.ENVIRONMENT_ROLE_CHANGED] == 1
    grant = EnvironmentGrant.objects.get(member=acme.member("viewer"), environment__slug="staging")
    assert grant.role == ("support" if answers[0].status_code == 302 else "engineer")


def test_of_the_last_two_owners_who_step_down_at_once_one_stays(acme):
    owner(acme, "olga")
    acts = [
        sent(acme, name, REVIEW, changed(acme, name, "@", "owner", "member"))
        for name in ("owner", "olga")
    ]
    answers = at_once(*acts, held=acme.organization.members.all())
    assert statuses(answers) == [302, 422]
    assert "This is the only owner" in refused(answers, 422)
    assert Member.objects.filter(role=OrganizationRole.OWNER, user__name__in=["Owner", "Olga"]).count() == 1  # fmt: skip
    assert log()[Event.ORGANIZATION_ROLE_CHANGED] == 1


def test_of_the_last_two_owners_who_put_each_other_out_at_once_one_stays(acme):
    owner(acme, "olga")
    acts = [
        sent(acme, by, f"/o/acme/members/{acme.member(whom).pk}/remove/")
        for by, whom in (("owner", "olga"), ("olga", "owner"))
    ]
    answers = at_once(*acts, held=acme.organization.members.all())
    # The one who was put out first finds nothing here, or is told that an owner stays.
    assert statuses(answers) in ([302, 302], [302, 404])
    assert acme.organization.members.filter(role=OrganizationRole.OWNER).count() == 1
    assert log()[Event.MEMBER_REMOVED] == 1


def test_granted_while_the_person_is_put_out_nothing_is_left_of_either(acme):
    asked = access_requests.ask_access(
        acme.org("member"), environment="staging", role=EnvironmentRole.VIEWER, reason="To look"
    )
    answers = at_once(
        sent(acme, "admin", f"/o/acme/approvals/access/{asked.pk}/grant/"),
        sent(acme, "owner", f"/o/acme/members/{acme.member('member').pk}/remove/"),
        held=acme.organization.members.all(),
    )
    granted, removed = [answer.status_code for answer in answers]
    assert removed == 302
    assert granted in {302, 404}
    assert not EnvironmentGrant.objects.filter(member__user=acme["member"]).exists()
    assert log()[Event.MEMBER_REMOVED] == 1
    assert log()[Event.ACCESS_GRANTED] == (granted == 302)


def test_of_two_who_grant_at_once_one_does(acme):
    asked = access_requests.ask_access(
        acme.org("member"), environment="staging", role=EnvironmentRole.VIEWER, reason="To look"
    )
    acts = [
        sent(acme, name, f"/o/acme/approvals/access/{asked.pk}/grant/")
        for name in ("owner", "admin")
    ]
    answers = at_once(*acts, held=acme.organization.members.all())
    assert statuses(answers) == [302, 409]
    assert log()[Event.ACCESS_GRANTED] == log()[Event.ENVIRONMENT_ROLE_CHANGED] == 1


def test_put_into_a_team_twice_at_once_a_person_is_in_it_once(acme):
    body = {"member": acme.member("member").pk, "role": "member"}
    acts = [sent(acme, name, "/o/acme/teams/payments/member/", body) for name in ("owner", "admin")]
    answers = at_once(*acts, held=acme.organization.teams.all())
    assert statuses(answers) == [302, 302]
    assert TeamMember.objects.filter(member=acme.member("member")).count() == 1
    assert log()[Event.TEAM_MEMBER_ADDED] == 1
