"""People's verbs on how members sign in."""

from datetime import datetime

from django.db import transaction

from environments import audit, second_factor
from environments.access import OrgScope
from environments.events import Event
from environments.models import Organization
from environments.policy import OrgAction


class NoFactorYourself(Exception):
    """Whoever shuts the gate stands inside: else an owner locks themselves out."""


@transaction.atomic
def require_second_factor(scope: OrgScope, since: datetime | None) -> bool:
    """From then on nobody comes in without one; None: it is asked of nobody. False when nothing changed."""
    subject = f"organization:{scope.organization.slug}"
    scope.require(OrgAction.MANAGE_SIGN_ON, subject)
    if since is not None and not second_factor.has_one(scope.actor):
        raise NoFactorYourself
    organization = Organization.objects.select_for_update().get(pk=scope.organization_id)
    before = organization.second_factor_from
    if before == since:
        return False
    organization.second_factor_from = since
    organization.save(update_fields=["second_factor_from"])
    audit.record(
        scope,
        Event.SECOND_FACTOR_ASKED,
        subject,
        label=organization.name,
        before={"since": _said(before)},
        after={"since": _said(since)},
    )
    return True


def _said(at: datetime | None) -> str:
    return at.isoformat(timespec="minutes") if at else "never"
