"""Owners' verbs on the end of an organization: ask for it, seven days ahead, and take it back."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from environments import audit, notices
from environments.access import OrgScope
from environments.events import Event
from environments.models import Deletion, Topic
from environments.policy import OrgAction, OrganizationRole

DELAY = timedelta(days=7)


class AskedAlready(Exception):
    """It will be deleted already, at the time that was said then."""


def ask_deletion(scope: OrgScope) -> Deletion:
    """Nothing changes before the date, and until then any owner may take it back."""
    try:
        return _ask(scope)
    except IntegrityError:  # another owner at the same moment
        raise AskedAlready from None


@transaction.atomic
def _ask(scope: OrgScope) -> Deletion:
    subject = f"organization:{scope.organization.slug}"
    scope.require(OrgAction.DELETE, subject)
    now = timezone.now()
    asked = Deletion.objects.create(
        organization=scope.organization, asked_by=scope.actor, asked_at=now, due_at=now + DELAY
    )
    when = f"{asked.due_at:%-d %B %Y, %H:%M} UTC"
    _tell_owners(
        scope,
        f"deletion:{asked.pk}:asked",
        f"{scope.organization} will be deleted on {when}",
        f"{scope.actor} asked for it. Until then everything works and any owner can cancel it. "
        "Then its keys buy no tokens any more, and everything of it is erased.",
        tone="bad",
    )
    due = asked.due_at.isoformat()
    name = scope.organization.name
    audit.record(scope, Event.DELETION_ASKED, subject, label=name, due_at=due)
    return asked


@transaction.atomic
def cancel_deletion(scope: OrgScope) -> bool:
    """False where nothing was asked for. Once it has begun nobody comes in who could take it back."""
    subject = f"organization:{scope.organization.slug}"
    scope.require(OrgAction.DELETE, subject)
    waiting = Deletion.objects.within(scope).filter(begun_at=None)
    asked = waiting.select_for_update(of=("self",)).first()
    if asked is None:
        return False
    pk = asked.pk
    asked.delete()
    title = f"{scope.organization} stays"
    text = f"{scope.actor} cancelled its deletion."
    _tell_owners(scope, f"deletion:{pk}:cancelled", title, text, tone="ok")
    audit.record(scope, Event.DELETION_CANCELLED, subject, label=scope.organization.name)
    return True


def _tell_owners(scope: OrgScope, once: str, title: str, text: str, *, tone: str) -> None:
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER).select_related("user")
    page = reverse("environments:danger", args=[scope.organization.slug])
    news = notices.News(
        scope.organization_id, once, title, text, page, tone=tone, topic=Topic.SECURITY
    )
    notices.tell([owner.user for owner in owners], news)
