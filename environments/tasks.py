"""When the machine's verbs of this floor run. Rows are the truth."""

from celery import shared_task
from django.utils import timezone

from environments.upkeep import checkpoints, digests, floors, log_work, notices


@shared_task(name="environments.tasks.deliver_notices")
def deliver_notices() -> None:
    notices.deliver_notices(timezone.now())


@shared_task(name="environments.tasks.send_digests")
def send_digests() -> None:
    digests.send_digests(timezone.now())


@shared_task(name="environments.tasks.forget_notices")
def forget_notices() -> None:
    notices.forget_notices(timezone.now())


@shared_task(name="environments.tasks.sign_log")
def sign_log() -> None:
    now = timezone.now()
    checkpoints.sign_heads(now)
    checkpoints.tell_witness(now)


@shared_task(name="environments.tasks.work_on_log")
def work_on_log() -> None:
    now = timezone.now()
    log_work.make_exports(now)
    log_work.check_logs(now)


@shared_task(name="environments.tasks.look_after_log")
def look_after_log() -> None:
    now = timezone.now()
    log_work.ask_for_checks(now)
    log_work.forget_log_work(now)


@shared_task(name="environments.tasks.look_after_floors")
def look_after_floors() -> None:
    floors.look_after_floors(timezone.now())
