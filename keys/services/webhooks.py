"""Owners' verbs on webhooks: add one and see its secret once, try it out, end it."""

import json
from collections.abc import Collection

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from environments import audit
from environments.access import OrgScope
from environments.events import TOPICS, Event
from environments.outside import check_place
from environments.policy import OrgAction
from keys import sealing, tasks
from keys.crypto import SecretText
from keys.models import Webhook, WebhookDelivery
from keys.webhook_signing import new_secret

MOST_WEBHOOKS = 10


class TooMany(Exception):
    """An organization has so many webhooks already."""


@transaction.atomic
def add_webhook(
    scope: OrgScope, *, url: str, topics: Collection[str]
) -> tuple[Webhook, SecretText]:
    """What happens from now on is told there; the secret is in the answer and never again."""
    scope.require(OrgAction.EDIT, "webhook:new")
    check_place(url)
    if Webhook.objects.within(scope).count() >= MOST_WEBHOOKS:
        raise TooMany
    webhook = Webhook(
        organization=scope.organization,
        url=url,
        topics=[topic for topic in TOPICS if topic in topics],
        made_by=scope.actor,
        told_up_to=audit.within(scope).aggregate(last=Max("sequence"))["last"] or 0,
    )
    secret = SecretText(new_secret())
    webhook.sealed = sealing.seal_credential(secret, webhook.context)
    webhook.save()
    audit.record(
        scope,
        Event.WEBHOOK_ADDED,
        f"webhook:{webhook.public_id}",
        label=url,
        topics=webhook.topics,
    )
    return webhook, secret


@transaction.atomic
def end_webhook(scope: OrgScope, public_id: str) -> None:
    """Nothing is told there any more, not even what waits; its secret is erased."""
    subject = f"webhook:{public_id}"
    scope.require(OrgAction.EDIT, subject)
    webhook = Webhook.objects.within(scope).select_for_update(of=("self",)).get(public_id=public_id)
    webhook.ended_at, webhook.sealed = timezone.now(), None
    webhook.save(update_fields=["ended_at", "sealed"])
    audit.record(scope, Event.WEBHOOK_ENDED, subject, label=webhook.url)


@transaction.atomic
def try_webhook(scope: OrgScope, public_id: str) -> WebhookDelivery:
    """Send a message that says it is a trial."""
    subject = f"webhook:{public_id}"
    scope.require(OrgAction.EDIT, subject)
    webhook = Webhook.objects.within(scope).get(public_id=public_id)
    said = {
        "type": "webhook.tried",
        "timestamp": timezone.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {"organization": scope.organization.slug, "by": scope.actor.email},
    }
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event="webhook.tried", body=json.dumps(said)
    )
    audit.record(scope, Event.WEBHOOK_TRIED, subject, label=webhook.url)
    transaction.on_commit(lambda: tasks.ring_webhook(delivery.pk))
    return delivery
