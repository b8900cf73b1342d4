"""Owners' verbs on the data of their organization: have it put together, take it along."""

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from environments import audit, notices
from environments.access import OrgScope
from environments.events import Event
from environments.models import DataExport, Organization, Topic
from environments.policy import OrgAction, OrganizationRole


@transaction.atomic
def export_data(scope: OrgScope) -> DataExport:
    """One that is being made already is enough."""
    scope.require(OrgAction.READ_LOG, "data-export:new")
    place = Organization.objects.select_for_update(of=("self",)).get(pk=scope.organization_id)
    begun = DataExport.objects.within(scope).filter(finished_at=None)
    running = next((each for each in begun if not each.given_up(timezone.now())), None)
    if running is not None:
        return running
    made = DataExport.objects.create(organization=place, asked_by=scope.actor)
    _tell_owners(scope, made)
    audit.record(scope, Event.DATA_EXPORTED, f"data-export:{made.public_id}", label=place.name)
    return made


def _tell_owners(scope: OrgScope, made: DataExport) -> None:
    """The others: whoever sits in somebody's session could take everything along here."""
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER)
    others = owners.exclude(pk=scope.member.pk).select_related("user")
    news = notices.News(
        scope.organization_id,
        f"data-export:{made.public_id}",
        f"{scope.actor} has all data of {scope.organization} put together",
        "It holds names, roles, keys and the log, and no secret. Ask them, if you do not know why.",
        reverse("keys:data_file", args=[scope.organization.slug, made.public_id]),
        topic=Topic.SECURITY,
    )
    notices.tell([owner.user for owner in others], news)


@transaction.atomic
def download_data(scope: OrgScope, made: DataExport) -> None:
    subject = f"data-export:{made.public_id}"
    scope.require(OrgAction.READ_LOG, subject)
    label = scope.organization.name
    audit.record(scope, Event.DATA_DOWNLOADED, subject, label=label, sha256=made.sha256)
