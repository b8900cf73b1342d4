"""The clock rings once."""

from django.utils import timezone

from keys import tasks
from keys.upkeep import webhooks as machine


def tick() -> None:
    tasks.deliver_webhooks()
    for pk in machine.due(timezone.now()):
        tasks.deliver_webhook(pk)
