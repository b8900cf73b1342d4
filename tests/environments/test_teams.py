"""Teams: who makes them, who is in them, where they may issue."""

from django.urls import reverse

from environments.models import EnvironmentGrant, Team, TeamMember


def at(name, *more):
    return reverse(f"environments:{name}", args=["acme", *more])


def test_an_admin_makes_a_team_and_its_address_comes_from_its_name(acme, sign_in):
    client = sign_in("admin")
    answer = client.post(at("new_team"), {"name": "Data & Insight", "purpose": "Numbers"})
    assert answer.headers["Location"] == at("team", "data-insight")
    assert b"Nobody is in this team yet" in client.get(at("team", "data-insight")).content


def test_a_name_or_address_that_is_taken_empty_or_unreadable_is_said_at_its_field(acme, sign_in):
    client = sign_in("admin")
    for form in (
        {"name": "Payments"},
        {"name": "Other", "slug": "payments"},
        {"name": "Other", "slug": "new"},
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\x00b"},
        {"name": "right\u202eleft"},
        {"name": "Other", "slug": "a/b"},
        {"name": "!!!"},
    ):
        assert client.post(at("new_team"), form).status_code == 200, form
    assert Team.objects.count() == 2


def test_everybody_here_sees_a_team_and_only_those_who_may_see_its_buttons(acme, sign_in):
    assert b"Edit team" not in sign_in("member").get(at("team", "payments")).content
    assert b"Edit team" in sign_in("admin").get(at("team", "payments")).content
    assert b"Payments" in sign_in("member").get(at("teams")).content


def test_a_lead_puts_members_into_the_own_team_and_no_other(acme, sign_in):
    client = sign_in("lead")
    form = {"member": acme.member("viewer").pk, "role": "member"}
    assert client.get(at("team_member", "payments")).status_code == 200
    assert client.post(at("team_member", "payments"), form).status_code == 302
    assert TeamMember.objects.filter(team=acme.team, member=acme.member("viewer")).exists()
    assert client.post(at("team_member", "search"), form).status_code == 403
    client.post(at("team_member", "payments"), {**form, "role": "lead"})
    assert TeamMember.objects.get(member=acme.member("viewer")).role == "member"


def test_an_owner_takes_a_lead_out_of_a_team(acme, sign_in):
    form = {"member": acme.member("lead").pk, "role": "none"}
    sign_in("owner").post(at("team_member", "payments"), form)
    assert not TeamMember.objects.filter(member=acme.member("lead")).exists()


def test_an_admin_says_where_a_team_may_issue_even_nowhere(acme, sign_in):
    client = sign_in("admin")
    client.post(at("issuing", "payments"), {"environments": ["staging", "production"]})
    assert {place.slug for place in acme.team.issues_in.all()} == {"staging", "production"}
    client.post(at("issuing", "payments"), {})
    assert not acme.team.issues_in.exists()


def test_an_admin_edits_and_deletes_a_team(acme, sign_in):
    client = sign_in("admin")
    client.post(at("edit_team", "search"), {"name": "Finding", "purpose": "", "contact": "#find"})
    assert Team.objects.get(slug="search").name == "Finding"
    assert b"Delete team" in client.get(at("delete_team", "search")).content
    client.post(at("delete_team", "search"))
    assert not Team.objects.filter(slug="search").exists()


def test_a_team_that_owns_keys_stays(acme, sign_in, issue):
    issue(team=acme.team)
    answer = sign_in("owner").post(at("delete_team", "payments"), follow=True)
    assert b"owns keys" in answer.content
    assert Team.objects.filter(slug="payments").exists()


def test_a_team_leads_to_those_of_its_keys_that_the_reader_may_see(acme, sign_in, issue):
    issue(name="ours", team=acme.team)
    issue(name="live", team=acme.team, environment="production")
    EnvironmentGrant.objects.filter(
        member=acme.member("viewer"), environment=acme.environment("production")
    ).delete()
    page = "/o/acme/teams/payments/"
    link = "/o/acme/keys/?team=payments"
    teammate = sign_in("teammate").get(page).content.decode()
    assert f'href="{link}">2 keys</a>.' in teammate
    viewer = sign_in("viewer").get(page).content.decode()
    assert f'href="{link}">1 key</a> of 2' in viewer
    owner = sign_in("owner").get(page).content.decode()  # holds no role in an environment
    assert link not in owner
    assert "owns 2 keys, in environments where you have no role" in owner
    assert "owns no key yet" in sign_in("owner").get("/o/acme/teams/search/").content.decode()
