import pytest
from django.core.exceptions import PermissionDenied

from environments.events import Event
from environments.models import AuditEvent, EnvironmentGrant, Invitation, Member, TeamMember, User
from environments.origin import NOWHERE
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.services import invitations, roles, teams
from environments.services.invitations import Welcome


def events(acme, event):
    return AuditEvent.objects.filter(organization_id=acme.organization.pk, event=event)


def test_an_admin_gives_an_environment_role_and_the_log_has_a_line(acme):
    member = acme.member("member")
    assert roles.set_environment_role(
        acme.org("admin"), member.pk, "staging", EnvironmentRole.SUPPORT
    )
    assert acme.enter("member", "staging").role is EnvironmentRole.SUPPORT
    assert events(acme, Event.ENVIRONMENT_ROLE_CHANGED).get().label == "member@acme.test"


def test_a_role_that_is_held_already_changes_nothing_and_leaves_no_line(acme):
    pk = acme.member("viewer").pk
    assert not roles.set_environment_role(acme.org("owner"), pk, "staging", EnvironmentRole.VIEWER)
    assert not events(acme, Event.ENVIRONMENT_ROLE_CHANGED).exists()


def test_a_member_gives_no_roles(acme):
    with pytest.raises(PermissionDenied):
        roles.set_environment_role(
            acme.org("engineer"), acme.member("viewer").pk, "production", EnvironmentRole.ENGINEER
        )


@pytest.mark.parametrize("whom", ["owner", "admin"])
def test_an_admin_touches_neither_an_owner_nor_the_own_roles(acme, whom):
    with pytest.raises(PermissionDenied):
        roles.set_environment_role(
            acme.org("admin"), acme.member(whom).pk, "production", EnvironmentRole.ENGINEER
        )
    with pytest.raises(PermissionDenied):
        teams.set_team_role(acme.org("admin"), "payments", acme.member(whom).pk, TeamRole.LEAD)


def test_the_last_owner_cannot_go(acme):
    scope, pk = acme.org("owner"), acme.member("owner").pk
    with pytest.raises(roles.LastOwner):
        roles.set_organization_role(scope, pk, OrganizationRole.ADMIN)
    with pytest.raises(roles.LastOwner):
        roles.remove_member(scope, pk)


def test_an_owner_makes_a_second_owner_and_may_then_step_back(acme):
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.OWNER)
    roles.set_organization_role(acme.org("owner"), acme.member("owner").pk, OrganizationRole.MEMBER)
    assert acme.org("owner").role is OrganizationRole.MEMBER


def test_an_admin_makes_no_admins(acme):
    with pytest.raises(PermissionDenied):
        roles.set_organization_role(
            acme.org("admin"), acme.member("member").pk, OrganizationRole.ADMIN
        )


def test_a_removed_member_leaves_every_role_behind_and_the_keys_stay(acme, issue):
    made = issue("engineer")
    roles.remove_member(acme.org("admin"), acme.member("engineer").pk)
    assert not EnvironmentGrant.objects.filter(member__user=acme["engineer"]).exists()
    made.key.refresh_from_db()
    assert made.key.deleted_at is None


def test_a_lead_appoints_members_of_the_own_team_but_not_leads(acme):
    scope, pk = acme.org("lead"), acme.member("member").pk
    assert teams.set_team_role(scope, "payments", pk, TeamRole.MEMBER)
    for role in (TeamRole.LEAD,):
        with pytest.raises(PermissionDenied):
            teams.set_team_role(scope, "payments", pk, role)
    with pytest.raises(PermissionDenied):
        teams.set_team_role(scope, "search", pk, TeamRole.MEMBER)


def test_a_lead_takes_no_other_lead_out(acme):
    TeamMember.objects.create(team=acme.team, member=acme.member("viewer"), role=TeamRole.LEAD)
    with pytest.raises(PermissionDenied):
        teams.set_team_role(acme.org("lead"), "payments", acme.member("viewer").pk, None)


def test_a_lead_does_not_say_where_the_team_may_issue(acme):
    with pytest.raises(PermissionDenied):
        teams.set_issuing(acme.org("lead"), "payments", ["production"])
    assert teams.set_issuing(acme.org("admin"), "payments", ["production"])


def test_a_team_that_owns_keys_stays(acme, issue):
    issue(team=acme.team)
    with pytest.raises(teams.TeamHasKeys):
        teams.delete_team(acme.org("owner"), "payments")
    teams.delete_team(acme.org("owner"), "search")


def test_nothing_of_another_organization_can_be_touched(acme):
    foreign = Member.objects.get(user=acme["stranger"])
    with pytest.raises(Member.DoesNotExist):
        roles.set_environment_role(acme.org("owner"), foreign.pk, "staging", EnvironmentRole.VIEWER)
    with pytest.raises(Member.DoesNotExist):
        teams.set_team_role(acme.org("owner"), "payments", foreign.pk, TeamRole.MEMBER)


def test_an_invited_person_without_an_account_makes_one_and_joins(acme):
    _, token = invitations.invite(
        acme.org("admin"), email="New@Acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    invitations.sign_up_and_join(token, password="long enough 1", name="New", origin=NOWHERE)
    assert Member.objects.get(user__email="new@acme.test").organization == acme.organization


def test_a_link_works_once(acme):
    _, token = invitations.invite(
        acme.org("admin"), email="stranger@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    invitations.join(acme["stranger"], token, NOWHERE)
    with pytest.raises(invitations.LinkEnded):
        invitations.join(acme["stranger"], token, NOWHERE)


def test_a_link_for_one_person_is_of_no_use_to_another(acme):
    _, token = invitations.invite(
        acme.org("admin"), email="new@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    with pytest.raises(invitations.WrongPerson):
        invitations.join(acme["stranger"], token, NOWHERE)
    assert invitations.find_invitation(token).used_at is None


def test_a_link_never_changes_a_password(acme):
    _, token = invitations.invite(
        acme.org("admin"), email="stranger@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    before = User.objects.get(email="stranger@acme.test").password
    with pytest.raises(invitations.HasAccount):
        invitations.sign_up_and_join(token, password="another one 1", name="", origin=NOWHERE)
    assert User.objects.get(email="stranger@acme.test").password == before


def test_an_admin_invites_nobody_above_themselves(acme):
    with pytest.raises(PermissionDenied):
        invitations.invite(
            acme.org("admin"), email="new@acme.test", welcome=Welcome(OrganizationRole.OWNER)
        )


def test_a_second_link_for_an_address_ends_the_first(acme):
    _, first = invitations.invite(
        acme.org("owner"), email="new@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    invitations.invite(
        acme.org("owner"), email="new@acme.test", welcome=Welcome(OrganizationRole.ADMIN)
    )
    with pytest.raises(invitations.LinkEnded):
        invitations.find_invitation(first)


def test_the_links_token_is_not_in_the_database(acme):
    invitation, token = invitations.invite(
        acme.org("owner"), email="new@acme.test", welcome=Welcome(OrganizationRole.MEMBER)
    )
    assert token not in str(Invitation.objects.filter(pk=invitation.pk).values())


def test_there_is_no_set_up_link_once_there_is_a_person(acme):
    assert invitations.make_setup_link() is None


@pytest.mark.django_db
def test_the_first_person_comes_through_the_set_up_link_once():
    token = invitations.make_setup_link()
    assert token
    user = invitations.set_up(
        token, email="First@one.test", password="long enough 1", name="", origin=NOWHERE
    )
    assert user.email == "first@one.test"
    with pytest.raises(invitations.LinkEnded):
        invitations.set_up(
            token, email="x@one.test", password="long enough 1", name="", origin=NOWHERE
        )
