"""The machine's verbs on webhooks: the log's new entries become deliveries, and each is sent until it was taken."""

import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from environments import audit, notices, outbound
from environments.events import Event
from environments.faults import Forbidden, Unreachable
from environments.models import AuditEvent, Member, Organization
from environments.policy import OrganizationRole
from keys import opening
from keys.crypto import CannotOpen
from keys.models import WAITS, Webhook, WebhookDelivery
from keys.webhook_signing import signed_headers

EVENTS_AT_ONCE = 200
KEPT = timedelta(days=30)
GONE = 410
log = structlog.get_logger(__name__)


def spread(now: datetime, limit: int = 100) -> int:
    """Make a delivery of each new entry that a webhook asks for; how many. A webhook's row is its lock.

    Of more than can be told at once chance takes some: nobody waits for ever behind the webhooks of others."""
    made = 0
    entries = AuditEvent.objects.filter(
        organization_id=OuterRef("organization_id"), sequence__gt=OuterRef("told_up_to")
    )
    behind = Webhook.objects.filter(Exists(entries), ended_at=None).order_by("?")
    for pk in list(behind.values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            held = Webhook.objects.select_for_update(of=("self",), skip_locked=_can_skip())
            webhook = held.select_related("organization").filter(pk=pk, ended_at=None).first()
            made += _spread(webhook, now) if webhook else 0
    return made


def _can_skip() -> bool:
    skips: bool = transaction.get_connection().features.has_select_for_update_skip_locked
    return skips


def _spread(webhook: Webhook, now: datetime) -> int:
    chain = AuditEvent.objects.filter(organization_id=webhook.organization_id)
    fresh = list(
        chain.filter(sequence__gt=webhook.told_up_to).order_by("sequence")[:EVENTS_AT_ONCE]
    )
    if not fresh:
        return 0
    chosen = [event for event in fresh if webhook.tells(event.event)]
    WebhookDelivery.objects.bulk_create(
        [
            WebhookDelivery(
                webhook=webhook,
                event=event.event,
                sequence=event.sequence,
                body=json.dumps(_told(event, webhook.organization), ensure_ascii=False),
                due_at=now,
            )
            for event in chosen
        ],
        ignore_conflicts=True,
    )
    Webhook.objects.filter(pk=webhook.pk).update(told_up_to=fresh[-1].sequence)
    return len(chosen)


def _told(event: AuditEvent, organization: Organization) -> dict[str, Any]:
    """The entry as the log has it, without addresses of the network and without details."""
    return {
        "type": event.event,
        "timestamp": event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "organization": organization.slug,
            "environment": event.environment or None,
            "subject": event.subject,
            "name": event.label,
            "actor": event.actor or None,
            "denied": event.denied,
            "sequence": event.sequence,
        },
    }


def due(now: datetime, limit: int = 50) -> list[int]:
    waiting = WebhookDelivery.objects.due(now).order_by("due_at", "pk")
    return list(waiting.values_list("pk", flat=True)[:limit])


def deliver(pk: int) -> None:
    """One try. Called twice or late, it does nothing."""
    now = timezone.now()
    delivery = WebhookDelivery.objects.claim(pk, now)
    if delivery is None:
        return
    status, trouble = _send(delivery, now)
    _keep(delivery, status, trouble, timezone.now())


def _send(delivery: WebhookDelivery, now: datetime) -> tuple[int | None, str]:
    """(HTTP status, what went wrong), through the one door to the network."""
    webhook, body = delivery.webhook, delivery.body.encode()
    try:
        secret = opening.open_credential(webhook.sealed or b"", webhook.context)
        headers = signed_headers(secret.reveal(), delivery.public_id, int(now.timestamp()), body)
        reply = outbound.post_body(
            webhook.url, body, headers={**headers, "Content-Type": "application/json"}
        )
    except CannotOpen:
        return None, "Its secret cannot be opened here."
    except Forbidden as refused:
        return None, str(refused)
    except Unreachable as away:
        return None, f"{away.cause.value.replace('_', ' ').capitalize()} ({away.stage})"
    return reply.status, ""


def _keep(delivery: WebhookDelivery, status: int | None, trouble: str, now: datetime) -> None:
    row = WebhookDelivery.objects.filter(pk=delivery.pk, attempt=delivery.attempt)
    taken = status is not None and 200 <= status < 300  # HTTP's own classes
    last = delivery.attempt > len(WAITS) or status == GONE
    facts: dict[str, Any] = {
        "leased_until": None,
        "tried_at": now,
        "status": status,
        "trouble": trouble[:120],
    }
    if taken:
        facts["delivered_at"] = now
    elif last:
        facts["given_up_at"] = now
    else:
        facts["due_at"] = now + WAITS[delivery.attempt - 1]
    if row.update(**facts) and last and not taken:
        _give_up(delivery, status, now)


def _give_up(delivery: WebhookDelivery, status: int | None, now: datetime) -> None:
    """Owners hear of it once a day at most; a receiver that says "gone" is told nothing more."""
    webhook = delivery.webhook
    log.warning("webhook given up", webhook=webhook.public_id, attempt=delivery.attempt)
    with transaction.atomic():
        if status == GONE and Webhook.objects.filter(pk=webhook.pk, ended_at=None).update(
            ended_at=now, sealed=None
        ):
            place = audit.Machine(webhook.organization_id)
            audit.record(
                place, Event.WEBHOOK_ENDED, f"webhook:{webhook.public_id}", label=webhook.url
            )
        owners = Member.objects.filter(
            organization=webhook.organization_id, role=OrganizationRole.OWNER
        )
        news = notices.News(
            organization_id=webhook.organization_id,
            once=f"webhook:{webhook.public_id}:{now:%Y-%m-%d}",
            title=f"A webhook does not reach {webhook.url}"[:160],
            text="It was tried for two days. Look at the answers, and at the receiver.",
            path=reverse("keys:webhook", args=[webhook.organization.slug, webhook.public_id])
            if status != GONE
            else reverse("keys:webhooks", args=[webhook.organization.slug]),
        )
        notices.tell([owner.user for owner in owners.select_related("user")], news)


def forget_deliveries(now: datetime, limit: int = 1000) -> None:
    old = WebhookDelivery.objects.filter(made_at__lt=now - KEPT).order_by("made_at")
    WebhookDelivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:limit])).delete()
