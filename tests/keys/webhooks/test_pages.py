"""Owners add a webhook, see its secret once, try it and end it; nobody else does."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from environments.models import AuditEvent
from environments.policy import OrganizationRole
from environments.services import roles
from keys.models import Webhook
from keys.upkeep import webhooks as machine
from tests.keys.webhooks.ticking import tick

LISTED, ADD = "/o/acme/webhooks/", "/o/acme/webhooks/add/"

pytestmark = pytest.mark.enable_socket


def test_an_owner_adds_one_sees_its_secret_once_and_tries_it(acme, sign_in, receiver):
    client = sign_in("owner")
    url = receiver.url_for("/hook")
    page = client.post(ADD, {"url": url, "topics": ["keys", "people"]}).content.decode()
    assert "whsec_" in page
    webhook = Webhook.objects.get()
    at = reverse("keys:webhook", args=["acme", webhook.public_id])
    assert "whsec_" not in client.get(at).content.decode() + client.get(LISTED).content.decode()
    receiver.expect_request("/hook").respond_with_data("ok")
    client.post(at + "try/")
    tick()
    assert "Delivered" in client.get(at).content.decode()
    assert json.loads(receiver.log[0][0].data)["type"] == "webhook.tried"
    kinds = AuditEvent.objects.filter(event__startswith="webhook.")
    assert [line.event for line in kinds] == ["webhook.added", "webhook.tried"]


def test_an_ended_one_is_told_nothing_more_not_even_what_waits(
    acme, sign_in, hooked, issue, receiver
):
    webhook, _ = hooked("keys")
    issue()
    machine.spread(timezone.now())
    at = reverse("keys:end_webhook", args=["acme", webhook.public_id])
    assert sign_in("owner").post(at).headers["Location"] == LISTED
    tick()
    assert receiver.log == []
    assert sign_in("owner").get(at).status_code == 404


@pytest.mark.parametrize("name", ["admin", "engineer", "member"])
def test_whoever_is_no_owner_is_refused(acme, sign_in, hooked, name):
    webhook, _ = hooked()
    client = sign_in(name)
    at = reverse("keys:webhook", args=["acme", webhook.public_id])
    for answer in (
        client.get(LISTED),
        client.get(at),
        client.post(ADD, {"url": "https://x.example/", "topics": ["keys"]}),
        client.post(at + "try/"),
        client.post(at + "end/"),
    ):
        assert answer.status_code == 403
    assert Webhook.objects.filter(ended_at=None).count() == 1
    assert AuditEvent.objects.filter(denied=True).count() >= 5


def test_another_organizations_webhook_is_not_found(acme, sign_in, hooked):
    webhook, _ = hooked()
    at = reverse("keys:webhook", args=["elsewhere", webhook.public_id])
    client = sign_in("stranger")
    assert client.get(at).status_code == client.post(at + "try/").status_code == 404
    assert client.post(at + "end/").status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "https://10.0.0.1/hook",
        "https://localhost/hook",
        "file:///etc/passwd",
        "https://user:pw@x.example/",
        "x" * 600,
        "",
    ],
)
def test_an_address_that_the_door_would_not_go_to_is_refused_at_its_field(acme, sign_in, url):
    page = sign_in("owner").post(ADD, {"url": url, "topics": ["keys"]})
    assert page.status_code == 200
    assert page.context["form"].errors["url"]
    assert not Webhook.objects.exists()


def test_ten_are_enough(acme, sign_in, hooked):
    for number in range(10):
        hooked(path=f"/{number}")
    page = sign_in("owner").post(ADD, {"url": "https://x.example/hook", "topics": ["keys"]})
    assert "10 webhooks at most" in page.content.decode()


def test_an_owner_who_is_lowered_no_longer_adds(acme, sign_in):
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.OWNER)
    client = sign_in("admin")
    assert client.get(ADD).status_code == 200
    roles.set_organization_role(acme.org("owner"), acme.member("admin").pk, OrganizationRole.ADMIN)
    form = {"url": "https://x.example/hook", "topics": ["keys"]}
    assert client.post(ADD, form).status_code == 403
