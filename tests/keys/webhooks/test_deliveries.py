"""Owners have events told to an address of theirs: signed, told again until taken, and told nobody else."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from environments.events import TOPICS, Event
from environments.models import AuditEvent, Notice
from keys.crypto import CannotOpen
from keys.models import WAITS, Webhook, WebhookDelivery
from keys.opening import open_credential
from keys.upkeep import webhooks as machine
from keys.webhook_signing import signed_headers
from tests.keys.webhooks.ticking import tick

pytestmark = pytest.mark.enable_socket
OF_THE_INSTALLATION = {"sign-in", "password", "setup", "setup-link", "factor", "session", "account", "notices"}  # fmt: skip
"""Its chain has them: nobody's organization is told of a sign-in."""


def test_a_message_is_signed_as_the_specification_shows_it():
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_what_happens_from_then_on_is_told_and_nothing_of_before(acme, receiver, hooked, issue):
    issue(name="before")
    webhook, secret = hooked("keys")
    issue(name="billing-api")
    receiver.expect_request("/hook", method="POST").respond_with_data("", status=204)
    tick()
    (request, _) = receiver.log[0]
    told = json.loads(request.data)
    assert (told["type"], told["data"]["name"]) == ("key.created", "billing-api")
    assert told["data"]["organization"] == "acme"
    assert [r.path for r, _ in receiver.log] == ["/hook"]
    delivery = WebhookDelivery.objects.get(webhook=webhook)
    again = signed_headers(
        secret.reveal(),
        delivery.public_id,
        int(request.headers["webhook-timestamp"]),
        request.data,
    )
    assert request.headers["webhook-signature"] == again["webhook-signature"]
    assert delivery.delivered_at


def test_only_the_chosen_kinds_are_told(hooked, issue, receiver):
    webhook, _ = hooked("rotations")
    issue()
    machine.spread(timezone.now())
    assert not webhook.deliveries.exists()
    webhook.refresh_from_db()
    assert (
        webhook.told_up_to
        == AuditEvent.objects.filter(organization_id=webhook.organization_id).count()
    )


def test_every_event_of_an_organization_belongs_to_one_topic():
    told = {
        event: [topic for topic in TOPICS if Webhook(topics=[topic]).tells(event)]
        for event in Event
    }
    assert {event: topics for event, topics in told.items() if len(topics) > 1} == {}
    untold = {event.partition(".")[0] for event, topics in told.items() if not topics}
    assert untold <= OF_THE_INSTALLATION


def test_an_entry_is_told_once_whoever_looks_twice(hooked, issue):
    webhook, _ = hooked("keys")
    issue()
    machine.spread(timezone.now())
    Webhook.objects.update(told_up_to=0)
    machine.spread(timezone.now())
    issued = webhook.deliveries.filter(event="key.created")
    assert issued.count() == 1


def test_what_was_not_taken_is_told_again_later_with_the_same_id(
    hooked, issue, receiver, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)
    webhook, _ = hooked("keys")
    issue()
    receiver.expect_request("/hook").respond_with_data("busy", status=503)
    tick()
    delivery = webhook.deliveries.get()
    assert (delivery.status, delivery.delivered_at, delivery.attempt) == (503, None, 1)
    tick()
    assert webhook.deliveries.get().attempt == 1
    time_machine.shift(WAITS[0] + timedelta(seconds=1))
    receiver.clear_all_handlers()
    receiver.expect_request("/hook").respond_with_data("ok")
    tick()
    assert webhook.deliveries.get().delivered_at
    ids = {request.headers["webhook-id"] for request, _ in receiver.log}
    assert ids == {delivery.public_id}


def test_after_the_last_try_it_is_given_up_and_owners_hear_of_it(
    acme, hooked, issue, receiver, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)
    webhook, _ = hooked("keys")
    issue()
    receiver.expect_request("/hook").respond_with_data("", status=500)
    for wait in (timedelta(0), *WAITS):
        time_machine.shift(wait + timedelta(seconds=1))
        tick()
    delivery = webhook.deliveries.get()
    assert (delivery.given_up_at is not None, delivery.attempt) == (True, len(WAITS) + 1)
    assert Notice.objects.filter(user=acme["owner"], title__contains="does not reach").count() == 1
    assert not Notice.objects.filter(user=acme["admin"]).exists()


def test_a_receiver_that_is_gone_ends_the_webhook(hooked, issue, receiver):
    webhook, _ = hooked("keys")
    issue()
    receiver.expect_request("/hook").respond_with_data("", status=410)
    tick()
    webhook.refresh_from_db()
    assert webhook.ended_at
    assert webhook.sealed is None
    assert AuditEvent.objects.filter(event="webhook.ended", actor="").exists()


def test_a_redirect_is_not_followed(hooked, issue, receiver):
    webhook, _ = hooked("keys")
    issue()
    receiver.expect_request("/hook").respond_with_data(
        "", status=307, headers={"Location": receiver.url_for("/elsewhere")}
    )
    tick()
    assert [request.path for request, _ in receiver.log] == ["/hook"]
    assert webhook.deliveries.get().delivered_at is None


def test_an_address_that_is_no_longer_allowed_is_not_called(hooked, issue, receiver, settings):
    webhook, _ = hooked("keys")
    issue()
    settings.LATCHKEY_ALLOWED_URL_PREFIXES = []
    tick()
    assert receiver.log == []
    delivery = webhook.deliveries.get()
    assert delivery.status is None
    assert delivery.trouble


def test_nobody_waits_behind_webhooks_that_have_nothing_to_tell(hooked, issue):
    hooked("keys", path="/first")
    issue(name="before")
    machine.spread(timezone.now())
    last, _ = hooked("keys", path="/last")
    issue(name="billing-api")
    machine.spread(timezone.now(), limit=1)
    machine.spread(timezone.now(), limit=1)
    assert last.deliveries.exists()


def test_two_workers_send_a_message_once(hooked, issue):
    webhook, _ = hooked("keys")
    issue()
    machine.spread(timezone.now())
    pk = webhook.deliveries.get().pk
    assert WebhookDelivery.objects.claim(pk, timezone.now()) is not None
    assert WebhookDelivery.objects.claim(pk, timezone.now()) is None


def test_the_secret_is_sealed_for_this_address_alone(hooked, receiver):
    webhook, secret = hooked()
    assert secret.reveal().encode() not in bytes(webhook.sealed)
    assert open_credential(webhook.sealed, webhook.context).reveal() == secret.reveal()
    webhook.url = receiver.url_for("/thief")
    with pytest.raises(CannotOpen):
        open_credential(webhook.sealed, webhook.context)


def test_deliveries_are_forgotten_after_a_month(hooked, issue):
    webhook, _ = hooked("keys")
    issue()
    machine.spread(timezone.now())
    machine.forget_deliveries(timezone.now() + timedelta(days=29))
    assert webhook.deliveries.exists()
    machine.forget_deliveries(timezone.now() + timedelta(days=31))
    assert not webhook.deliveries.exists()
