"""What a new installation still lacks: read from facts, never from clicks. For owners, who can do something about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from dashboard import heartbeat
from environments.access import OrgScope
from environments.policy import GRANTS, Action, OrgAction, OrganizationRole
from keys.models import Key, KeyQuerySet
from keys.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    done: bool
    how: str
    href: str = ""
    label: str = ""


def cookie(scope: OrgScope) -> str:
    """Put away per organization and person, in this browser."""
    return f"first-steps-{scope.organization.pk}-{scope.actor.pk}"


def left(request: HttpRequest, scope: OrgScope, now: datetime) -> Sequence[Step]:
    """Nothing where all is done, where it was put away, and for those whose role forbids the steps."""
    if not scope.may(OrgAction.EDIT) or cookie(scope) in request.COOKIES:
        return []
    steps = [_worker(now), _second_owner(scope), _first_key(scope), _first_test(scope)]
    return [] if all(step.done for step in steps) else steps


def _worker(now: datetime) -> Step:
    how = "Keys are tested and secrets are proven by a worker. Start one; `make run` does."
    return Step("Worker alive", heartbeat.is_alive("worker", now), how)


def _second_owner(scope: OrgScope) -> Step:
    owners = scope.organization.members.filter(role=OrganizationRole.OWNER).count()
    return Step(
        "Second owner",
        owners > 1,
        "If you lose your account, nobody else can manage this organization.",
        reverse("environments:members", args=[scope.organization.slug]),
        "Open members",
    )


def _first_key(scope: OrgScope) -> Step:
    made = _keys(scope).exists()
    makers = [role for role, granted in GRANTS.items() if Action.CREATE in granted]
    held = scope.member.environment_grants.filter(role__in=makers).select_related("environment")
    place = held.order_by("environment__position").first()
    if place is None:
        return Step("First key", made, "An engineer of an environment makes it.")
    page = reverse("keys:create", args=[scope.organization.slug, place.environment.slug])
    return Step("First key", made, "A named credential with a client ID.", page, "New key")


def _first_test(scope: OrgScope) -> Step:
    bought = Q(last_outcome=Outcome.WORKS) | Q(public_keys__use_count__gt=0)
    works = _keys(scope).filter(bought).exists()
    how = "A token was really fetched: with a secret by us, at once; with a private key by its client."
    return Step("First green test", works, how)


def _keys(scope: OrgScope) -> KeyQuerySet:
    return Key.objects.visible_to(scope.actor).filter(environment__organization=scope.organization)
