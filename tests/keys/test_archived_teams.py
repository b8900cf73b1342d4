"""A team is put away and brought back: where its keys go, what its people lose meanwhile, and what that takes."""

import pytest

from environments.access import enter
from environments.approvals import NeedsApproval
from environments.models import EnvironmentGrant, Team, TeamMember
from environments.policy import EnvironmentRole, TeamRole
from environments.services import invitations, teams
from environments.services.invitations import Welcome
from environments.services.teams import TeamHasKeys
from keys.models import Key
from keys.services import archiving, keeping
from keys.services.archiving import MayNotMove
from keys.services.room import NoRoom
from tests.approving import approved_by, ask, asks_for, owner
from tests.keys.pages.addresses import page, place
from tests.log import events, happened, lines
from tests.pages import text_of

pytestmark = pytest.mark.django_db
TEAM, ARCHIVE, BACK = (f"/o/acme/teams/payments/{page}" for page in ("", "archive/", "bring-back/"))


@pytest.fixture
def engineers(acme):
    """The admin is engineer in development as well, and so may move keys there."""
    development = acme.environment("development")
    EnvironmentGrant.objects.create(
        member=acme.member("admin"), environment=development, role=EnvironmentRole.ENGINEER
    )
    return acme


@pytest.fixture
def archived(acme):
    teams.archive_team(acme.org("admin"), "payments")
    return acme


def is_archived(acme):
    return Team.objects.get(pk=acme.team.pk).archived_at is not None


def test_an_admin_archives_a_team_without_keys_and_brings_it_back_on_its_page(acme, sign_in):
    client = sign_in("admin")
    assert "It owns no live key" in text_of(client.get(ARCHIVE))
    assert client.post(ARCHIVE).headers["Location"] == TEAM
    assert "Payments is archived, since" in text_of(client.get(TEAM))
    assert client.post(BACK).headers["Location"] == TEAM
    assert not is_archived(acme)
    assert events(subject="team:payments") == ["team.archived", "team.brought-back"]


@pytest.mark.parametrize(("name", "status"), [("lead", 403), ("engineer", 403), ("stranger", 404)])
def test_who_does_not_manage_teams_archives_none_and_brings_none_back(acme, sign_in, name, status):
    client = sign_in(name)
    assert client.post(ARCHIVE).status_code == status
    assert not is_archived(acme)
    teams.archive_team(acme.org("admin"), "payments")
    assert client.post(BACK).status_code == status
    assert is_archived(acme)


@pytest.mark.parametrize(("to", "name"), [("search", "Search"), ("none", None)])
def test_its_keys_go_where_they_are_sent_in_the_same_step(engineers, sign_in, issue, to, name):
    keys = [issue(name=f"key-{number}", team=engineers.team).key for number in range(2)]
    client = sign_in("admin")
    assert "Move 2 keys and archive team" in text_of(client.get(ARCHIVE))
    assert client.post(ARCHIVE, {"to": to}, follow=True).status_code == 200
    assert is_archived(engineers)
    moved = Key.objects.filter(pk__in=[key.pk for key in keys]).select_related("team")
    assert {key.team.name if key.team else None for key in moved} == {name}
    assert all(happened(key)[-1] == "key.moved" for key in keys)
    assert lines("team.archived") == 1


def test_nothing_is_archived_while_nobody_says_where_its_keys_go(engineers, sign_in, issue):
    issue(team=engineers.team)
    for said in ({}, {"to": ""}, {"to": "payments"}, {"to": "nowhere"}):
        answer = sign_in("admin").post(ARCHIVE, said)
        assert answer.status_code == 422, said
    with pytest.raises(TeamHasKeys):
        teams.archive_team(engineers.org("admin"), "payments")
    assert not is_archived(engineers)


def test_an_admin_who_may_not_move_some_of_the_keys_is_told_where_and_who_may(
    engineers, sign_in, issue
):
    kept = issue(name="here", team=engineers.team).key
    issue(name="live", team=engineers.team, environment="production")
    client = sign_in("admin")
    said = text_of(client.get(ARCHIVE))
    assert "Production: Engineer" in said
    assert "Development:" not in said
    assert client.post(ARCHIVE, {"to": "search"}).status_code == 409
    with pytest.raises(MayNotMove):
        archiving.archive_team(engineers.org("admin"), "payments", engineers.other_team)
    kept.refresh_from_db()
    assert kept.team == engineers.team
    assert not is_archived(engineers)
    assert not lines("key.moved")


def test_all_of_them_find_room_in_the_other_team_or_none_goes(engineers, sign_in, issue):
    for number in range(2):
        issue(name=f"key-{number}", team=engineers.team)
    teams.set_limit(engineers.org("owner"), "search", 1)
    answer = sign_in("admin").post(ARCHIVE, {"to": "search"})
    assert "Search has 0 of 1 keys" in answer.context["form"].errors["to"][0]
    assert engineers.team.keys.count() == 2
    assert not is_archived(engineers)


def test_its_people_keep_nothing_from_it(acme, sign_in, issue):
    key = issue(name="ours", team=acme.team).key
    issue(name="other")
    keeping.delete_key(acme.enter("engineer"), key.client_id)
    assert enter(acme["lead"], "acme", "development")
    teams.archive_team(acme.org("admin"), "payments")
    assert enter(acme["lead"], "acme", "development") is None
    assert acme.org("lead").leads == frozenset()
    client = sign_in("lead")
    assert client.get(place("create")).status_code == 404
    assert client.get(page("detail", key)).status_code == 404
    assert client.get("/o/acme/teams/payments/member/").status_code == 404
    assert "ours" not in text_of(client.get("/o/acme/keys/"))
    teams.bring_back_team(acme.org("admin"), "payments")
    assert client.get(place("create")).status_code == 200


def test_it_is_no_choice_any_more_and_the_verb_refuses_it_too(archived, sign_in, issue):
    other = issue(name="other").key
    client = sign_in("engineer")
    assert "Payments" not in text_of(client.get(place("create")))
    assert "Payments" not in text_of(client.get(page("move", other)))
    assert "Payments" not in text_of(sign_in("admin").get("/o/acme/members/invite/"))
    team = Team.objects.get(pk=archived.team.pk)
    with pytest.raises(NoRoom):
        issue(name="late", team=team)
    with pytest.raises(NoRoom):
        keeping.move_key(archived.enter("engineer"), other.client_id, team)
    joins = Welcome(team=team, team_role=TeamRole.MEMBER)
    with pytest.raises(Team.DoesNotExist):
        invitations.invite(archived.org("admin"), email="new@acme.test", welcome=joins)


def test_nothing_is_set_for_it_before_it_is_back(archived, sign_in):
    client = sign_in("owner")
    for name, said in (
        ("edit", {"name": "Other"}),
        ("issuing", {"environments": ["production"]}),
        ("limit", {"most_keys": "3"}),
        ("member", {"member": archived.member("viewer").pk, "role": "lead"}),
        ("archive", {}),
    ):
        assert client.post(f"{TEAM}{name}/", said).status_code == 404, name
    assert not TeamMember.objects.filter(member=archived.member("viewer")).exists()
    assert "Edit team" not in text_of(client.get(TEAM))


def test_whoever_joins_by_a_link_into_it_gets_nothing_before_it_is_back(acme):
    leads = Welcome(team=acme.team, team_role=TeamRole.LEAD)
    _, token = invitations.invite(acme.org("admin"), email="stranger@acme.test", welcome=leads)
    teams.archive_team(acme.org("admin"), "payments")
    invitations.join(acme["stranger"], token, acme.org("owner").origin)
    assert enter(acme["stranger"], "acme", "development") is None
    teams.bring_back_team(acme.org("admin"), "payments")
    assert enter(acme["stranger"], "acme", "development")


def test_where_roles_take_approvals_bringing_it_back_takes_them_and_archiving_waits_for_nobody(
    acme, sign_in
):
    acme.team.issues_in.add(acme.environment("production"))
    owner(acme, "olga")
    asks_for(acme, roles=1)
    client = sign_in("admin")
    assert client.post(ARCHIVE).status_code == 302
    ask(client, client.post(BACK))
    permit = approved_by(acme, "olga")
    assert client.get(permit.page).status_code == 200
    assert client.post(BACK).status_code == 302
    assert not is_archived(acme)
    teams.archive_team(acme.org("admin"), "payments")
    with pytest.raises(NeedsApproval):
        teams.bring_back_team(acme.org("admin"), "payments")


def test_what_was_asked_for_it_is_void_once_it_is_archived(acme, sign_in):
    owner(acme, "olga")
    asks_for(acme, roles=1)
    client = sign_in("admin")
    ask(client, client.post(f"{TEAM}issuing/", {"environments": ["production"]}))
    permit = approved_by(acme, "olga")
    teams.archive_team(acme.org("admin"), "payments")
    permit.refresh_from_db()
    assert permit.overtaken_at
    teams.bring_back_team(acme.org("admin"), "payments")
    with pytest.raises(NeedsApproval):
        teams.set_issuing(acme.org("admin"), "payments", ["production"])


def test_the_list_of_teams_has_it_apart(archived, sign_in):
    said = text_of(sign_in("member").get("/o/acme/teams/"))
    assert "1 team." in said
    assert "Archived" in said
