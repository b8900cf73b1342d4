"""The people of the tests: in Acme an owner, an admin, an engineer, a support, a viewer, a lead, a team member; and a
stranger, who owns another organization. None holds more than their word says."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils.crypto import get_random_string

from environments.access import OrgScope, Scope, enter, enter_organization
from environments.models import (
    Environment,
    EnvironmentGrant,
    Member,
    Organization,
    Team,
    TeamMember,
    User,
)
from environments.origin import NOWHERE
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.services.invitations import new_person
from environments.services.organizations import create_organization
from keys.handover import Browser as KnownBrowser
from keys.handover import show
from keys.models import Handover, Key, Secret
from keys.services.issuing import NewKey, OneSight, create_key
from tests.browsers import let_in

PASSWORD = "correct horse battery"
MEMBERS = ("admin", "engineer", "support", "viewer", "lead", "teammate", "member")
LONG_AGO = 3600
"""Seconds since a sign-in that is no longer fresh."""


def person(name: str) -> User:
    return new_person(f"{name}@acme.test", PASSWORD, name=name.capitalize())


def _people(*names: str) -> dict[str, User]:
    """As `person` makes each, but all in two statements: nearly every test begins with them."""
    password = make_password(PASSWORD)
    users = User.objects.bulk_create(
        User(email=f"{name}@acme.test", name=name.capitalize(), password=password) for name in names
    )
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users
    )
    return dict(zip(names, users, strict=True))


@dataclass
class Place:
    """Acme with its people; `enter("lead", "production")` is that person standing there."""

    organization: Organization
    people: dict[str, User]
    team: Team
    other_team: Team

    def __getitem__(self, name: str) -> User:
        return self.people[name]

    def environment(self, slug: str) -> Environment:
        return Environment.objects.select_related("organization").get(
            organization=self.organization, slug=slug
        )

    def enter(self, name: str, slug: str = "development") -> Scope:
        scope = enter(self.people[name], self.organization.slug, slug)
        assert scope is not None, f"{name} holds nothing in {slug}"
        return scope

    def org(self, name: str) -> OrgScope:
        scope = enter_organization(self.people[name], self.organization.slug)
        assert scope is not None, f"{name} is no member"
        return scope

    def member(self, name: str) -> Member:
        return Member.objects.get(organization=self.organization, user=self.people[name])


@pytest.fixture
def acme(db) -> Place:
    people = _people("owner", *MEMBERS, "stranger")
    scope = create_organization(
        people["owner"], name="Acme", slug="acme", timezone="UTC", origin=NOWHERE
    )
    organization = scope.organization
    # The owner of these tests holds no environment role: neither kind of role implies the other.
    EnvironmentGrant.objects.filter(member=scope.member).delete()
    roles = {"admin": OrganizationRole.ADMIN}
    made = Member.objects.bulk_create(
        Member(
            organization=organization,
            user=people[name],
            role=roles.get(name, OrganizationRole.MEMBER),
        )
        for name in MEMBERS
    )
    members = dict(zip(MEMBERS, made, strict=True))
    EnvironmentGrant.objects.bulk_create(
        EnvironmentGrant(member=members[held.value], environment=environment, role=held)
        for environment in organization.environments.all()
        for held in EnvironmentRole
    )
    team = Team.objects.create(organization=organization, name="Payments", slug="payments")
    other = Team.objects.create(organization=organization, name="Search", slug="search")
    team.issues_in.add(organization.environments.get(slug="development"))
    TeamMember.objects.create(team=team, member=members["lead"], role=TeamRole.LEAD)
    TeamMember.objects.create(team=team, member=members["teammate"], role=TeamRole.MEMBER)
    create_organization(
        people["stranger"], name="Elsewhere", slug="elsewhere", timezone="UTC", origin=NOWHERE
    )
    return Place(organization, people, team, other)


def sight(once: str = "") -> OneSight:
    """Another browser each time, and a form that was not sent before unless the test says so."""
    return OneSight(KnownBrowser(get_random_string(43)), once or get_random_string(32))


@dataclass
class Issued:
    key: Key
    secret: Secret
    text: str
    handover: Handover


@pytest.fixture
def issue(acme: Place) -> Callable[..., Issued]:
    """Issue a key as a person would, and keep its secret's text for the test."""

    def make(
        by: str = "engineer", name: str = "billing-api", environment: str = "development", **more
    ) -> Issued:
        once = sight()
        made = create_key(acme.enter(by, environment), NewKey(name=name, **more), once)
        text = show(made, once.browser, made.made_at).reveal()
        return Issued(made.secret.key, made.secret, text, made)

    return make


@pytest.fixture
def sign_in(client: Client, acme: Place) -> Callable[..., Client]:
    """A browser in which this person has signed in, `ago` seconds back."""

    def into(name: str, ago: float = 1) -> Client:
        client.logout()
        return let_in(client, acme[name], ago)

    return into
