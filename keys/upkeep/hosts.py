"""How fast the clock's tests come to a provider: a few at once, so many a minute, and not before it says so.

The limit is in rows: the claims of a host's tests are ordered by the lock on its row, in every process. What a person
or a rotation waits for overtakes: it is counted, but never held back.
"""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from keys.models import CredentialTest, ProviderHost
from keys.outcomes import Outcome
from keys.probe import Finding

MINUTE = timedelta(minutes=1)
PAUSE = timedelta(seconds=5)  # before another look, when all places are taken
USUAL_WAIT = timedelta(minutes=1)  # after "too many requests" without a time


def claim(test_id: int, now: datetime, *, worker: str, ticket_hash: str) -> CredentialTest | None:
    """The row, leased; or None: not due, or the host's turn comes later, which the row says then."""
    asked = CredentialTest.objects.filter(pk=test_id)
    found = asked.values_list("secret__endpoint__url", "interactive", "host").first()
    if found is None:
        return None
    url, interactive, in_line = found
    host = (urlsplit(url).hostname or "") if url else ""
    if not host:
        return CredentialTest.objects.claim(test_id, now, worker=worker, ticket_hash=ticket_hash)
    with transaction.atomic():
        gate = _locked(host)
        later = None if interactive else _later(gate, now, in_line=bool(in_line))
        if later is not None:
            _postpone(test_id, host, later, now)
            return None
        return CredentialTest.objects.claim(
            test_id, now, worker=worker, ticket_hash=ticket_hash, host=host
        )


def _locked(host: str) -> ProviderHost:
    ProviderHost.objects.get_or_create(name=host)
    return ProviderHost.objects.select_for_update().get(name=host)


def _later(gate: ProviderHost, now: datetime, *, in_line: bool) -> datetime | None:
    """When to come again; None: now. Who was told to wait comes before who has just arrived."""
    there = CredentialTest.objects.at(gate.name)
    free = _free_at(gate, now)
    if in_line:
        return free
    waiting = there.filter(finished_at=None, interactive=False, not_before__gt=now)
    last = waiting.aggregate(last=Max("not_before"))["last"]
    if free is None and last is None:
        return None
    gap = MINUTE / settings.LATCHKEY_HOST_TESTS_A_MINUTE
    return max(free or now, (last or now) + gap)


def _free_at(gate: ProviderHost, now: datetime) -> datetime | None:
    if gate.not_before and gate.not_before > now:
        return gate.not_before
    there = CredentialTest.objects.at(gate.name)
    running = there.filter(finished_at=None, leased_until__gt=now).count()
    if running >= settings.LATCHKEY_HOST_TESTS_AT_ONCE:
        return now + PAUSE
    most = settings.LATCHKEY_HOST_TESTS_A_MINUTE
    lately = there.filter(started_at__gt=now - MINUTE).order_by("-started_at")
    begun = list(lately.values_list("started_at", flat=True)[:most])
    return begun[-1] + MINUTE if len(begun) == most and begun[-1] else None


def _postpone(test_id: int, host: str, later: datetime, now: datetime) -> None:
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    CredentialTest.objects.filter(free, pk=test_id, finished_at=None).update(
        host=host, not_before=later
    )


def heed(test: CredentialTest, finding: Finding, now: datetime) -> None:
    """A provider that is asked too often says so, and for how long it wants peace."""
    if test.host and finding.outcome is Outcome.RATE_LIMITED:
        wait = finding.retry_after
        until = now + (USUAL_WAIT if wait is None else timedelta(seconds=wait))
        ProviderHost.objects.filter(name=test.host).update(not_before=until)
