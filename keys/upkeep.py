"""The machine's verbs on keys, across all tenants: run a test, schedule, sweep, purge. Rows say what is due."""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import OperationalError, transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from environments import audit
from environments.course import Stage
from environments.events import Event
from environments.models import Environment
from keys.answers import Asked
from keys.crypto import CannotOpen
from keys.models import (
    COLLECT_WITHIN,
    SHOWN_FOR,
    STRIKES,
    CredentialTest,
    Handover,
    Key,
    Secret,
)
from keys.opening import open_credential
from keys.outcomes import Fault, Outcome
from keys.probe import Finding, Target, fetch_token

TICK = timedelta(seconds=15)  # how often the clock calls schedule_tests and sweep
PATIENCE = timedelta(seconds=10)  # a message this young may still be on its way
HANDOVERS_KEPT = timedelta(days=7)  # so long a replayed form finds what it made

log = structlog.get_logger(__name__)


def run_credential_test(test_id: int) -> None:
    """Claim the row, fetch a token, keep what was found. Called twice or late, it does nothing."""
    ticket = secrets.token_urlsafe(32)
    test = CredentialTest.objects.claim(
        test_id, timezone.now(), worker=_worker(), ticket_hash=sha256(ticket.encode()).hexdigest()
    )
    if test is None:
        return
    secret = Secret.objects.select_related("key__environment").get(pk=test.secret_id)
    keep(test, _look(test, secret, ticket))


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:80]


def _look(test: CredentialTest, secret: Secret, ticket: str) -> Finding:
    """The one place where a stored secret is opened; it leaves this call only over the wire."""
    if secret.sealed is None:
        return Finding(Outcome.ENDED)
    try:
        text = open_credential(bytes(secret.sealed), secret.context)
    except CannotOpen:
        return Finding(Outcome.CANNOT_OPEN)
    tell = _teller(test) if test.interactive else None
    return fetch_token(built_in_target(secret.key), text, ticket=ticket, tell=tell)


def built_in_target(key: Key) -> Target:
    """The environment's own token service, over HTTP like anybody else."""
    path = f"/t/{key.environment.issuer_id}"
    issuer = settings.LATCHKEY_BASE_URL + path
    audience = key.environment.audience or issuer
    url = f"{settings.LATCHKEY_INTERNAL_URL.rstrip('/')}{path}/token"
    return Target(url, key.client_id, asked=Asked(issuer, audience, built_in=True))


def _teller(test: CredentialTest) -> Callable[[Sequence[Stage]], None]:
    """Somebody watches, so each stage is written as it begins; a busy database costs the view, not the test."""
    row = CredentialTest.objects.filter(pk=test.pk, fence=test.fence, finished_at=None)

    def tell(stages: Sequence[Stage]) -> None:
        try:
            row.update(stages=[asdict(stage) for stage in stages])
        except OperationalError:
            log.warning("progress not written", test=test.pk)

    return tell


@transaction.atomic
def keep(test: CredentialTest, finding: Finding) -> bool:
    """Write the finding if the lease is still this worker's: a late answer is dropped."""
    now = timezone.now()
    held = CredentialTest.objects.filter(pk=test.pk, fence=test.fence, finished_at=None).update(
        finished_at=now,
        leased_until=None,
        ticket_hash="",
        outcome=finding.outcome,
        stages=[asdict(stage) for stage in finding.stages],
        http_status=finding.http_status,
        error=finding.error,
        said=finding.said,
        duration_ms=finding.duration_ms,
    )
    if not held:
        log.info("late answer dropped", test=test.pk)
        return False
    if finding.outcome is not Outcome.ENDED:
        _judge_key(test, finding.outcome, now)
    return True


def _judge_key(test: CredentialTest, outcome: Outcome, now: datetime) -> None:
    """A key is as healthy as its newest secret; only a fault of the credential makes it fail."""
    key = Key.objects.select_for_update().get(pk=test.key_id)
    if test.secret_id != _newest_secret(key, now):
        return
    key.last_tested_at, key.last_outcome = now, outcome
    event = None
    # What a person disabled on purpose is no failure.
    if outcome.fault is Fault.CREDENTIAL and not key.failing_since and not key.disabled_at:
        key.failing_since, event = now, Event.KEY_FAILING
    elif outcome is Outcome.WORKS and key.failing_since:
        key.failing_since, event = None, Event.KEY_WORKING
    key.save(update_fields=["last_tested_at", "last_outcome", "failing_since"])
    if event:
        place = audit.Machine(key.environment.organization_id, key.environment.slug)
        audit.record(place, event, f"key:{key.client_id}", label=key.name, outcome=outcome)


def _newest_secret(key: Key, now: datetime) -> int | None:
    kept = key.secrets.filter(revoked_at=None).order_by("-created_at", "-pk")
    alive = kept.filter(Q(expires_at=None) | Q(expires_at__gt=now))
    return alive.values_list("pk", flat=True).first() or kept.values_list("pk", flat=True).first()


def schedule_tests(now: datetime, limit: int = 2000) -> list[int]:
    """A row for each live key whose turn has come; the ids of the new rows."""
    for interval in Environment.objects.values_list("test_interval", flat=True).distinct():
        due = _due_for_schedule(now, interval, limit)
        CredentialTest.objects.bulk_create(
            [
                CredentialTest(
                    key_id=key,
                    secret_id=secret,
                    reason=CredentialTest.Reason.SCHEDULE,
                    asked_at=now,
                    not_before=now,
                )
                for key, secret in due
            ],
            ignore_conflicts=True,  # two beats: the constraint lets one row in
        )
    made = CredentialTest.objects.unfinished().filter(
        reason=CredentialTest.Reason.SCHEDULE, asked_at=now
    )
    return list(made.values_list("pk", flat=True))


def _due_for_schedule(now: datetime, interval: timedelta, limit: int) -> list[tuple[int, int]]:
    """Ids are dealt to the ticks of an interval in turn, so that never all come at once."""
    ticks = max(int(interval / TICK), 1)
    turn = int(now.timestamp() // TICK.total_seconds()) % ticks
    newest = Secret.objects.live(now).exclude(sealed=None).filter(key=OuterRef("pk"))
    waiting = CredentialTest.objects.unfinished().filter(secret=OuterRef("newest"))
    its_turn = Q(turn=turn) & (Q(last_tested_at=None) | Q(last_tested_at__lte=now - interval / 2))
    missed = Q(last_tested_at__lte=now - interval - 2 * TICK) | Q(
        last_tested_at=None, created_at__lte=now - interval - 2 * TICK
    )
    return list(
        Key.objects.scheduled()
        .filter(environment__test_interval=interval)
        .annotate(
            newest=Subquery(newest.order_by("-created_at", "-pk").values("pk")[:1]),
            turn=F("pk") % ticks,
        )
        .filter(its_turn | missed, ~Exists(waiting), newest__isnull=False)
        .order_by(F("last_tested_at").asc(nulls_first=True), "pk")
        .values_list("pk", "newest")[:limit]
    )


def sweep(now: datetime, limit: int = 200) -> list[tuple[int, bool]]:
    """Rows that should have been met by now: id, and whether somebody waits. Those waited for come first."""
    due = CredentialTest.objects.due(now)
    for test in due.filter(attempt__gte=STRIKES)[:limit]:
        keep(test, Finding(Outcome.GAVE_UP))
    lost = due.filter(attempt__lt=STRIKES, not_before__lte=now - PATIENCE)
    return list(
        lost.order_by("-interactive", "not_before", "pk").values_list("pk", "interactive")[:limit]
    )


def purge(now: datetime, limit: int = 500) -> None:
    """What time has ended is erased: sights of secrets, uncollected secrets, sessions."""
    shown = Handover.objects.filter(made_at__lte=now - SHOWN_FOR)
    shown.exclude(sealed=None).update(sealed=None)
    shown.filter(closed_at=None).update(closed_at=now)
    Handover.objects.filter(made_at__lte=now - HANDOVERS_KEPT).delete()
    lapsed = Secret.objects.filter(
        created_at__lte=now - COLLECT_WITHIN, collected_at=None, revoked_at=None, last_used_at=None
    )
    for secret in lapsed.select_related("key__environment")[:limit]:
        _revoke_uncollected(secret, now)
    Session.objects.filter(expire_date__lte=now).delete()


@transaction.atomic
def _revoke_uncollected(secret: Secret, now: datetime) -> None:
    # Asked again in the UPDATE: the person may be collecting it this very moment.
    gone = Secret.objects.filter(pk=secret.pk, collected_at=None, revoked_at=None).update(
        revoked_at=now, sealed=None
    )
    if gone:
        key = secret.key
        place = audit.Machine(key.environment.organization_id, key.environment.slug)
        subject, shown = f"key:{key.client_id}", secret.public_id
        audit.record(place, Event.SECRET_LAPSED, subject, label=key.name, secret=shown)
