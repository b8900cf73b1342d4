"""People's verbs on an organization itself."""

from django.db import transaction

from environments import audit
from environments.access import OrgScope
from environments.events import Event
from environments.models import Environment, EnvironmentGrant, Kind, Member, Organization, User
from environments.origin import Origin
from environments.policy import EnvironmentRole, OrgAction, OrganizationRole


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
        place = Environment.objects.create(
            organization=organization,
            slug=kind.value,
            name=str(kind.label),
            kind=kind,
            position=position,
            scopes=[f"api:{kind.value}"],
        )
        EnvironmentGrant.objects.create(
            member=member, environment=place, role=EnvironmentRole.ENGINEER
        )
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
