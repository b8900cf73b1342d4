from environments.access import enter, enter_organization
from environments.policy import Action, EnvironmentRole, OrganizationRole


def test_an_engineer_stands_in_production_with_all_rights_on_keys(acme):
    scope = acme.enter("engineer", "production")
    assert scope.role is EnvironmentRole.ENGINEER
    assert scope.may(Action.CREATE)


def test_an_owner_without_an_environment_role_stands_in_no_environment(acme):
    assert enter(acme["owner"], "acme", "production") is None
    assert acme.org("owner").role is OrganizationRole.OWNER


def test_a_stranger_and_a_place_that_is_not_there_get_the_same_answer(acme):
    assert enter(acme["stranger"], "acme", "development") is None
    assert enter(acme["stranger"], "nowhere", "development") is None
    assert enter_organization(acme["stranger"], "acme") is None


def test_a_lead_stands_where_the_team_may_issue(acme):
    scope = acme.enter("lead", "development")
    assert not scope.may(Action.CREATE)
    assert scope.teams_granting(Action.CREATE) == {acme.team.pk}


def test_a_lead_sees_nothing_where_the_team_neither_issues_nor_owns_a_key(acme):
    assert enter(acme["lead"], "acme", "production") is None


def test_a_lead_sees_the_teams_keys_where_the_team_may_not_issue_but_makes_none(acme, issue):
    issue(environment="production", team=acme.team)
    scope = acme.enter("lead", "production")
    assert scope.teams_granting(Action.VIEW) == {acme.team.pk}
    assert not scope.may_somewhere(Action.CREATE)


def test_entering_takes_two_queries_however_many_teams_there_are(acme, django_assert_num_queries):
    with django_assert_num_queries(2):
        enter(acme["lead"], "acme", "development")
