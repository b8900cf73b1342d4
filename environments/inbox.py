"""What waits for this person's word: the number in the frame and the first tab of the approvals page."""

from datetime import datetime
from itertools import chain

from environments import approvals
from environments.access import OrgScope
from environments.models import AccessRequest, Permit
from environments.policy import Act, OrgAction, OrganizationRole

MOST = 200


def to_decide(scope: OrgScope, now: datetime) -> list[Permit]:
    """Requests that this person may still decide, and broken glass that they may close."""
    every = scope.organization.permits.select_related("environment", "organization")
    waiting = every.open(now).decided_by(scope.actor).exclude(decisions__by=scope.actor)
    asked = waiting.filter(glass_broken_at=None).with_given().order_by("ends_at")[:MOST]
    open_ones = [each for each in asked if _short(scope, each)]
    return list(chain(to_close(scope), open_ones))


def _short(scope: OrgScope, permit: Permit) -> bool:
    needed = approvals.needed(scope.organization, Act(permit.act), permit.environment)
    given: int = permit.given  # type: ignore[attr-defined]  # annotated
    return given < needed


def to_close(scope: OrgScope) -> list[Permit]:
    """Glass that somebody else broke, for an owner to look at."""
    if not scope.may(OrgAction.APPROVE):
        return []
    return list(scope.organization.permits.glass_open().exclude(asked_by=scope.actor)[:MOST])


def access_to_decide(scope: OrgScope) -> list[AccessRequest]:
    """Roles that members ask for, as far as this person may give them; never the own."""
    if not scope.may(OrgAction.MANAGE_ENVIRONMENT_ROLES):
        return []
    asked = scope.organization.access_requests.open().exclude(member=scope.member)
    if scope.role is not OrganizationRole.OWNER:
        asked = asked.exclude(member__role=OrganizationRole.OWNER)
    return list(asked.select_related("member__user", "environment").order_by("asked_at")[:MOST])


def count(scope: OrgScope, now: datetime) -> int:
    return len(to_decide(scope, now)) + len(access_to_decide(scope))
