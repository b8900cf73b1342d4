"""Where roles take an approval, "may issue" and leading a team take it too: no way round by a team."""

import pytest

from environments.approvals import NeedsApproval
from environments.models import AuditEvent, TeamMember
from environments.policy import TeamRole
from environments.services import invitations, teams
from environments.services.invitations import Welcome
from tests.approving import WHY, approved_by, asks_for, owner, the_request
from tests.pages import forms

pytestmark = pytest.mark.django_db


@pytest.fixture
def guarded(acme):
    """Roles in production take one approval, and a second owner is there to give it."""
    owner(acme, "olga")
    asks_for(acme, roles=1)
    return acme


def issues_in(acme):
    return set(acme.team.issues_in.values_list("slug", flat=True))


def test_an_admin_lets_a_team_issue_in_production_only_once_an_owner_has_approved(guarded, sign_in):
    client = sign_in("admin")
    page = "/o/acme/teams/payments/issuing/"
    both = {"environments": ["development", "production"]}
    answer = client.post(page, both)
    assert answer.status_code == 409
    assert issues_in(guarded) == {"development"}
    (form,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    client.post(form.action, dict(form.values) | WHY)
    permit = approved_by(guarded, "olga")
    filled = client.get(permit.page).content.decode()
    assert filled.count(" checked") == 2
    assert client.post(page, both).status_code == 302
    assert issues_in(guarded) == {"development", "production"}
    line = AuditEvent.objects.get(event="team-issuing.changed")
    assert line.detail["approval"] == permit.public_id


def test_the_permit_for_one_team_opens_nothing_for_another(guarded, sign_in):
    client = sign_in("admin")
    form = {"environments": ["production"]}
    answer = client.post("/o/acme/teams/payments/issuing/", form)
    (asked,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    client.post(asked.action, dict(asked.values) | WHY)
    approved_by(guarded, "olga")
    with pytest.raises(NeedsApproval):
        teams.set_issuing(guarded.org("admin"), "search", ["production"])


def test_to_take_issuing_away_and_to_give_it_elsewhere_never_waits(guarded):
    scope = guarded.org("admin")
    assert teams.set_issuing(scope, "payments", ["development", "staging"])
    assert teams.set_issuing(scope, "payments", [])
    assert not AuditEvent.objects.filter(event="approval.asked").exists()


def test_nobody_becomes_lead_of_a_team_that_issues_in_production_without_one(guarded):
    guarded.team.issues_in.add(guarded.environment("production"))
    scope, viewer = guarded.org("admin"), guarded.member("viewer")
    with pytest.raises(NeedsApproval):
        teams.set_team_role(scope, "payments", viewer.pk, TeamRole.LEAD)
    assert not TeamMember.objects.filter(member=viewer).exists()
    assert teams.set_team_role(scope, "payments", viewer.pk, TeamRole.MEMBER)
    with pytest.raises(NeedsApproval):
        teams.set_team_role(scope, "payments", viewer.pk, TeamRole.LEAD)


def test_a_team_that_only_owns_keys_in_production_is_led_by_approval_too(guarded, issue):
    issue(environment="production", team=guarded.team)
    with pytest.raises(NeedsApproval):
        teams.set_team_role(
            guarded.org("owner"), "payments", guarded.member("viewer").pk, TeamRole.LEAD
        )


def test_no_invitation_leads_a_team_past_the_approval(guarded):
    guarded.team.issues_in.add(guarded.environment("production"))
    leads = Welcome(team=guarded.team, team_role=TeamRole.LEAD)
    with pytest.raises(NeedsApproval):
        invitations.invite(guarded.org("admin"), email="new@acme.test", welcome=leads)
    joins = Welcome(team=guarded.team, team_role=TeamRole.MEMBER)
    assert invitations.invite(guarded.org("admin"), email="new@acme.test", welcome=joins)


def test_an_approved_lead_is_appointed_once(guarded, sign_in):
    guarded.team.issues_in.add(guarded.environment("production"))
    client = sign_in("admin")
    page, form = (
        "/o/acme/teams/payments/member/",
        {"member": guarded.member("viewer").pk, "role": "lead"},
    )
    answer = client.post(page, form)
    (asked,) = [each for each in forms(answer.content) if each.action.endswith("/approvals/ask/")]
    client.post(asked.action, dict(asked.values) | WHY)
    approved_by(guarded, "olga")
    assert client.post(page, form).status_code == 302
    assert the_request().spent_at
    assert TeamMember.objects.get(member=guarded.member("viewer")).role == "lead"
    teams.set_team_role(guarded.org("admin"), "payments", guarded.member("viewer").pk, None)
    assert client.post(page, form).status_code == 409
