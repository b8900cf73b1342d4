"""Tell of what changed: once per change of state, and only of what has lasted two tests in a row or five minutes.

Damped on both sides: a key that fails, works and fails again while its failure is told says nothing more.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from environments import audit, notices
from environments.events import Event
from keys.keepers import engineers_of, keepers_of, news_of, tell_keepers
from keys.models import CredentialTest, Key, TokenEndpoint
from keys.outcomes import Fault, Outcome

LASTED = timedelta(minutes=5)
ASK_AGAIN = timedelta(minutes=1)
"""A change is looked at once more so soon, and not only at the key's next turn."""


def note(key: Key, test: CredentialTest, outcome: Outcome, now: datetime) -> None:
    """What a test of the newest secret says about its key, whose row is locked; the caller saves it."""
    event = None
    # What a person disabled on purpose is no failure.
    if outcome.fault is Fault.CREDENTIAL and not key.disabled_at:
        event = _failed(key, now)
    elif outcome in {Outcome.WORKS, Outcome.SCOPE_NARROWED}:  # either way it was accepted
        event = _worked(key, now)
    key.save(
        update_fields=[
            "last_tested_at",
            "last_outcome",
            "failing_since",
            "failing_told_at",
            "recovered_at",
        ]
    )
    if event:
        ask_again(test, now)
        record(key, event, outcome)


def _failed(key: Key, now: datetime) -> Event | None:
    key.recovered_at = None
    if key.failing_since is None:
        key.failing_since = now
        return Event.KEY_FAILING
    if key.failing_told_at is None:
        tell_failing(key, now)
    return None


def _worked(key: Key, now: datetime) -> Event | None:
    if key.failing_since:
        key.failing_since = None
        key.recovered_at = now if key.failing_told_at else None
        return Event.KEY_WORKING
    if key.failing_told_at:
        tell_recovered(key)
    return None


def ask_again(test: CredentialTest, now: datetime) -> None:
    again = CredentialTest(
        key_id=test.key_id,
        secret_id=test.secret_id,
        reason=CredentialTest.Reason.SCHEDULE,
        asked_at=now,
        not_before=now + ASK_AGAIN,
    )
    CredentialTest.objects.bulk_create([again], ignore_conflicts=True)  # one may wait already


def record(key: Key, event: Event, outcome: Outcome) -> None:
    place = audit.Machine(key.environment.organization_id, key.environment.slug)
    audit.record(place, event, f"key:{key.client_id}", label=key.name, outcome=outcome)


def tell_failing(key: Key, now: datetime) -> None:
    key.failing_told_at = now
    outcome = Outcome(key.last_outcome)
    since = spoken(key.failing_since or now)
    text = f"{outcome.label}, since {since}. {outcome.meaning} {outcome.remedy}".strip()
    title = f"{key.name} fails in {key.environment.name}"
    tell_keepers(key, _heard(key, "failing"), title, text, tone="bad")


def tell_recovered(key: Key) -> None:
    """To those of its keepers who heard that it failed."""
    heard = keepers_of(key).filter(notices__once=f"{_heard(key, 'failing')}:{key.client_id}")
    title = f"{key.name} works again in {key.environment.name}"
    text = "A token was fetched with it again."
    notices.tell(heard, news_of(key, _heard(key, "working"), title, text, tone="ok"))
    key.failing_told_at = key.recovered_at = None


def _heard(key: Key, word: str) -> str:
    assert key.failing_told_at is not None  # noqa: S101
    return f"{word}:{key.failing_told_at.isoformat()}"


def spoken(at: datetime) -> str:
    """For texts that reach people in several zones."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def tell_what_lasts(now: datetime, limit: int = 200) -> int:
    """What no second test has confirmed within five minutes; how many keys were told of."""
    late = now - LASTED
    fails = Q(failing_since__lte=late, failing_told_at=None)
    recovers = Q(failing_since=None, recovered_at__lte=late) & ~Q(failing_told_at=None)
    due = Key.objects.scheduled().filter(fails | recovers).order_by("pk")
    told = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        told += _tell_of_key(pk, fails | recovers, now)
    return told


@transaction.atomic
def _tell_of_key(pk: int, still: Q, now: datetime) -> int:
    # Asked again under the lock: another beat, or a test, may have been quicker.
    rows = Key.objects.select_for_update(of=("self",)).scheduled().filter(still, pk=pk)
    key = rows.select_related("environment__organization", "team").first()
    if key is None:
        return 0
    if key.failing_since:
        tell_failing(key, now)
    else:
        tell_recovered(key)
    key.save(update_fields=["failing_told_at", "recovered_at"])
    return 1


def tell_of_endpoints(now: datetime, limit: int = 50) -> int:
    """An endpoint in trouble judges no key, but its environment's engineers hear of it; how many were told of."""
    troubled = Q(troubled_since__lte=now - LASTED, trouble_told_at=None)
    mended = Q(troubled_since=None) & ~Q(trouble_told_at=None)
    told = 0
    for still, tell in ((troubled, _tell_troubled), (mended, _tell_mended)):
        due = TokenEndpoint.objects.current().filter(still).order_by("pk")
        for pk in list(due.values_list("pk", flat=True)[:limit]):
            told += _tell_of_endpoint(pk, still, tell, now)
    return told


@transaction.atomic
def _tell_of_endpoint(
    pk: int, still: Q, tell: Callable[[TokenEndpoint, datetime], None], now: datetime
) -> int:
    rows = TokenEndpoint.objects.select_for_update(of=("self",)).filter(still, pk=pk)
    endpoint = rows.select_related("environment__organization").first()
    if endpoint is None:
        return 0
    tell(endpoint, now)
    endpoint.save(update_fields=["trouble_told_at"])
    return 1


def _tell_troubled(endpoint: TokenEndpoint, now: datetime) -> None:
    endpoint.trouble_told_at = now
    since = spoken(endpoint.troubled_since or now)
    outcome = Outcome(endpoint.trouble) if endpoint.trouble else None
    said = f"{outcome.label}. {outcome.meaning} " if outcome else ""
    text = f"{said}No key is judged by this. Its keys were last tested in vain since {since}."
    title = f"The token endpoint {endpoint.name} is in trouble"
    _tell_engineers(endpoint, "troubled", title, text, "bad")


def _tell_mended(endpoint: TokenEndpoint, _now: datetime) -> None:
    title = f"The token endpoint {endpoint.name} answers again"
    _tell_engineers(endpoint, "mended", title, "Its keys are tested as before.", "ok")
    endpoint.trouble_told_at = None


def _tell_engineers(endpoint: TokenEndpoint, word: str, title: str, text: str, tone: str) -> None:
    place = endpoint.environment
    assert endpoint.trouble_told_at is not None  # noqa: S101
    page = reverse("keys:endpoints", args=[place.organization.slug, place.slug])
    news = notices.News(
        organization_id=place.organization_id,
        once=f"{word}:{endpoint.trouble_told_at.isoformat()}:{endpoint.public_id}",
        title=title,
        text=text,
        path=f"{page}#{endpoint.public_id}",
        environment=place.slug,
        tone=tone,
    )
    notices.tell(engineers_of(place.pk), news)
