"""What the search finds, as plain data; only what the person may view."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q

from environments.access import OrgScope
from environments.models import Member, Team
from keys.models import Key, PublicKey, Secret

FOUND = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, by kind."""

    keys: Sequence[Key]
    teams: Sequence[Team]
    people: Sequence[Member]

    @property
    def count(self) -> int:
        return len(self.keys) + len(self.teams) + len(self.people)


def search(scope: OrgScope, words: str) -> Found:
    """Names, client IDs, hints and kids of keys; names of teams and people; only what the person may view."""
    if not words:
        return Found([], [], [])
    keys = (
        Key.objects.visible_to(scope.actor)
        .existing()
        .filter(environment__organization=scope.organization)
    )
    texts = ("name", "client_id", "outside_id", "note")
    match = reduce(or_, (Q(**{f"{text}__icontains": words}) for text in texts))
    signed = PublicKey.objects.filter(key=OuterRef("pk"), kid__icontains=words, revoked_at=None)
    hinted = Secret.objects.filter(key=OuterRef("pk"), hint=words.lstrip("…."))
    people = scope.organization.members
    return Found(
        list(
            keys.filter(match | Exists(hinted) | Exists(signed))
            .select_related("environment__organization", "team")
            .order_by("name")[:FOUND]
        ),
        list(scope.organization.teams.filter(name__icontains=words)[:FOUND]),
        list(
            people.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
            .select_related("user")
            .order_by("user__email")[:FOUND]
        ),
    )
