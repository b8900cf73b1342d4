"""Owners' verbs on an environment that nobody needs any more: archive it, bring it back."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from environments import approvals, audit
from environments.access import OrgScope
from environments.approvals import Change
from environments.events import Event
from environments.models import Environment
from environments.policy import Act, OrgAction
from environments.services.organizations import locked_places


class LastEnvironment(Exception):
    """At least one environment stays."""


class LiveKeys(Exception):
    """An environment in which a key may still buy tokens is not archived: each is disabled or deleted before."""


@transaction.atomic
def archive_environment(scope: OrgScope, slug: str) -> bool:
    """Its token service answers as if it had never been, and it is offered nowhere; its log and history stay."""
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    others = [
        place for place in locked_places(scope) if not place.archived_at and place.slug != slug
    ]
    place = scope.organization.environments.select_for_update().get(slug=slug)
    if place.archived_at:
        return False
    if not others:
        raise LastEnvironment
    if place.keys.filter(deleted_at=None, disabled_at=None).exists():
        raise LiveKeys
    now = timezone.now()
    spent = _spend(scope, place, "at work", "archived", now)
    scope.organization.permits.open(now).filter(environment=place).update(overtaken_at=now)
    place.access_requests.open().update(withdrawn_at=now)
    place.archived_at = now
    place.save(update_fields=["archived_at"])
    audit.record(scope, Event.ENVIRONMENT_ARCHIVED, subject, label=place.name, **spent)
    return True


@transaction.atomic
def bring_back_environment(scope: OrgScope, slug: str) -> bool:
    """With the roles, the policy and the issuer that it had."""
    subject = f"environment:{slug}"
    scope.require(OrgAction.EDIT, subject)
    place = scope.organization.environments.select_for_update().get(slug=slug)
    if not place.archived_at:
        return False
    spent = _spend(scope, place, "archived", "at work", timezone.now())
    place.archived_at = None
    place.save(update_fields=["archived_at"])
    audit.record(scope, Event.ENVIRONMENT_BROUGHT_BACK, subject, label=place.name, **spent)
    return True


def _spend(
    scope: OrgScope, place: Environment, before: str, after: str, now: datetime
) -> dict[str, Any]:
    """It counts as a change of the policy."""
    said = ({"Environment": before}, {"Environment": after})
    change = Change(Act.POLICY, f"environment:{place.slug}", place.name, place, *said)
    return approvals.spend(scope, change, now)
