"""When the machine's verbs run. A message carries an id at most; rows are the truth."""

from typing import Any

import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from django.utils import timezone

from keys.upkeep import (
    ages,
    alarms,
    batches,
    data_export,
    deaths,
    deletion,
    endings,
    folding,
    key_sets,
    purging,
    rotations,
    rounds,
    signed_testing,
    signing_keys,
    testing,
    timetable,
    webhooks,
)

log = structlog.get_logger(__name__)

NOW, DUE = "now", "due"  # the two queues of dashboard.celery, which a worker fetches from in turn
WEBHOOKS_EVERY = 5
SETS_EVERY = 5  # seconds between two looks at the key sets that are due


@shared_task(name="keys.tasks.run_credential_test")
def run_credential_test(test_id: int) -> None:
    rotation_id = testing.run_credential_test(test_id)
    if rotation_id is not None:
        advance(rotation_id)
    batch_id = batches.batch_of(test_id)
    if batch_id is not None:
        deal(batch_id)


@shared_task(name="keys.tasks.step_rotation")
def step_rotation(rotation_id: int) -> None:
    advance(rotation_id)


@shared_task(name="keys.tasks.step_rotations")
def step_rotations() -> None:
    """And what ended without another in its place: that, too, is proven dead."""
    for rotation_id in rotations.due_rotations(timezone.now()):
        advance(rotation_id)
    for death_id in deaths.due(timezone.now()):
        prove_death(death_id)


@shared_task(name="keys.tasks.step_death")
def step_death(death_id: int) -> None:
    prove_death(death_id)


@shared_task(name="keys.tasks.step_batch")
def step_batch(batch_id: int) -> None:
    deal(batch_id)


@shared_task(name="keys.tasks.step_batches")
def step_batches() -> None:
    for batch_id in batches.due_batches(timezone.now()):
        deal(batch_id)


@shared_task(name="keys.tasks.run_due_tests")
def run_due_tests() -> None:
    for rotation_id in rounds.run_due_tests():
        try:
            advance(rotation_id)
        except Exception:  # the round goes on: the clock steps this rotation as well
            log.exception("rotation not advanced")


@worker_shutting_down.connect
def close_round(**_kwargs: Any) -> None:
    rounds.closing.set()


@shared_task(name="keys.tasks.schedule_tests")
def schedule_tests() -> None:
    if timetable.schedule_tests(timezone.now()):
        run_due_tests.apply_async(queue=DUE)


@shared_task(name="keys.tasks.sweep")
def sweep() -> None:
    now = timezone.now()
    for test_id in timetable.sweep(now):
        ring(test_id)
    for test_id in signed_testing.sweep(now):
        ring_signed_test(test_id)


@shared_task(name="keys.tasks.tell")
def tell() -> None:
    """What no test will tell of: a failure that lasts, an endpoint in trouble."""
    now = timezone.now()
    alarms.tell_what_lasts(now)
    alarms.tell_of_endpoints(now)


@shared_task(name="keys.tasks.watch_ages")
def watch_ages() -> None:
    now = timezone.now()
    ages.prepare_rotations(now)
    endings.warn_of_expiries(now)


@shared_task(name="keys.tasks.renew_signing_keys")
def renew_signing_keys() -> None:
    signing_keys.renew_signing_keys(timezone.now())


@shared_task(name="keys.tasks.run_signed_test")
def run_signed_test(test_id: int) -> None:
    signed_testing.run(test_id)


@shared_task(name="keys.tasks.fetch_key_set")
def fetch_key_set(key_set_id: int) -> None:
    key_sets.fetch(key_set_id)


@shared_task(name="keys.tasks.fetch_key_sets")
def fetch_key_sets() -> None:
    for key_set_id in key_sets.due(timezone.now()):
        # Should it not be met before the next round of the clock, that one rings again.
        fetch_key_set.apply_async((key_set_id,), queue=DUE, expires=SETS_EVERY)


@shared_task(name="keys.tasks.deliver_webhook")
def deliver_webhook(delivery_id: int) -> None:
    webhooks.deliver(delivery_id)


@shared_task(name="keys.tasks.deliver_webhooks")
def deliver_webhooks() -> None:
    now = timezone.now()
    webhooks.spread(now)
    for delivery_id in webhooks.due(now):
        deliver_webhook.apply_async((delivery_id,), queue=DUE, expires=WEBHOOKS_EVERY)


@shared_task(name="keys.tasks.fold_tests")
def fold_tests() -> None:
    folding.fold_tests(timezone.now())


@shared_task(name="keys.tasks.purge")
def purge() -> None:
    now = timezone.now()
    purging.purge(now)
    webhooks.forget_deliveries(now)


def advance(rotation_id: int) -> None:
    for test_id in rotations.advance(rotation_id, timezone.now()):
        ring(test_id)


def prove_death(death_id: int) -> None:
    for test_id in deaths.advance(death_id, timezone.now()):
        ring(test_id)


def deal(batch_id: int) -> None:
    """At most a handful at once, so a single test never waits behind a thousand."""
    for test_id in batches.step_batch(batch_id, timezone.now()):
        ring(test_id)


def ring(test_id: int) -> None:
    """What somebody waits for has a message of its own; what the clock asked for comes in rounds."""
    run_credential_test.apply_async((test_id,), queue=NOW)


def ring_signed_test(test_id: int) -> None:
    run_signed_test.apply_async((test_id,), queue=NOW)


def ring_key_set(key_set_id: int) -> None:
    fetch_key_set.apply_async((key_set_id,), queue=NOW)


def ring_webhook(delivery_id: int) -> None:
    deliver_webhook.apply_async((delivery_id,), queue=NOW)


def ring_rotation(rotation_id: int) -> None:
    step_rotation.apply_async((rotation_id,), queue=NOW)


def ring_death(death_id: int) -> None:
    step_death.apply_async((death_id,), queue=NOW)


def ring_batch(batch_id: int) -> None:
    step_batch.apply_async((batch_id,), queue=NOW)


@shared_task(name="keys.tasks.delete_organizations")
def delete_organizations() -> None:
    deletion.delete_organizations(timezone.now())


@shared_task(name="keys.tasks.make_data_exports")
def make_data_exports() -> None:
    now = timezone.now()
    data_export.make_data_exports(now)
    data_export.forget_data_exports(now)
