"""Keep what tests found, if the lease is still this worker's, and judge their keys by it."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone

from keys.models import CredentialTest, Key, Secret, TokenEndpoint
from keys.outcomes import Fault, Outcome
from keys.probe import Finding
from keys.upkeep import alarms, scopes, troubles

log = structlog.get_logger(__name__)

_TOLD_OF = {each for each in Outcome if each.fault is Fault.CREDENTIAL} | {Outcome.ENDED}
# Once for each row, but prepared once; Django's bulk_update would build one statement of them all, 50 times slower.
_WRITE = """
    UPDATE keys_credentialtest SET
        finished_at = %s, leased_until = NULL, ticket_hash = '', outcome = %s, stages = %s, http_status = %s,
        error = %s, said = %s, duration_ms = %s
    WHERE id = %s
"""


@transaction.atomic
def keep(test: CredentialTest, finding: Finding) -> bool:
    """Write the finding if the lease is still this worker's: a late answer is dropped."""
    now = timezone.now()
    # Key, test, endpoint, log: in this order everywhere, so that no two ever wait for each other.
    key = (
        Key.objects.select_for_update(of=("self",))
        .select_related("environment__organization")
        .get(pk=test.key_id)
    )
    held = CredentialTest.objects.filter(pk=test.pk, fence=test.fence, finished_at=None).update(
        finished_at=now,
        leased_until=None,
        ticket_hash="",
        outcome=finding.outcome,
        stages=[stage.row() for stage in finding.stages],
        http_status=finding.http_status,
        error=finding.error,
        said=finding.said,
        duration_ms=finding.duration_ms,
    )
    if not held:
        log.info("late answer dropped", test=test.pk)
        return False
    if finding.outcome is not Outcome.ENDED:
        _judge(key, test, finding.outcome, now)
    return True


def _judge(key: Key, test: CredentialTest, outcome: Outcome, now: datetime) -> None:
    """A key is as healthy as its newest secret; only a fault of the credential makes it fail."""
    endpoint = TokenEndpoint.objects.filter(secrets=test.secret_id).first()
    changed = troubles.note(endpoint, outcome, now)
    if test.secret_id == newest_secrets([key.pk], now).get(key.pk):
        key.last_tested_at, key.last_outcome = now, outcome
        alarms.note(key, test, outcome, now)
        scopes.note(key, test, outcome, now)
    if changed and endpoint:
        troubles.record(changed, endpoint, key.environment, outcome)


def keep_quiet(found: Mapping[CredentialTest, Finding]) -> set[CredentialTest]:
    """Of those that blame no credential, and whose key was well: nothing is told of them, so a few statements write
    them all, as `keep` would one by one. Those that were dealt with."""
    quiet = {test: finding for test, finding in found.items() if _tells_nothing(test, finding)}
    return _keep_quiet(quiet) if quiet else set()


def _tells_nothing(test: CredentialTest, finding: Finding) -> bool:
    own = not test.host  # an outside endpoint has a state of its own
    return own and finding.outcome not in _TOLD_OF


@transaction.atomic
def _keep_quiet(found: Mapping[CredentialTest, Finding]) -> set[CredentialTest]:
    now = timezone.now()
    # Keys, then tests, each in the order of their ids, so that no two workers ever wait for each other.
    well = Key.objects.filter(failing_since=None, failing_told_at=None)
    asked = well.filter(pk__in={test.key_id for test in found}).order_by("pk")
    keys = set(asked.select_for_update().values_list("pk", flat=True))
    mine = {test for test in found if test.key_id in keys}
    rows = CredentialTest.objects.unfinished().filter(pk__in=[test.pk for test in mine])
    fences = dict(rows.order_by("pk").select_for_update().values_list("pk", "fence"))
    held = [test for test in mine if fences.get(test.pk) == test.fence]
    _write(held, found, now)
    newest = newest_secrets(keys, now)
    judged = defaultdict(list)
    for test in held:
        if newest.get(test.key_id) == test.secret_id:
            judged[found[test].outcome].append(test.key_id)
    for outcome, ids in judged.items():
        Key.objects.filter(pk__in=ids).update(last_tested_at=now, last_outcome=outcome)
    return mine


def _write(
    tests: Iterable[CredentialTest], found: Mapping[CredentialTest, Finding], now: datetime
) -> None:
    finished_at = connection.ops.adapt_datetimefield_value(now)
    rows = [(finished_at, *_columns(found[test]), test.pk) for test in tests]
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, rows)


def _columns(finding: Finding) -> tuple[str | float | None, ...]:
    return (
        finding.outcome.value,
        json.dumps([stage.row() for stage in finding.stages]),
        finding.http_status,
        finding.error,
        finding.said,
        finding.duration_ms,
    )


def newest_secrets(keys: Collection[int], now: datetime) -> dict[int, int]:
    """Of each key the secret by which it is judged: the newest that lives, else the newest that ended by date."""
    kept = Secret.objects.standing().filter(key__in=keys, revoked_at=None)
    ended, alive = dict[int, int](), dict[int, int]()
    in_turn = kept.order_by("created_at", "pk").values_list("key_id", "pk", "expires_at")
    for key_id, pk, expires_at in in_turn:
        (alive if expires_at is None or expires_at > now else ended)[key_id] = pk
    return ended | alive
