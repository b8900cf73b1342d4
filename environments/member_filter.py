"""What a list of members can be narrowed to, by people who may see roles."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from environments.access import OrgScope
from environments.models import Member
from environments.policy import EnvironmentRole
from environments.second_factor import without_one

LONG_UNSEEN = timedelta(days=90)


def choices(scope: OrgScope) -> list[tuple[str, str]]:
    """(value in the address, words)."""
    places = scope.organization.environments.current()
    return [
        ("no-factor", "No second factor"),
        ("unseen", "No sign-in for 90 days"),
        *((f"engineers-{place.slug}", f"Engineers in {place.name}") for place in places),
    ]


def narrowed(
    scope: OrgScope, members: QuerySet[Member], asked: str, now: datetime
) -> QuerySet[Member]:
    """Those that are asked for; all of them for a word that is none of the choices."""
    if asked == "no-factor":
        return members.filter(pk__in=without_one(scope.organization).values("pk"))
    if asked == "unseen":
        long_ago = Q(user__last_login=None) | Q(user__last_login__lt=now - LONG_UNSEEN)
        return members.filter(long_ago)
    if asked in dict(choices(scope)):
        place = asked.removeprefix("engineers-")
        return members.filter(
            environment_grants__environment__slug=place,
            environment_grants__role=EnvironmentRole.ENGINEER,
        )
    return members
