"""What exactly is done to a key, as far as others may have to approve it; and when a request for it is overtaken."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from environments import approvals
from environments.access import Scope
from environments.approvals import Change
from environments.policy import Act
from environments.services.policies import spoken_span
from keys.models import Key, Rotation
from keys.public_keys import CheckedKey


def _of(key: Key, act: Act, before: dict[str, Any], after: dict[str, Any]) -> Change:
    return Change(act, f"key:{key.client_id}", key.name, key.environment, before, after)


def rotation_of(key: Key, rotation: Rotation, grace: timedelta) -> Change:
    """Of an imported key there is no grace: its provider ends the old one."""
    old = f"…{rotation.old.hint}" if rotation.old else None
    after: dict[str, Any] = {"secret": "a new one, seen once by who asks"}
    if key.imported:
        after = {"secret": "one that the provider has made"}
    elif rotation.old:
        after["both_work_for"] = spoken_span(grace)
    return _of(key, Act.ROTATE, {"secret": old}, after)


def addition_to(key: Key, entered: Sequence[CheckedKey]) -> Change:
    """A further proof is as much as a new secret."""
    marks = sorted(each.thumbprint for each in entered)
    return _of(key, Act.ROTATE, {}, {"public_keys_added": ", ".join(marks)})


def address_of(key: Key, url: str) -> Change:
    """Whoever writes there says from then on what proves the key."""
    return _of(key, Act.ROTATE, {}, {"public_keys_taken_from": url})


def deletion_of(key: Key) -> Change:
    team = key.team.name if key.team else "no team"
    return _of(key, Act.DELETE, {"key": f"of {team}"}, {"key": "deleted for good"})


def spend(scope: Scope, change: Change, now: datetime) -> dict[str, Any]:
    """What others asked for the same thing is overtaken by it."""
    spent = approvals.spend(scope, change, now)
    approvals.overtake(scope, change.subject, change.environment, [change.act], now)
    return spent


def overtake_all(scope: Scope, key: Key, now: datetime) -> None:
    """The key has another name, another team, or an end: whatever was asked for was another key."""
    acts = [Act.ROTATE, Act.DELETE]
    approvals.overtake(scope, f"key:{key.client_id}", key.environment, acts, now)
