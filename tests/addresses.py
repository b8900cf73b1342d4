"""Every address of the site, found in its map, and rows with which each of them can be opened."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.urls import URLResolver, get_resolver
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
    Permit,
    Session,
    Team,
    User,
)
from environments.policy import Act, EnvironmentRole, OrganizationRole
from environments.services import permits
from environments.services.invitations import Welcome, invite
from keys.crypto import SecretText
from keys.handover import Browser as KnownBrowser
from keys.models import Batch, Key
from keys.public_keys import read_public_keys
from keys.services.bulk import Order, start_batch
from keys.services.endpoints import NewEndpoint, add_endpoint
from keys.services.issuing import NewKey, OneSight, create_key
from keys.services.public_keys import add_public_keys
from keys.services.rotating import Plan, prepare_rotation
from keys.services.signing import try_assertion
from keys.services.testing import request_test
from keys.services.webhooks import add_webhook
from tests.cast import Place
from tests.pages import Form, forms

VALUE = re.compile(r"<\w+:(\w+)>")
READ = re.compile(r"""POST(?:\.get(?:list)?\(|\[)"(\w+)"|"(\w+)" (?:not )?in request\.POST""")


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    read: frozenset[str] = field(compare=False)
    """What the view's module reads from a POST by name, whether a page offers it or not."""

    @property
    def values(self) -> list[str]:
        return VALUE.findall(self.route)

    @property
    def floor(self) -> str:
        """Whose page it is, as far as the name tells."""
        return "accounts" if self.of_allauth else self.name.rpartition(":")[0] or "dashboard"

    @property
    def of_allauth(self) -> bool:
        return self.route.startswith("accounts/")

    def path(self, values: Mapping[str, object]) -> str:
        """A value that is not known here has to be given to `the_rows`."""
        return "/" + VALUE.sub(lambda found: str(values[found[1]]), self.route)

    def __str__(self) -> str:
        return self.name


def _walk(resolver: URLResolver, space: str = "", route: str = "") -> Iterator[Address]:
    for entry in resolver.url_patterns:
        whole = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, f"{entry.namespace}:" if entry.namespace else space, whole)
        elif entry.name and "^" not in whole:
            source = inspect.getsource(inspect.getmodule(inspect.unwrap(entry.callback)))  # type: ignore[arg-type]  # views are in files
            read = frozenset(a or b for a, b in READ.findall(source))
            yield Address(space + entry.name, whole, read)


ADDRESSES = list({each.name: each for each in reversed([*_walk(get_resolver())])}.values())
OURS = [each for each in ADDRESSES if not each.of_allauth]
PLACED = [each for each in OURS if "org" in each.values]
"""Those that belong to an organization."""


def the_rows(user: User, scope: OrgScope, env: str) -> dict[str, object]:
    """One row of every kind that an address may name, in this person's organization."""
    here = enter(user, scope.organization.slug, env)
    assert here is not None
    browser = KnownBrowser(get_random_string(43))
    sight = OneSight(browser, get_random_string(32))
    shown = create_key(here, NewKey(f"{env}-api"), sight)
    create_key(here, NewKey(f"{env}-other"), OneSight(browser, get_random_string(32)))
    client_id = shown.secret.key.client_id
    team, _ = Team.objects.get_or_create(
        organization=scope.organization, slug=f"{env}-team", name=f"{env} team"
    )
    member = Member.objects.exclude(user=user).filter(organization=scope.organization).first()
    link, token = invite(scope, email=f"late@{env}.test", welcome=Welcome(OrganizationRole.MEMBER))
    rotation = prepare_rotation(here, client_id, Plan(timedelta(hours=1)))
    batch = start_batch(scope, Order(Batch.Kind.TEST), [client_id], once=get_random_string(32))
    url = "https://token.example/oauth/token"
    endpoint = add_endpoint(here, NewEndpoint("Provider", url, "client_secret_basic"))
    return {
        "org": scope.organization.slug,
        "env": env,
        "client_id": client_id,
        "secret": shown.secret.public_id,
        "public_key": the_public_key(here, client_id),
        "handover": shown.public_id,
        "test": request_test(here, client_id).pk,
        "team": team.slug,
        "member": (member or scope.member).pk,
        "user": user.pk,
        "webhook": add_webhook(scope, url="https://hooks.example/", topics=["keys"])[0].public_id,
        "link": link.pk,
        "token": token,
        "rotation": rotation.public_id,
        "batch": batch.public_id,
        "endpoint": endpoint.public_id,
        "pk": 1,
        "place": env,
        "export": LogExport.objects.create(
            organization=scope.organization, form="csv", count=1
        ).public_id,
        "parcel": DataExport.objects.create(organization=scope.organization).public_id,
        "access": _access(scope, env).pk,
        "permit": _permit(scope, member or scope.member, env).public_id,
        "notice": _notice(user, scope, env).pk,
        "browser": browser.token,
        "file": "collection",
        "signed_test": the_signed_test(here, client_id),
        "session": _session(user, env).pk,
    }


def the_public_key(scope: Scope, client_id: str) -> str:
    pem = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    (made,) = add_public_keys(scope, client_id, read_public_keys(text, now=timezone.now()))
    return made.public_id


def _session(user: User, env: str) -> Session:
    """Another browser of this person."""
    ends = timezone.now() + timedelta(days=1)
    return Session.objects.create(session_key=f"{env}-browser", expire_date=ends, user=user)


def the_signed_test(scope: Scope, client_id: str) -> str:
    held = Key.objects.within(scope).get(client_id=client_id).public_keys.get()
    assertion = SecretText("e30.e30.c2ln")
    return try_assertion(scope, client_id, held.public_id, assertion).public_id


def _access(scope: OrgScope, env: str) -> AccessRequest:
    """A role that this person asks for."""
    place = scope.organization.environments.get(slug=env)
    return AccessRequest.objects.create(
        organization=scope.organization, member=scope.member, environment=place, role="viewer"
    )


def _permit(scope: OrgScope, member: Member, env: str) -> Permit:
    """A request of this person about somebody's role."""
    place = scope.organization.environments.get(slug=env)
    role = {"role": EnvironmentRole.ENGINEER.value}
    change = Change(Act.ROLES, f"member:{member.pk}", "somebody", place, {}, role)
    return permits.ask(scope, permits.Wish(change, "/", "For the tests"))


def _notice(user: User, scope: OrgScope, env: str) -> Notice:
    return Notice.objects.create(
        organization=scope.organization, user=user, once=env, title="A key fails", path="/"
    )


@dataclass
class House:
    """Acme with a person who may do everything there, and somebody else's rows."""

    acme: Place
    client: Client
    own: dict[str, object]
    foreign: dict[str, object]

    def forms(self, address: Address) -> list[Form]:
        """The forms by which this page, or another of the same row, sends something to this address."""
        path = address.path(self.own)
        page = self.client.get(path)
        found = forms(page.content) if page.headers["Content-Type"].startswith("text/html") else []
        posts = [each for each in found if each.method == "post"]
        return [each for each in posts if each.action in {"", path}]

    def post(self, address: Address, body: str) -> Any:
        kind = "application/x-www-form-urlencoded"
        return self.client.post(address.path(self.own), body, content_type=kind)

    def lower(self) -> None:
        """The person becomes a plain member who only views."""
        boss = self.acme.member("owner")
        Member.objects.filter(pk=boss.pk).update(role=OrganizationRole.MEMBER)
        EnvironmentGrant.objects.filter(member=boss).update(role=EnvironmentRole.VIEWER)


def build(acme: Place, sign_in: Callable[[str], Client]) -> House:
    boss, stranger = acme["owner"], acme["stranger"]
    for place in acme.organization.environments.all():
        EnvironmentGrant.objects.create(
            member=acme.member("owner"), environment=place, role=EnvironmentRole.ENGINEER
        )
    # A second owner, so that the first may step back.
    Member.objects.filter(user=acme["admin"]).update(role=OrganizationRole.OWNER)
    elsewhere = enter_organization(stranger, "elsewhere")
    assert elsewhere is not None
    sandbox = Environment.objects.create(
        organization=elsewhere.organization, slug="sandbox", name="Sandbox", kind="development"
    )
    EnvironmentGrant.objects.create(
        member=elsewhere.member, environment=sandbox, role=EnvironmentRole.ENGINEER
    )
    own = the_rows(boss, acme.org("owner"), "development")
    foreign = the_rows(stranger, elsewhere, "sandbox")
    client = sign_in("owner")
    client.cookies["browser"] = str(own["browser"])
    return House(acme, client, own, foreign)
