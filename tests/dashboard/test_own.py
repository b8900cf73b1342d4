"""What a person reads about themselves: their rights with the reason, and what they have done."""

from django.urls import reverse

from environments.models import Member, Organization
from environments.policy import OrganizationRole
from tests.pages import text_of

ACCESS, ACTIVITY = "/account/access/", "/account/activity/"


def test_each_right_stands_with_the_role_that_gives_it(acme, sign_in):
    page = text_of(sign_in("support").get(ACCESS))
    assert "Acme" in page
    assert "<strong>Support</strong>: View keys, tests and usage · Test keys" in page
    assert "Create keys" not in page


def test_a_lead_reads_what_the_team_gives_and_where(acme, sign_in, issue):
    issue(team=acme.team)
    issue(team=acme.team, environment="staging", name="other")
    page = text_of(sign_in("lead").get(ACCESS)).partition("<main")[2]
    development, staging = page.partition("Development")[2].split("Staging")[:2]
    assert "For keys of Payments" in development
    assert "Create keys" in development
    assert "Create keys" not in staging


def test_who_holds_nothing_reads_who_can_give_it(acme, sign_in):
    page = text_of(sign_in("member").get(ACCESS))
    assert "No environment yet: an owner or admin gives you a role" in page


def test_one_sees_the_own_acts_refusals_and_who_tried_to_be_them(acme, sign_in, issue, client):
    issue(by="engineer")
    client.post(reverse("account_login"), {"login": "engineer@acme.test", "password": "a guess"})
    engineer = sign_in("engineer")
    engineer.get("/o/acme/members/invite/")
    page = text_of(engineer.get(ACTIVITY))
    assert 'created the key <span class="wrap">billing-api</span>' in page
    assert "failed to sign in" in page
    assert "Invite and remove members" in page
    assert page.count("Refused") == 2
    nothing = text_of(sign_in("viewer").get(ACTIVITY))
    assert "billing-api" not in nothing


def test_a_session_from_a_provider_shows_its_own_organization_alone(acme, sign_in):
    elsewhere = Organization.objects.get(slug="elsewhere")
    Member.objects.create(organization=elsewhere, user=acme["viewer"], role=OrganizationRole.OWNER)
    client = sign_in("viewer")
    assert "Elsewhere" in text_of(client.get(ACCESS))
    session = client.session
    session["only_organization"] = acme.organization.pk
    session.save()
    for page in (ACCESS, ACTIVITY):
        assert "Elsewhere" not in text_of(client.get(page))
