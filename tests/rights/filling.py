"""Acme, settled with everybody of the table and filled with a row of every kind that an address may name."""

from collections.abc import Mapping

from django.utils import timezone
from django.utils.crypto import get_random_string

from environments.access import OrgScope, Scope, enter, enter_organization
from environments.approvals import Change
from environments.models import (
    AccessRequest,
    DataExport,
    Environment,
    EnvironmentGrant,
    LogExport,
    Member,
    Notice,
    Organization,
    Permit,
    Team,
    TeamMember,
    User,
)
from environments.origin import NOWHERE
from environments.policy import Act, EnvironmentRole, OrganizationRole, TeamRole
from environments.services import permits
from environments.services.invitations import Welcome, invite, new_person
from environments.services.organizations import create_organization
from keys.crypto import SecretText
from keys.handover import Browser as KnownBrowser
from keys.models import Batch, KeySet, TokenEndpoint
from keys.services.bulk import Order, start_batch
from keys.services.endpoints import NewEndpoint, add_endpoint
from keys.services.importing import Entered, NewImport, plug_in
from keys.services.issuing import NewKey, OneSight, create_key
from keys.services.rotating import Plan, prepare_rotation
from keys.services.testing import request_test
from keys.services.webhooks import add_webhook
from tests.addresses import the_public_key, the_signed_test
from tests.rights.house import House, Values
from tests.rights.people import (
    ADMIN,
    ARCHIVED,
    ISSUING,
    KEYS,
    MAKER,
    OTHER_OWNER,
    OWNER,
    PEOPLE,
    PLACES,
    PLAIN,
    STRANGER,
    Person,
)

PASSWORD = "four words put together"


def build() -> House:
    users = {each: new_person(f"person{at}@acme.test", PASSWORD, name=each.name) for at, each in enumerate(PEOPLE)}  # fmt: skip
    organization = create_organization(
        users[OWNER], name="Acme", slug="acme", timezone="UTC", origin=NOWHERE
    ).organization
    EnvironmentGrant.objects.filter(environment__organization=organization).delete()
    teams = {slug: _team(organization, slug) for slug in ISSUING}
    for person in PEOPLE:
        if person.role:
            member = _joined(organization, users[person], person.role)
            _settle(member, person, teams)
    _elsewhere(users[STRANGER])
    owner = _org(users[OWNER])
    keys: dict[tuple[str, str], Values] = {}
    imported: dict[tuple[str, str], Values] = {}
    places: dict[str, Values] = {}
    for place in PLACES:
        here = _here(users[MAKER], place)
        endpoint = add_endpoint(here, NewEndpoint("Partner", "https://partner.example/token", "client_secret_basic"))  # fmt: skip
        places[place] = {"endpoint": endpoint.public_id}
        for at in [each for each in KEYS if each[0] == place]:
            team = teams.get(at[1])
            keys[at] = _key(here, team)
            imported[at] = _imported(here, team, endpoint)
    for slug in ARCHIVED:
        Team.objects.filter(slug=slug).update(archived_at=timezone.now())
    requests = {f"about a key in {place}": _about_key(users[MAKER], place) for place in PLACES}
    requests["about a role"] = _about_role(users[OTHER_OWNER], users[PLAIN])
    accesses = {each: _access(organization, users[each]) for each in (PLAIN, ADMIN, OWNER)}
    acme = _of_acme(owner, users, str(keys["development", ""]["client_id"]))
    return House(users, acme, places, keys, imported, requests, accesses)


def _team(organization: Organization, slug: str) -> Team:
    team = Team.objects.create(organization=organization, slug=slug, name=slug.capitalize())
    team.issues_in.set(organization.environments.filter(slug__in=ISSUING[slug]))
    return team


def _joined(organization: Organization, user: User, role: OrganizationRole) -> Member:
    """Who made it, is in it."""
    member, _ = Member.objects.update_or_create(
        organization=organization, user=user, defaults={"role": role}
    )
    return member


def _settle(member: Member, person: Person, teams: Mapping[str, Team]) -> None:
    for slug, role in person.places.items():
        place = member.organization.environments.get(slug=slug)
        EnvironmentGrant.objects.create(member=member, environment=place, role=role)
    for slug, held in person.teams.items():
        TeamMember.objects.create(team=teams[slug], member=member, role=held)


def _elsewhere(user: User) -> None:
    """The stranger owns an organization of the same making: an engineer in each of its environments, and a lead."""
    there = create_organization(user, name="Other", slug="other", timezone="UTC", origin=NOWHERE)
    team = Team.objects.create(organization=there.organization, slug="payments", name="Payments")
    team.issues_in.set(there.organization.environments.all())
    TeamMember.objects.create(team=team, member=there.member, role=TeamRole.LEAD)
    held = EnvironmentGrant.objects.filter(member=there.member)
    assert set(held.values_list("role", flat=True)) == {EnvironmentRole.ENGINEER}


def _org(user: User) -> OrgScope:
    scope = enter_organization(user, "acme")
    assert scope is not None
    return scope


def _here(user: User, place: str) -> Scope:
    scope = enter(user, "acme", place)
    assert scope is not None
    return scope


def _sight() -> OneSight:
    return OneSight(KnownBrowser(get_random_string(43)), get_random_string(32))


def _key(here: Scope, team: Team | None) -> Values:
    """With a proof of each kind, an address of public keys, and something of everything that happens to a key."""
    shown = create_key(here, NewKey(f"api-of-{team or 'nobody'}", team), _sight())
    key = shown.secret.key
    held = the_public_key(here, key.client_id)
    signed = the_signed_test(here, key.client_id)
    KeySet.objects.create(key=key, url="https://keys.example/jwks.json")
    plan = Plan(here.environment.grace_default)
    return {
        "client_id": key.client_id,
        "secret": shown.secret.public_id,
        "handover": shown.public_id,
        "public_key": held,
        "signed_test": signed,
        "test": request_test(here, key.client_id).pk,
        "rotation": prepare_rotation(here, key.client_id, plan).public_id,
        "file": "collection",
    }


def _imported(here: Scope, team: Team | None, endpoint: TokenEndpoint) -> Values:
    new = NewImport(f"partner-of-{team or 'nobody'}", endpoint.public_id, "acme-there", team=team)
    text = SecretText(get_random_string(32))
    return {"client_id": plug_in(here, new, Entered(text)).key.client_id}


def _about_key(asker: User, place: str) -> str:
    here = _here(asker, place).environment
    change = Change(Act.ROTATE, "key:ck_one", "one", here, {}, {"both_work_for": "1 day"})
    return _asked(asker, change)


def _about_role(asker: User, about: User) -> str:
    member = Member.objects.get(user=about)
    place = Environment.objects.get(organization__slug="acme", slug="production")
    after = {"role": EnvironmentRole.ENGINEER.value}
    return _asked(asker, Change(Act.ROLES, f"member:{member.pk}", about.email, place, {}, after))


def _asked(asker: User, change: Change) -> str:
    Environment.objects.update(approvals_rotate=1, approvals_roles=1)
    permit: Permit = permits.ask(_org(asker), permits.Wish(change, "/o/acme/", "For the table"))
    Environment.objects.update(approvals_rotate=0, approvals_roles=0)
    return permit.public_id


def _access(organization: Organization, user: User) -> int:
    member = Member.objects.get(organization=organization, user=user)
    place = organization.environments.get(slug="staging")
    asked = AccessRequest.objects.create(
        organization=organization, member=member, environment=place, role=EnvironmentRole.VIEWER
    )
    return asked.pk


def _of_acme(owner: OrgScope, users: Mapping[Person, User], client_id: str) -> dict[str, object]:
    maker = _org(users[MAKER])
    batch = start_batch(maker, Order(Batch.Kind.TEST), [client_id], once=get_random_string(32))
    link, _ = invite(owner, email="late@acme.test", welcome=Welcome(OrganizationRole.MEMBER))
    notice = Notice.objects.create(
        organization=owner.organization, user=users[MAKER], once="it", title="News", path="/"
    )
    export = LogExport.objects.create(organization=owner.organization, form="csv", count=1)
    parcel = DataExport.objects.create(organization=owner.organization)
    webhook, _ = add_webhook(owner, url="https://hooks.example/", topics=["keys"])
    return {
        "org": "acme",
        "team": "payments",
        "place": "development",
        "member": Member.objects.get(user=users[PLAIN]).pk,
        "user": users[PLAIN].pk,
        "batch": batch.public_id,
        "link": link.pk,
        "notice": notice.pk,
        "export": export.public_id,
        "parcel": parcel.public_id,
        "webhook": webhook.public_id,
    }
