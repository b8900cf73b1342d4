"""People's verbs on an organization itself."""

from django.db import transaction

from environments import audit
from environments.access import OrgScope
from environments.events import Event
from environments.models import Environment, EnvironmentGrant, Kind, Member, Organization, User
from environments.origin import Origin
from environments.policy import EnvironmentRole, OrgAction, OrganizationRole

MOST_ENVIRONMENTS = 20


class TooManyEnvironments(Exception):
    """More than that nobody keeps apart."""


@transaction.atomic
def create_organization(
    user: User, *, name: str, slug: str, timezone: str, origin: Origin, demo: bool = False
) -> OrgScope:
    """Make an organization with its three environments; its creator is owner, and engineer in all three."""
    organization = Organization.objects.create(name=name, slug=slug, timezone=timezone, demo=demo)
    member = Member.objects.create(
        organization=organization, user=user, role=OrganizationRole.OWNER
    )
    for position, kind in enumerate(Kind):
        _make_place(member, kind.value, str(kind.label), kind, position)
    scope = OrgScope(user, organization, member, origin=origin)
    audit.record(scope, Event.ORGANIZATION_CREATED, f"organization:{slug}", label=name)
    return scope


@transaction.atomic
def edit_organization(scope: OrgScope, *, name: str, timezone: str) -> None:
    scope.require(OrgAction.EDIT)
    organization = Organization.objects.select_for_update().get(pk=scope.organization_id)
    before = {"name": organization.name, "timezone": organization.timezone}
    organization.name, organization.timezone = name, timezone
    organization.save(update_fields=["name", "timezone"])
    audit.record(
        scope,
        Event.ORGANIZATION_EDITED,
        f"organization:{organization.slug}",
        label=name,
        before=before,
        after={"name": name, "timezone": timezone},
    )


def _make_place(member: Member, slug: str, name: str, kind: Kind, position: int) -> Environment:
    """Whoever makes it is its first engineer: else nobody could give it a key."""
    place = Environment.objects.create(
        organization=member.organization,
        slug=slug,
        name=name,
        kind=kind,
        position=position,
        scopes=[f"api:{kind.value}"],
    )
    EnvironmentGrant.objects.create(member=member, environment=place, role=EnvironmentRole.ENGINEER)
    return place


def locked_places(scope: OrgScope) -> list[Environment]:
    """In their order, archived ones last. The organization's row is the lock of its list."""
    Organization.objects.select_for_update().get(pk=scope.organization_id)
    places = scope.organization.environments.all()
    return sorted(places, key=lambda place: place.archived_at is not None)


@transaction.atomic
def add_environment(scope: OrgScope, *, name: str, slug: str, kind: Kind) -> Environment:
    """A fourth, fifth … place, at the end of the list, with an issuer and signing keys of its own."""
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    places = locked_places(scope)
    if len(places) >= MOST_ENVIRONMENTS:
        raise TooManyEnvironments
    last = max((place.position for place in places), default=-1)
    place = _make_place(scope.member, slug, name, kind, last + 1)
    audit.record(scope, Event.ENVIRONMENT_ADDED, subject, label=name, kind=kind.value)
    return place


@transaction.atomic
def rename_environment(scope: OrgScope, slug: str, name: str) -> bool:
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    place = scope.organization.environments.current().select_for_update().get(slug=slug)
    before = place.name
    if before == name:
        return False
    place.name = name
    place.save(update_fields=["name"])
    audit.record(
        scope,
        Event.ENVIRONMENT_EDITED,
        subject,
        label=name,
        before={"name": before},
        after={"name": name},
    )
    return True


@transaction.atomic
def move_environment(scope: OrgScope, slug: str, *, up: bool) -> bool:
    """One step in the list that everybody sees; false at its end."""
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    places = [place for place in locked_places(scope) if not place.archived_at]
    at = next((number for number, place in enumerate(places) if place.slug == slug), None)
    if at is None:
        raise Environment.DoesNotExist
    to = at - 1 if up else at + 1
    if not 0 <= to < len(places):
        return False
    places.insert(to, places.pop(at))
    for position, place in enumerate(places):
        place.position = position
        place.save(update_fields=["position"])
    audit.record(
        scope, Event.ENVIRONMENT_MOVED, subject, label=places[to].name, before=at + 1, after=to + 1
    )
    return True
