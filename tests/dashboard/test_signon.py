"""What happens at the door is in the installation's log, and seeds rest sealed."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.urls import get_resolver, reverse

from dashboard.signon import MFAAdapter
from dashboard.waiting import ACTS
from environments.models import AuditEvent
from keys.handover import cookie_name
from tests.dashboard.told import happened
from tests.test_doors import addresses

REAUTHENTICATE = "/accounts/reauthenticate/"
PASSWORD = "correct horse battery"


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


def test_a_password_that_was_reset_by_a_letter_is_in_the_log(acme, client):
    client.post(reverse("account_reset_password"), {"email": "viewer@acme.test"})
    (letter,) = mail.outbox
    (address,) = re.findall(r"http://\S+/accounts/password/reset/key/\S+", str(letter.body))
    page = client.get(address, follow=True)
    new = "another fine phrase"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert happened()[-1] == ("password.reset", "viewer@acme.test")
    acme["viewer"].refresh_from_db()
    assert acme["viewer"].check_password(new)
    assert new not in str(list(AuditEvent.objects.values()))
    old = client.get(address, follow=True).content.decode()
    assert "This link has ended" in old


def test_the_reset_form_sends_nothing_to_an_address_without_an_account(acme, client):
    answer = client.post(reverse("account_reset_password"), {"email": "nobody@acme.test"})
    assert (answer.status_code, mail.outbox) == (302, [])


def test_a_refused_confirmation_is_in_the_log_with_the_act_that_waited(acme, sign_in, issue):
    key = issue().key
    client = sign_in("engineer", ago=3600)
    page = client.get(reverse("keys:rotate", kwargs=key.address)).headers["Location"]
    assert "to rotate billing-api" in client.get(page).content.decode()
    back = reverse("keys:rotate", kwargs=key.address)
    client.post(REAUTHENTICATE, {"password": "wrong password", "next": back})
    assert happened() == [("sign-in.not-confirmed", "to rotate billing-api")]
    assert (
        client.post(REAUTHENTICATE, {"password": PASSWORD, "next": back}).headers["Location"]
        == back
    )
    assert len(happened()) == 1
    assert "wrong password" not in str(list(AuditEvent.objects.values()))


def test_a_wrong_code_is_a_refused_confirmation_too(acme, sign_in):
    seed = MFAAdapter().encrypt("JBSWY3DPEHPK3PXP")
    Authenticator.objects.create(
        user=acme["viewer"], type=Authenticator.Type.TOTP, data={"secret": seed}
    )
    page = reverse("mfa_reauthenticate")
    sign_in("viewer", ago=3600).post(page, {"code": "000000", "next": "/account/"})
    assert happened() == [("sign-in.not-confirmed", "an act")]


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/o/acme/e/development/keys/ck_a/rotate/",
        "/o/acme/e/development/keys/ck_a/rotate/",
        "/o/elsewhere/members/invite/",
        "//[",
        "/o/acme/e/production/keys/<script>/rotate/",
        "javascript:alert(1)",
        "",
    ],
)
def test_the_page_never_says_what_the_address_says(acme, sign_in, page):
    html = sign_in("viewer", ago=3600).get(REAUTHENTICATE, {"next": page}).content.decode()
    assert "What you are about to do" in html
    assert "<script>/" not in html


def test_another_teams_key_is_not_named(acme, sign_in, issue):
    key = issue(name="their-secret-name", team=acme.other_team).key
    back = reverse("keys:rotate", kwargs=key.address)
    html = sign_in("lead", ago=3600).get(REAUTHENTICATE, {"next": back}).content.decode()
    assert "their-secret-name" not in html


@pytest.mark.parametrize(
    ("name", "page", "words"),
    [
        ("owner", "/o/acme/members/invite/", "to make a link into Acme"),
        ("owner", "/o/acme/teams/payments/issuing/", "to change where Payments may issue keys"),
        ("engineer", "/o/acme/e/production/keys/new/?x=1", "to make a key in Production"),
        ("viewer", "/accounts/2fa/totp/activate/", "to add an authenticator app"),
    ],
)
def test_the_page_names_the_act_that_waits(acme, sign_in, name, page, words):
    client = sign_in(name, ago=3600)
    assert words in client.get(REAUTHENTICATE, {"next": page}).content.decode()


def test_every_act_that_asks_for_a_confirmation_has_its_words():
    asking = {
        name for name, pattern in addresses(get_resolver()) if hasattr(pattern.callback, "fresh")
    }
    assert len(asking) >= 8
    assert asking <= ACTS.keys()


def test_too_many_confirmations_say_when_to_try_again(acme, sign_in):
    client = sign_in("viewer", ago=3600)
    for _ in range(10):
        client.post(REAUTHENTICATE, {"password": ""})
    answer = client.post(REAUTHENTICATE, {"password": ""})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert re.search(r"Try again at <time[^>]*><strong>\d\d:\d\d:\d\d<", answer.content.decode())


def test_too_many_letters_to_one_address_say_when_to_try_again(acme, client):
    for _ in range(6):
        answer = client.post(reverse("account_reset_password"), {"email": "Viewer@acme.test"})
    assert answer.status_code == 429
    assert "Try again at" in answer.content.decode()


def test_a_lockout_says_when_it_ends(acme, client):
    for _ in range(6):
        page = sign_in_as(client, "viewer", "wrong password")
    assert re.search(r"Try again after \d\d:\d\d:\d\d", page.content.decode())


def test_a_seed_rests_sealed_and_opens_again():
    adapter = MFAAdapter()
    rests = adapter.encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in rests
    assert adapter.decrypt(rests) == "JBSWY3DPEHPK3PXP"
