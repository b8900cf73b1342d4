"""Which tests are due: by the clock, and by the sweeper that finds what a lost message left behind."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, Subquery

from environments.models import Environment
from keys.models import STRIKES, CredentialTest, Key, Secret
from keys.outcomes import Outcome
from keys.probe import Finding
from keys.upkeep.findings import keep

TICK = timedelta(seconds=15)  # how often the clock calls schedule_tests and sweep
PATIENCE = timedelta(seconds=10)  # a message this young may still be on its way


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
    newest = Secret.objects.live(now).standing().exclude(sealed=None).filter(key=OuterRef("pk"))
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


def sweep(now: datetime, limit: int = 200) -> list[int]:
    """Rows that should have been met by now; those that somebody waits for come first. The clock's come in rounds."""
    due = CredentialTest.objects.due(now)
    for test in due.filter(attempt__gte=STRIKES)[:limit]:
        keep(test, Finding(Outcome.GAVE_UP))
    lost = due.filter(attempt__lt=STRIKES, not_before__lte=now - PATIENCE)
    apart = lost.exclude(pk__in=CredentialTest.objects.scheduled().values("pk"))
    return list(
        apart.order_by("-interactive", "not_before", "pk").values_list("pk", flat=True)[:limit]
    )
