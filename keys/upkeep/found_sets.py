"""Keep what was found at the address of a key set, if the lease is still this worker's: new public keys, ended ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from environments import audit
from environments.events import Event
from keys.keepers import tell_keepers
from keys.models import FETCHED_EVERY, Key, KeySet, PublicKey
from keys.public_keys import CheckedKey
from keys.set_fetching import FoundSet
from keys.set_outcomes import SetOutcome
from keys.upkeep.alarms import spoken

log = structlog.get_logger(__name__)


@transaction.atomic
def keep(held: KeySet, found: FoundSet) -> bool:
    """Write it; a late answer, or one of an address that was changed meanwhile, is dropped."""
    now = timezone.now()
    # Key, set, log: in this order everywhere, so that no two ever wait for each other.
    rows = Key.objects.select_for_update(of=("self",))
    key = rows.select_related("environment__organization", "team").get(pk=held.key_id)
    row = KeySet.objects.select_for_update().filter(pk=held.pk, fence=held.fence).first()
    if row is None:
        log.info("late key set dropped", key_set=held.pk)
        return False
    row.counted_from, row.misses = held.counted_from, held.misses
    _write(row, found, now)
    lines = []
    if found.outcome is SetOutcome.READ and key.deleted_at is None:
        lines = _take(key, row, found, now)
    event = _judge(key, row, found.outcome, now)
    row.save()
    for line, public_key in lines:
        logged, none = public_key.as_logged(), None
        added = line is Event.PUBLIC_KEY_ADDED
        before, after = (none, logged) if added else (logged, none)
        _record(key, line, public_key=public_key.public_id, before=before, after=after)
    if event:
        _record(key, event, url=row.url, outcome=found.outcome)
    return True


def _write(row: KeySet, found: FoundSet, now: datetime) -> None:
    row.fetched_at, row.outcome, row.http_status = now, found.outcome, found.http_status
    row.stages = [stage.row() for stage in found.stages]
    row.left_out = list(found.left_out)
    row.leased_until = row.asked_at = None
    row.attempt = 0
    row.hurried = row.hurried + 1 if row.missed_at else 0
    row.missed_at = None
    row.next_at = now + max(FETCHED_EVERY, timedelta(seconds=found.retry_after or 0))
    if found.outcome is SetOutcome.READ:
        row.read_at = now


def _take(key: Key, row: KeySet, found: FoundSet, now: datetime) -> list[tuple[Event, PublicKey]]:
    """What stands in the set proves the key, and nothing else does; what a person removed does not come back."""
    living = list(key.public_keys.filter(revoked_at=None))
    removed = _removed(key, row, found.keys)
    row.left_out += [f"{_named(each)} was removed here by a person." for each in removed]
    wanted = {(e.kid, e.thumbprint, e.algorithm): e for e in found.keys if e not in removed}
    lines = []
    for held in living:
        each = wanted.pop((held.kid, held.thumbprint, held.algorithm), None)
        if each is not None:
            _stays(held, _end(row, each))
        elif held.end(None, now):
            PublicKey.objects.filter(pk=held.pk).update(vanished_at=now)
            lines.append((Event.PUBLIC_KEY_REVOKED, held))
    added = [_add(key, row, each) for each in wanted.values()]
    return [*lines, *((Event.PUBLIC_KEY_ADDED, each) for each in added)]


def _removed(key: Key, row: KeySet, found: Iterable[CheckedKey]) -> list[CheckedKey]:
    """Since the address was entered: a leaked key that stays in the set stays out here."""
    ended = key.public_keys.filter(revoked_at__gte=row.set_at, vanished_at=None)
    thumbprints = set(ended.values_list("thumbprint", flat=True))
    return [each for each in found if each.thumbprint in thumbprints]


def _named(each: CheckedKey) -> str:
    return f"The key with the fingerprint {each.thumbprint}"


def _end(row: KeySet, each: CheckedKey) -> datetime | None:
    return min(filter(None, (each.expires_at, row.expires_at)), default=None)


def _stays(held: PublicKey, ends: datetime | None) -> None:
    if (held.origin, held.expires_at) != (PublicKey.Origin.KEY_SET, ends):
        held.origin, held.expires_at = PublicKey.Origin.KEY_SET, ends
        held.save(update_fields=["origin", "expires_at"])


def _add(key: Key, row: KeySet, each: CheckedKey) -> PublicKey:
    return PublicKey.objects.create(
        key=key,
        origin=PublicKey.Origin.KEY_SET,
        kid=each.kid,
        algorithm=each.algorithm,
        jwk=each.jwk,
        kind=each.kind,
        thumbprint=each.thumbprint,
        expires_at=_end(row, each),
    )


def _judge(key: Key, row: KeySet, outcome: SetOutcome, now: datetime) -> Event | None:
    """Told once per change: what lasts for a second fetch, and its end to those who heard of it."""
    if outcome is not SetOutcome.READ:
        if row.failing_since is None:
            row.failing_since = now
            return Event.KEY_SET_UNREADABLE
        if row.told_at is None:
            _tell_failing(key, row, outcome, now)
        return None
    if row.failing_since is None:
        return None
    if row.told_at is not None:
        title = f"The key set of {key.name} in {key.environment.name} is read again"
        once = f"set-read:{row.told_at.isoformat()}"
        tell_keepers(key, once, title, "Its public keys follow it as before.", tone="ok")
    row.failing_since = row.told_at = None
    return Event.KEY_SET_READABLE


def _tell_failing(key: Key, row: KeySet, outcome: SetOutcome, now: datetime) -> None:
    row.told_at = now
    since = spoken(row.failing_since or now)
    said = f"{outcome.label}, since {since}. {outcome.meaning} {outcome.remedy}".strip()
    stays = "The public keys found before go on working; new ones do not, and none ends by leaving the set: remove by hand what must end now."
    title = f"The key set of {key.name} in {key.environment.name} cannot be read"
    tell_keepers(key, f"set-failing:{now.isoformat()}", title, f"{said} {stays}", page="keys:key_set")  # fmt: skip


def _record(key: Key, event: Event, **detail: Any) -> None:
    place = audit.Machine(key.environment.organization_id, key.environment.slug)
    audit.record(place, event, f"key:{key.client_id}", label=key.name, **detail)
