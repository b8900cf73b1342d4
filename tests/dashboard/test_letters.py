"""Our own words where allauth has some: short, in plain text, without markup."""

from pathlib import Path

import allauth
import pytest
from django.conf import settings
from django.core import mail
from django.urls import reverse

THEIRS = Path(allauth.__file__).parent / "templates"
OURS = settings.BASE_DIR / "templates"
ELSEWHERE = {
    "phone_verification_sent.txt",
    "phone_verified.txt",
    "login_code_sent.txt",
}  # not offered


def test_each_message_and_letter_has_our_own_words():
    for folder in ("account/messages", "account/email", "mfa/messages", "mfa/email"):
        for text in (THEIRS / folder).glob("*.txt"):
            if text.name not in ELSEWHERE and "_signup_" not in text.name:
                assert (OURS / folder / text.name).is_file(), f"{folder}/{text.name}"


def test_signing_in_needs_no_message(acme, client):
    form = {"login": "viewer@acme.test", "password": "correct horse battery"}
    page = client.post(reverse("account_login"), form, follow=True).content.decode()
    assert "signed in as" not in page.lower().replace("signed in as<br>", "")


@pytest.mark.django_db(transaction=True)  # the letter leaves after the commit
def test_a_changed_password_is_written_to_its_owner(acme, sign_in):
    acme["viewer"].name = "Vi & <Co>"
    acme["viewer"].save()
    new = "another fine phrase"
    form = {"oldpassword": "correct horse battery", "password1": new, "password2": new}
    page = sign_in("viewer").post(
        reverse("account_change_password"),
        form,
        headers={"user-agent": "Firefox & <others>"},
        follow=True,
    )
    assert "Password changed." in page.content.decode()
    (letter,) = mail.outbox
    assert letter.subject == "Your password was changed"
    assert "From: 127.0.0.1, Firefox & <others>" in letter.body
    assert letter.body.splitlines()[-1] == "Latchkey at testserver"
    assert new not in letter.body


@pytest.mark.parametrize("address", ["viewer@acme.test"])
def test_the_letter_for_a_new_password_says_what_to_do(acme, client, address):
    client.post(reverse("account_reset_password"), {"email": address})
    (letter,) = mail.outbox
    assert letter.subject == "Choose a new password"
    assert "If it was not you, do nothing" in letter.body
