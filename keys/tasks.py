"""When the machine's verbs run. A message carries an id at most; rows are the truth."""

from celery import shared_task
from django.utils import timezone

from keys import upkeep

NOW, DUE = "now", "due"  # the two queues of dashboard.celery, which a worker fetches from in turn


@shared_task(name="keys.tasks.run_credential_test")
def run_credential_test(test_id: int) -> None:
    upkeep.run_credential_test(test_id)


@shared_task(name="keys.tasks.schedule_tests")
def schedule_tests() -> None:
    for test_id in upkeep.schedule_tests(timezone.now()):
        ring(test_id, interactive=False)


@shared_task(name="keys.tasks.sweep")
def sweep() -> None:
    for test_id, interactive in upkeep.sweep(timezone.now()):
        ring(test_id, interactive=interactive)


@shared_task(name="keys.tasks.purge")
def purge() -> None:
    upkeep.purge(timezone.now())


def ring(test_id: int, *, interactive: bool) -> None:
    """What somebody waits for goes into a queue of its own and overtakes the clock's."""
    run_credential_test.apply_async((test_id,), queue=NOW if interactive else DUE)
