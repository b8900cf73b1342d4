"""What happens at the door is in the installation's log, and seeds rest sealed."""

from django.urls import reverse

from dashboard.signon import MFAAdapter
from environments.audit import INSTALLATION
from environments.models import AuditEvent
from keys.handover import cookie_name

PASSWORD = "correct horse battery"


def happened():
    chain = AuditEvent.objects.filter(organization_id=INSTALLATION).order_by("sequence")
    return [(event.event, event.label) for event in chain]


def sign_in_as(client, name, password=PASSWORD):
    form = {"login": f"{name}@acme.test", "password": password}
    return client.post(reverse("account_login"), form)


def test_sign_in_sign_out_and_a_wrong_password_are_in_the_log(acme, client):
    sign_in_as(client, "viewer", "wrong password")
    sign_in_as(client, "nobody")
    sign_in_as(client, "viewer")
    client.post(reverse("account_logout"))
    assert happened() == [
        ("sign-in.failed", "viewer@acme.test"),
        ("sign-in.failed", "nobody@acme.test"),
        ("sign-in.succeeded", "viewer@acme.test"),
        ("sign-in.ended", "viewer@acme.test"),
    ]


def test_a_wrong_password_is_never_in_the_log(acme, client):
    sign_in_as(client, "viewer", "my other password")
    assert "my other password" not in str(list(AuditEvent.objects.values()))


def test_signing_out_takes_the_browser_its_half_of_every_hand_over(acme, client):
    sign_in_as(client, "engineer")
    client.cookies[cookie_name()] = "b" * 43
    client.post(reverse("account_logout"))
    assert client.cookies[cookie_name()].value == ""


def test_a_changed_password_is_in_the_log(acme, client):
    sign_in_as(client, "viewer")
    new = "another fine phrase"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    client.post(reverse("account_change_password"), form)
    assert happened()[-1] == ("password.changed", "viewer@acme.test")


def test_a_seed_rests_sealed_and_opens_again():
    adapter = MFAAdapter()
    rests = adapter.encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in rests
    assert adapter.decrypt(rests) == "JBSWY3DPEHPK3PXP"
