"""An entry of the log as the page shows it: who, what, what changed, and whether the entry is what was written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q

from environments import audit, policy
from environments.access import OrgScope, Scope
from environments.events import SENTENCES
from environments.inquiry import MACHINE
from environments.models import AuditEvent

ACTIONS: Mapping[str, str] = {str(action): words for action, words in policy.SENTENCES.items()}
EVENTS: Mapping[str, str] = {str(event): words for event, words in SENTENCES.items()}
DIFF = ("before", "after")


class Change(NamedTuple):
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    event: AuditEvent
    who: str
    removed: bool
    """Somebody who is no member any more."""
    place: str
    sentence: str
    about: str
    changes: Sequence[Change]
    facts: Sequence[tuple[str, str]]
    whole: bool
    """Its digest fits what stands in it."""
    signed: bool


def rows_of(scope: OrgScope | Scope, events: Iterable[AuditEvent], signed: int) -> list[Row]:
    events = list(events)
    places = dict(scope.organization.environments.values_list("slug", "name"))
    people = names_of(scope, events)
    return [_row(event, places, people, signed) for event in events]


def names_of(scope: OrgScope | Scope, events: Iterable[AuditEvent]) -> dict[int | str, str]:
    """Of members who acted, by number, and of those whom an act was about, by address."""
    ids = {event.actor_id for event in events if event.actor_id}
    emails = {event.label for event in events if "@" in event.label}
    asked = Q(user__in=ids) | Q(user__email__in=emails)
    members = scope.organization.members.filter(asked).select_related("user")
    pairs = [(member.user, str(member.user)) for member in members]
    named: dict[int | str, str] = {user.pk: name for user, name in pairs}
    return named | {user.email: name for user, name in pairs}


def who_of(event: AuditEvent, people: Mapping[int | str, str]) -> str:
    return people.get(event.actor_id or 0) or event.actor or MACHINE


def _row(
    event: AuditEvent, places: Mapping[str, str], people: Mapping[int | str, str], signed: int
) -> Row:
    name = people.get(event.actor_id or 0)
    return Row(
        event=event,
        who=who_of(event, people),
        removed=bool(event.actor_id) and name is None,
        place=places.get(event.environment, event.environment),
        sentence=EVENTS.get(event.event, event.event),
        about=people.get(event.label) or ACTIONS.get(event.label, event.label) or event.subject,
        changes=_changes(event.detail),
        facts=[(_word(key), shown(value)) for key, value in event.detail.items() if key not in DIFF],
        whole=audit.digest(event) == event.digest,
        signed=event.sequence <= signed,
    )  # fmt: skip


def _changes(detail: Mapping[str, object]) -> list[Change]:
    """Field by field where both sides are mappings; else the two as they are."""
    before, after = detail.get("before"), detail.get("after")
    if before is None and after is None:
        return []
    if not isinstance(before, Mapping | None) or not isinstance(after, Mapping | None):
        return [Change("Value", shown(before), shown(after))]
    old, new = before or {}, after or {}
    names = dict.fromkeys([*old, *new])
    return [Change(_word(name), shown(old.get(name)), shown(new.get(name))) for name in names]


def _word(name: str) -> str:
    return name.replace("_", " ").capitalize()


def shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {shown(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(shown(part) for part in value) or "none"
    return value if isinstance(value, str) else json.dumps(value)
