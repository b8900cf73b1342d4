"""An environment that nobody needs is put away: who may, what stands in the way, what stays readable, and the way back."""

import pytest

from environments.access import enter
from environments.approvals import NeedsApproval
from environments.models import AccessRequest, Environment, Permit
from environments.policy import Action, EnvironmentRole
from environments.services import access_requests, archiving, teams
from environments.services.archiving import LastEnvironment, LiveKeys
from environments.services.roles import set_environment_role
from keys.services import keeping
from tests.approving import approved_by, ask, asks_for, owner
from tests.keys.pages.addresses import page, place
from tests.log import events, lines
from tests.pages import text_of

pytestmark = pytest.mark.django_db
LISTED = "/o/acme/settings/environments/"
ARCHIVE, BACK = LISTED + "staging/archive/", LISTED + "staging/bring-back/"


@pytest.fixture
def archived(acme):
    archiving.archive_environment(acme.org("owner"), "staging")
    return acme


def is_archived(acme):
    return acme.environment("staging").archived_at is not None


def test_an_owner_archives_one_and_brings_it_back_where_it_stood(acme, sign_in):
    client = sign_in("owner")
    assert client.get(ARCHIVE).status_code == 200
    assert client.post(ARCHIVE).headers["Location"] == LISTED
    assert is_archived(acme)
    assert "Bring back Staging" in text_of(client.get(LISTED))
    assert "Staging is archived" in text_of(
        sign_in("engineer").get(place("environment", "staging"))
    )
    assert "Show deleted keys" in text_of(client.get(place("environment", "staging")))
    client = sign_in("owner")
    assert client.get(BACK).status_code == 200
    assert client.post(BACK).headers["Location"] == LISTED
    assert not is_archived(acme)
    told = events(subject="environment:staging")
    assert told == ["environment.archived", "environment.brought-back"]


@pytest.mark.parametrize(("name", "status"), [("admin", 403), ("engineer", 403), ("stranger", 404)])
def test_nobody_but_an_owner_does(acme, sign_in, name, status):
    client = sign_in(name)
    assert client.post(ARCHIVE).status_code == status
    assert not is_archived(acme)
    archiving.archive_environment(acme.org("owner"), "staging")
    assert client.post(BACK).status_code == status
    assert is_archived(acme)


def test_not_while_a_key_may_still_buy_tokens_and_those_that_one_sees_are_named(
    acme, sign_in, issue
):
    key = issue(environment="staging").key
    client = sign_in("owner")
    said = text_of(client.get(ARCHIVE))
    assert "Not while it has 1 live key" in said
    assert "billing-api" not in said, "this owner holds no role there"
    assert client.post(ARCHIVE).status_code == 409
    with pytest.raises(LiveKeys):
        archiving.archive_environment(acme.org("owner"), "staging")
    set_environment_role(acme.org("admin"), acme.member("viewer").pk, "staging", None)
    keeping.disable_key(acme.enter("engineer", "staging"), key.client_id)
    assert client.post(ARCHIVE).status_code == 302


def test_one_stays(acme):
    scope = acme.org("owner")
    for slug in ("staging", "production"):
        archiving.archive_environment(scope, slug)
    with pytest.raises(LastEnvironment):
        archiving.archive_environment(scope, "development")
    assert not archiving.archive_environment(scope, "staging"), "it is already"


def test_it_is_offered_nowhere(archived, sign_in):
    archived.team.issues_in.add(archived.environment("staging"))
    client = sign_in("owner")
    for address in (
        "/o/acme/settings/",
        "/o/acme/members/",
        "/o/acme/members/invite/",
        "/o/acme/members/edit/",
        "/o/acme/teams/payments/",
        "/o/acme/teams/payments/issuing/",
        "/o/acme/approvals/access/",
    ):
        assert "Staging" not in text_of(client.get(address)), address
    assert client.get("/o/acme/settings/staging/").status_code == 404
    client = sign_in("engineer")
    for address in ("/o/acme/", "/o/acme/keys/"):
        assert "Staging" not in text_of(client.get(address)), address


def test_its_log_and_history_stay_readable_and_nothing_else_is_left(acme, sign_in, issue):
    gone, kept = (issue(name=name, environment="staging").key for name in ("gone", "kept"))
    here = acme.enter("engineer", "staging")
    keeping.delete_key(here, gone.client_id)
    keeping.disable_key(here, kept.client_id)
    archiving.archive_environment(acme.org("owner"), "staging")
    client = sign_in("engineer")
    assert "Staging is archived, since" in text_of(client.get(page("detail", gone)))
    assert client.get("/o/acme/e/staging/log/").status_code == 200
    listed = text_of(client.get(place("environment", "staging")))
    assert "kept" in listed
    assert "Token endpoint" not in listed
    assert "gone" in text_of(client.get(place("environment", "staging") + "?health=deleted"))
    for address in (page("enable", kept), page("test", kept), place("create", "staging")):
        assert client.post(address).status_code == 403, address
    left = enter(acme["engineer"], "acme", "staging")
    assert left is not None
    assert left.actions == {Action.VIEW, Action.READ_LOG}


def test_no_role_is_given_there_and_what_was_asked_for_it_is_void(acme):
    owner(acme, "olga")
    member = acme.member("member")
    role = EnvironmentRole.VIEWER
    access_requests.ask_access(acme.org("member"), environment="staging", role=role, reason="x")
    archiving.archive_environment(acme.org("owner"), "staging")
    assert not AccessRequest.objects.open().exists()
    with pytest.raises(Environment.DoesNotExist):
        set_environment_role(acme.org("admin"), member.pk, "staging", role)


def test_a_team_that_issues_there_does_so_again_once_it_is_back(archived):
    staging = archived.environment("staging")
    archived.team.issues_in.add(staging)
    teams.set_issuing(archived.org("admin"), "payments", ["production"])
    assert set(archived.team.issues_in.values_list("slug", flat=True)) == {"staging", "production"}
    left = archived.enter("lead", "staging").team_actions[archived.team.pk]
    assert left <= {Action.VIEW, Action.READ_LOG}
    archiving.bring_back_environment(archived.org("owner"), "staging")
    assert Action.CREATE in archived.enter("lead", "staging").team_actions[archived.team.pk]


def test_where_its_policy_takes_approvals_both_ways_take_them(acme, sign_in):
    owner(acme, "olga")
    asks_for(acme, "staging", policy=1)
    client = sign_in("owner")
    ask(client, client.post(ARCHIVE))
    permit = approved_by(acme, "olga")
    assert client.get(permit.page).status_code == 200
    assert client.post(ARCHIVE).status_code == 302
    with pytest.raises(NeedsApproval):
        archiving.bring_back_environment(acme.org("owner"), "staging")
    ask(client, client.post(BACK))
    approved_by(acme, "olga")
    assert client.post(BACK).status_code == 302
    assert Permit.objects.exclude(spent_at=None).count() == 2


def test_one_that_is_put_away_takes_no_part_in_the_order(archived, sign_in):
    client = sign_in("owner")
    client.post(LISTED + "production/order/", {"up": "1"})
    current = archived.organization.environments.current()
    assert list(current.values_list("slug", flat=True)) == ["production", "development"]
    assert lines("environment.moved") == 1
