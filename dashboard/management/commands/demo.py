"""A demo organization that fills the screens: made with the same verbs that people use, removable as a whole."""

import json
import os
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from dashboard import startup
from dashboard.management import (
    demo_approvals,
    demo_history,
    demo_imports,
    demo_rotations,
    demo_signed,
)
from dashboard.management.demo_keys import DEVELOPMENT, KEYS, PRODUCTION, STAGING, Credential
from environments import audit
from environments.access import OrgScope, Scope, enter
from environments.events import Event
from environments.models import EnvironmentGrant, Member, Organization, Team, TeamMember, User
from environments.origin import NOWHERE
from environments.policy import EnvironmentRole, OrganizationRole, TeamRole
from environments.services import invitations, teams
from environments.services.invitations import Welcome
from environments.services.organizations import create_organization
from keys import handover
from keys.handover import Browser
from keys.issuer.clients import issuer_url
from keys.models import Key, Secret
from keys.services import issuing, keeping
from keys.services.issuing import NewKey, OneSight

DOMAIN = "demo.latchkey.example"
MEMBER, ADMIN = OrganizationRole.MEMBER, OrganizationRole.ADMIN
VIEWER, SUPPORT, ENGINEER = (
    EnvironmentRole.VIEWER,
    EnvironmentRole.SUPPORT,
    EnvironmentRole.ENGINEER,
)
EVERYWHERE = (DEVELOPMENT, STAGING, PRODUCTION)


class Person(NamedTuple):
    mail: str
    name: str
    role: OrganizationRole
    environments: dict[str, EnvironmentRole]
    teams: dict[str, TeamRole]


OWNER = "ana"
PEOPLE = (
    Person("bo", "Bo Lindqvist", ADMIN, dict.fromkeys(EVERYWHERE, SUPPORT), {}),
    Person(
        "chen", "Chen Wei", MEMBER, dict.fromkeys(EVERYWHERE, ENGINEER), {"platform": TeamRole.LEAD}
    ),
    Person("dana", "Dana Okafor", MEMBER, {}, {"payments": TeamRole.LEAD}),
    Person("eli", "Eli Novak", MEMBER, {}, {"payments": TeamRole.MEMBER, "search": TeamRole.LEAD}),
    Person(
        "fay",
        "Fay Moreau",
        MEMBER,
        {DEVELOPMENT: ENGINEER, STAGING: SUPPORT, PRODUCTION: VIEWER},
        {},
    ),
    Person(
        "maximiliane",
        "Maximiliane Wolfeschlegelsteinhausen-Bergerdorff de la Fontaine",
        MEMBER,
        dict.fromkeys(EVERYWHERE, VIEWER),
        {},
    ),
)
TEAMS = (
    ("payments", "Payments", "Takes money and gives it back.", EVERYWHERE),
    ("search", "Search", "Finds what people look for.", (DEVELOPMENT, STAGING)),
    (
        "platform",
        "Platform and Site Reliability Engineering",
        "Keeps all of it standing.",
        EVERYWHERE,
    ),
)


GIVEN_LIFE = timedelta(days=90)


class Command(BaseCommand):
    help = "Makes a demo organization and writes its sign-ins and secrets to a file; --remove takes it away again."

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--out", type=Path, help="the JSON file to write (mode 0600)")
        what.add_argument(
            "--remove", action="store_true", help="remove the demo organization and its people"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["remove"]:
            self.stdout.write(_remove())
            return
        try:
            startup.prove("web")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if Organization.objects.filter(demo=True).exists():
            raise CommandError("There is a demo already. Remove it first: manage.py demo --remove")
        descriptor = _private_file(options["out"])
        with os.fdopen(descriptor, "w") as file:
            json.dump(_make(), file, indent=1)
            file.write("\n")
        self.stdout.write(f"Made the demo. Its sign-ins and secrets are in {options['out']}.")


def _private_file(path: Path) -> int:
    """Opened before anything is made, so that a path that cannot be written costs nothing."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    os.fchmod(descriptor, 0o600)
    return descriptor


@transaction.atomic
def _remove() -> str:
    """Everything, the log once a worker has signed that it goes; a person who is also a member elsewhere stays."""
    demos = list(Organization.objects.filter(demo=True))
    for organization in demos:
        standing = audit.Machine(organization.pk)
        organization.delete()
        subject = f"organization:{organization.slug}"
        audit.record(standing, Event.ORGANIZATION_DELETED, subject, label=organization.name)
        audit.let_go(standing.organization_id, "the demo was removed")
    User.objects.filter(email__endswith=f"@{DOMAIN}", memberships=None).delete()
    if not demos:
        return "There is no demo."
    return (
        "Removed the demo. Its lines in the audit log go as well, once a worker has signed that they may: "
        "within a minute or two while Latchkey runs."
    )


@transaction.atomic
def _make() -> dict[str, object]:
    passwords = {f"{OWNER}@{DOMAIN}": get_random_string(20)}
    ((email, password),) = passwords.items()
    owner = invitations.new_person(email, password, name="Ana Petrova")
    scope = create_organization(
        owner,
        name="Demo Company",
        slug=_free_slug(),
        timezone="Europe/Berlin",
        origin=NOWHERE,
        demo=True,
    )
    for slug, name, purpose, where in TEAMS:
        teams.create_team(scope, name=name, slug=slug, purpose=purpose, contact=f"#{slug}")
        teams.set_issuing(scope, slug, where)
    teams.set_limit(scope, "payments", 10)
    for person in PEOPLE:
        email = f"{person.mail}@{DOMAIN}"
        passwords[email] = get_random_string(20)
        _bring_in(scope, person, email, passwords[email])
    newcomer = Welcome(MEMBER, {STAGING: EnvironmentRole.VIEWER}, note="See what staging does.")
    invitations.invite(scope, email=f"newcomer@{DOMAIN}", welcome=newcomer)
    made = [_issue(scope, each) for each in KEYS]
    signers = [demo_signed.make(_in(scope, each.environment), each) for each in demo_signed.SIGNERS]
    made += [told for told in signers if told]
    _remember(scope)
    made += demo_imports.plug_in(_in(scope, STAGING), made)
    asking = {"engineer": f"chen@{DOMAIN}", "newcomer": f"fay@{DOMAIN}"}
    demo_approvals.ask(scope, **asking, environment=PRODUCTION)
    return {
        "base_url": settings.LATCHKEY_BASE_URL,
        "organization": {"id": scope.organization.pk, "slug": scope.organization.slug},
        "environments": [
            {
                "id": place.pk,
                "slug": place.slug,
                "kind": place.kind,
                "issuer": issuer_url(place.issuer_id),
            }
            for place in scope.organization.environments.all()
        ],
        "users": [_user(member, passwords) for member in scope.organization.members.order_by("pk")],
        "keys": made,
    }


def _remember(scope: OrgScope) -> None:
    checkout = Key.objects.get(
        environment__organization=scope.organization,
        environment__slug=PRODUCTION,
        name="checkout",
    )
    demo_history.fold(checkout)
    platform = Team.objects.get(organization=scope.organization, slug="platform")
    demo_history.switch(_in(scope, DEVELOPMENT), platform)


def _free_slug() -> str:
    taken = set(Organization.objects.filter(slug__startswith="demo").values_list("slug", flat=True))
    numbered = (f"demo-{number}" for number in range(2, len(taken) + 3))
    return next(slug for slug in ("demo", *numbered) if slug not in taken)


def _bring_in(scope: OrgScope, person: Person, email: str, password: str) -> None:
    """The way of every person: a one-time link with their roles, then their teams."""
    welcome = Welcome(person.role, person.environments)
    _, token = invitations.invite(scope, email=email, welcome=welcome)
    user = invitations.sign_up_and_join(token, password=password, name=person.name, origin=NOWHERE)
    member = Member.objects.get(organization=scope.organization, user=user)
    for team, team_role in person.teams.items():
        teams.set_team_role(scope, team, member.pk, team_role)


def _in(scope: OrgScope, environment: str) -> Scope:
    here = enter(scope.actor, scope.organization.slug, environment)
    if here is None:
        raise CommandError("The demo's owner cannot enter the demo's environment.")
    return here


def _issue(scope: OrgScope, wanted: Credential) -> dict[str, object]:
    here = _in(scope, wanted.environment)
    sight = OneSight(Browser(secrets.token_urlsafe(32)), secrets.token_urlsafe(24))
    team = (
        Team.objects.get(organization=scope.organization, slug=wanted.team) if wanted.team else None
    )
    now = timezone.now()
    ends = now + wanted.ends_in if wanted.ends_in else None
    new = NewKey(
        wanted.name, team, wanted.note, used_by="Demo", kept_in="Demo vault", expires_at=ends
    )
    shown = issuing.create_key(here, new, sight)
    text = handover.show(shown, sight.browser, now).reveal()
    _age(shown.secret)
    _bring_about(here, shown.secret, wanted.state)
    issuing.collect_secret(here, shown)  # a worker tests it, as it tests every new secret
    if wanted.state in demo_rotations.STATES:
        newer = demo_rotations.rotate(here, shown.secret, wanted.state)
        text = newer.reveal() if newer else text
    return {
        "client_id": shown.secret.key.client_id,
        "name": wanted.name,
        "environment": wanted.environment,
        "team": wanted.team,
        "method": "secret",
        "secret": text,
    }


def _age(secret: Secret) -> None:
    """What ends soon, or has ended, was made a while ago."""
    if secret.expires_at and secret.expires_at < timezone.now() + timedelta(days=30):
        made = secret.expires_at - GIVEN_LIFE
        Secret.objects.filter(pk=secret.pk).update(created_at=made)
        Key.objects.filter(pk=secret.key_id).update(created_at=made)


def _bring_about(here: Scope, secret: Secret, state: str) -> None:
    if state == "disabled":
        keeping.disable_key(here, secret.key.client_id)
    if state == "failing":
        # As after a restore without `peppers.json`: nobody recognises the secret, so it is refused to everybody.
        lost, mark = secrets.token_hex(8), secrets.token_bytes(32)
        Secret.objects.filter(pk=secret.pk).update(pepper_id=lost, mark=mark)


def _user(member: Member, passwords: dict[str, str]) -> dict[str, object]:
    grants = EnvironmentGrant.objects.filter(member=member).select_related("environment")
    held = TeamMember.objects.filter(member=member).select_related("team")
    return {
        "email": member.user.email,
        "password": passwords[member.user.email],
        "organization_role": member.role,
        "environment_roles": {grant.environment.slug: grant.role for grant in grants},
        "teams": {each.team.slug: each.role for each in held},
    }
