"""Owners add environments, name them and put them in order; nobody else does."""

import pytest

from environments.access import enter
from environments.models import AuditEvent, Environment, EnvironmentGrant, Kind
from environments.services import organizations
from environments.services.organizations import MOST_ENVIRONMENTS, TooManyEnvironments

LISTED, NEW = "/o/acme/settings/environments/", "/o/acme/settings/environments/new/"


def slugs(acme):
    return list(acme.organization.environments.values_list("slug", flat=True))


def test_an_owner_adds_a_fourth_one_and_issues_a_key_in_it(acme, sign_in, issue):
    form = {"name": "Production EU", "slug": "", "kind": "production"}
    assert sign_in("owner").post(NEW, form).headers["Location"] == LISTED
    assert slugs(acme)[-1] == "production-eu"
    issued = issue(by="owner", environment="production-eu")
    assert issued.text.startswith("lk_prd_")
    place = acme.environment("production-eu")
    assert place.scopes == ["api:production"]
    assert place.issuer_id not in {
        each.issuer_id for each in acme.organization.environments.exclude(pk=place.pk)
    }
    assert AuditEvent.objects.get(event="environment.added").subject == "environment:production-eu"


def test_nobody_else_gets_in_by_its_being_made(acme, sign_in):
    organizations.add_environment(
        acme.org("owner"), name="Sandbox", slug="sandbox", kind=Kind.DEVELOPMENT
    )
    assert EnvironmentGrant.objects.filter(environment__slug="sandbox").count() == 1
    assert enter(acme["engineer"], "acme", "sandbox") is None
    assert sign_in("engineer").get("/o/acme/e/sandbox/").status_code == 404


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Staging", "staging"),
        ("Environments", ""),
        ("Sign-on", "sign-on"),
        ("New", "new"),
        ("", "x"),
        ("x" * 41, ""),
        ("Bad", "a b"),
    ],
)
def test_an_address_that_is_taken_or_none_is_refused_at_its_field(acme, sign_in, name, slug):
    before = slugs(acme)
    page = sign_in("owner").post(NEW, {"name": name, "slug": slug, "kind": "staging"})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert slugs(acme) == before


def test_a_kind_that_does_not_exist_is_refused(acme, sign_in):
    page = sign_in("owner").post(NEW, {"name": "Odd", "slug": "odd", "kind": "moon"})
    assert page.context["form"].errors["kind"]


def test_they_are_put_in_order_step_by_step(acme, sign_in):
    client = sign_in("owner")
    client.post(LISTED + "production/order/", {"up": "1"})
    assert slugs(acme) == ["development", "production", "staging"]
    client.post(LISTED + "development/order/", {"down": "1"})
    assert slugs(acme) == ["production", "development", "staging"]
    client.post(LISTED + "production/order/", {"up": "1"})
    assert slugs(acme) == ["production", "development", "staging"]
    assert AuditEvent.objects.filter(event="environment.moved").count() == 2


def test_a_new_name_is_shown_and_the_address_stays(acme, sign_in):
    client = sign_in("owner")
    client.post(LISTED + "staging/", {"name": "Rehearsal"})
    assert "Rehearsal" in client.get(LISTED).content.decode()
    assert acme.environment("staging").name == "Rehearsal"
    line = AuditEvent.objects.get(event="environment.edited")
    assert line.detail == {"before": {"name": "Staging"}, "after": {"name": "Rehearsal"}}
    client.post(LISTED + "staging/", {"name": "Rehearsal"})
    assert AuditEvent.objects.filter(event="environment.edited").count() == 1


@pytest.mark.parametrize("name", ["admin", "engineer", "member"])
def test_whoever_is_no_owner_is_refused(acme, sign_in, name):
    client = sign_in(name)
    form = {"name": "Sandbox", "slug": "", "kind": "staging"}
    for answer in (
        client.get(LISTED),
        client.post(NEW, form),
        client.post(LISTED + "staging/", {"name": "Mine"}),
        client.post(LISTED + "staging/order/", {"up": "1"}),
    ):
        assert answer.status_code == 403
    assert slugs(acme) == ["development", "staging", "production"]
    assert AuditEvent.objects.filter(denied=True).count() == 4


def test_a_stranger_and_an_environment_of_another_organization_are_not_found(acme, sign_in):
    assert sign_in("stranger").get(LISTED).status_code == 404
    Environment.objects.filter(organization__slug="elsewhere", slug="staging").update(slug="theirs")
    client = sign_in("owner")
    assert client.post(LISTED + "theirs/", {"name": "Mine"}).status_code == 404
    assert client.post(LISTED + "theirs/order/", {"up": "1"}).status_code == 404


def test_twenty_are_enough(acme):
    scope = acme.org("owner")
    for number in range(MOST_ENVIRONMENTS - 3):
        organizations.add_environment(
            scope, name=f"Sandbox {number}", slug=f"s{number}", kind=Kind.DEVELOPMENT
        )
    with pytest.raises(TooManyEnvironments):
        organizations.add_environment(scope, name="More", slug="more", kind=Kind.STAGING)
