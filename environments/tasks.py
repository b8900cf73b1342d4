"""When the machine's verbs of this floor run. Rows are the truth."""

from celery import shared_task
from django.utils import timezone

from environments import upkeep


@shared_task(name="environments.tasks.deliver_notices")
def deliver_notices() -> None:
    upkeep.deliver_notices(timezone.now())


@shared_task(name="environments.tasks.forget_notices")
def forget_notices() -> None:
    upkeep.forget_notices(timezone.now())
