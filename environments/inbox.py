"""What waits for this person's word: the number in the frame and the first tab of the approvals page."""

from datetime import datetime
from itertools import chain

from environments import approvals
from environments.access import OrgScope
from environments.models import Permit
from environments.policy import Act, OrgAction

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
