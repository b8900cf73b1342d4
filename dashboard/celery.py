"""The Celery app and the timetable. Rows are the truth and messages only ring: a lost one loses nothing."""

import os
from typing import Any

from celery import Celery, signals
from celery.beat import Scheduler
from django.conf import settings

from dashboard import filebroker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

filebroker.install()
app = Celery("latchkey")

NOW, DUE = (
    "now",
    "due",
)  # two queues, fetched in turn: what a person waits for overtakes what the clock asked for


def every(seconds: float, task: str, queue: str = NOW) -> dict[str, Any]:
    """A message that nobody fetched before the next one comes is worthless, so it expires."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds, "queue": queue}}


app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_transport_options=settings.CELERY_BROKER_OPTIONS,
    broker_connection_retry_on_startup=True,
    # Nobody waits in a web request for a broker that is away: the row is there, the sweeper finds it.
    task_publish_retry=False,
    task_default_queue=DUE,
    task_ignore_result=True,
    accept_content=["json"],
    task_serializer="json",
    timezone="UTC",
    # No task_time_limit: a thread cannot be killed. The door to the network keeps a deadline of 10 s for each call,
    # and a lease of 60 s on the row hands the work to another when this process died or froze.
    worker_concurrency=settings.LATCHKEY_WORKER_THREADS,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    beat_scheduler="dashboard.celery:Timetable",
    beat_max_loop_interval=5,
    beat_schedule={
        "sweep": every(15, "keys.tasks.sweep"),
        "schedule tests": every(15, "keys.tasks.schedule_tests"),
        # Oftener than tests come due: of several workers each soon joins in while there is more than one can do.
        "run due tests": every(5, "keys.tasks.run_due_tests", DUE),
        # So soon an unknown kid is noticed; how often its key set is fetched is up to its row.
        "fetch key sets": every(5, "keys.tasks.fetch_key_sets", DUE),
        "deliver webhooks": every(5, "keys.tasks.deliver_webhooks", DUE),
        "step rotations": every(15, "keys.tasks.step_rotations"),
        "step batches": every(15, "keys.tasks.step_batches"),
        "tell": every(30, "keys.tasks.tell", DUE),
        "watch ages": every(300, "keys.tasks.watch_ages", DUE),
        "deliver notices": every(15, "environments.tasks.deliver_notices", DUE),
        "send digests": every(60, "environments.tasks.send_digests", DUE),
        "renew signing keys": every(300, "keys.tasks.renew_signing_keys", DUE),
        "fold tests": every(300, "keys.tasks.fold_tests", DUE),
        # Each checkpoint is due after five minutes; a missed ring costs one.
        "sign log": every(60, "environments.tasks.sign_log", DUE),
        "work on log": every(5, "environments.tasks.work_on_log", DUE),
        "look after log": every(600, "environments.tasks.look_after_log", DUE),
        "look after floors": every(60, "environments.tasks.look_after_floors", DUE),
        "make data exports": every(5, "keys.tasks.make_data_exports", DUE),
        "delete organizations": every(60, "keys.tasks.delete_organizations", DUE),
        "forget notices": every(3600, "environments.tasks.forget_notices", DUE),
        "purge": every(600, "keys.tasks.purge"),
    },
)
app.autodiscover_tasks()


class Timetable(Scheduler):
    """Celery's scheduler in memory (no period here is worth a file), with a sign of life of its own."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        from dashboard import heartbeat  # Celery names this class before Django's apps are loaded

        heartbeat.signal("beat")
        return float(super().tick(*args, **kwargs))


@signals.worker_init.connect
def prove_worker(**_kwargs: Any) -> None:
    _prove("worker")


@signals.beat_init.connect
def prove_beat(**_kwargs: Any) -> None:
    _prove("beat")


@signals.worker_ready.connect
@signals.task_postrun.connect
def worker_lives(**_kwargs: Any) -> None:
    """After a task and not on a timer: so it tells that messages arrive and threads come to an end."""
    from dashboard import heartbeat

    heartbeat.signal("worker")


def _prove(role: str) -> None:
    from dashboard import startup

    if role != settings.LATCHKEY_ROLE:
        msg = f"This process is a {role}: start it with LATCHKEY_ROLE={role}."
        raise SystemExit(msg)
    startup.prove(role)
