"""A key that gets less scope than it asks for: no credential was refused, and the endpoint is well. So the key is not
called failing and the endpoint not in trouble; but some calls of its clients are refused, and its keepers hear of that,
once it was found twice in a row, and of its end.
"""

from datetime import datetime

from environments.events import Event
from keys.keepers import tell_keepers
from keys.models import CredentialTest, Key
from keys.outcomes import Outcome
from keys.upkeep import alarms

SHORT = frozenset({Outcome.INVALID_SCOPE, Outcome.SCOPE_NARROWED})


def note(key: Key, test: CredentialTest, outcome: Outcome, now: datetime) -> None:
    """What a test of the newest secret says about the scope of its key, whose row is locked."""
    if outcome in SHORT and not key.disabled_at:
        event = _found_short(key, outcome, now)
    elif outcome is Outcome.WORKS and key.short_since:
        event = _found_whole(key)
    else:
        return
    key.save(update_fields=["short_since", "short_told_at"])
    if event is Event.KEY_SCOPE_SHORT:
        alarms.ask_again(test, now)
    if event:
        alarms.record(key, event, outcome)


def _found_short(key: Key, outcome: Outcome, now: datetime) -> Event | None:
    if key.short_since is None:
        key.short_since = now
        return Event.KEY_SCOPE_SHORT
    if key.short_told_at is None:
        key.short_told_at = now
        title = f"{key.name} in {key.environment.name} does not get its scope"
        since = alarms.spoken(key.short_since)
        text = f"{outcome.label}, since {since}. {outcome.meaning} {outcome.remedy}"
        tell_keepers(key, f"short:{now.isoformat()}", title, text)
    return None


def _found_whole(key: Key) -> Event:
    if key.short_told_at:
        title = f"{key.name} in {key.environment.name} gets its scope again"
        once = f"whole:{key.short_told_at.isoformat()}"
        tell_keepers(key, once, title, "A token with all that it asks for was fetched.", tone="ok")
    key.short_since = key.short_told_at = None
    return Event.KEY_SCOPE_WHOLE
