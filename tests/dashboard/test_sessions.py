"""What the database keeps of a session does not open it."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from dashboard.sessions import SUSPENDED, SessionStore, digest
from environments.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]


def is_signed_in(client):
    """The sign-in page sends on who is signed in already."""
    return client.get("/accounts/login/").status_code == 302


@pytest.fixture
def olga(client) -> User:
    user = User.objects.create_user("olga@example.test", "a long enough password")
    client.force_login(user)
    return user


def test_the_cookie_is_in_no_row(client, olga):
    cookie = client.cookies["session"].value
    row = Session.objects.get()
    assert row.session_key == digest(cookie)
    assert cookie not in row.session_data
    assert cookie not in str(row.get_decoded())


def test_the_row_s_key_opens_nothing(client, olga):
    assert is_signed_in(client)
    thief = Client()
    thief.cookies["session"] = Session.objects.get().session_key
    assert not is_signed_in(thief)


def test_an_invented_cookie_opens_nothing_and_is_replaced_when_needed(client):
    client.cookies["session"] = "x" * 43
    assert not is_signed_in(client)
    assert not Session.objects.filter(session_key=digest("x" * 43)).exists()


def test_signing_in_changes_the_cookie(client):
    User.objects.create_user("olga@example.test", "a long enough password")
    client.get("/accounts/login/")
    client.session.save()
    before = client.cookies["session"].value
    client.force_login(User.objects.get())
    assert client.cookies["session"].value != before


def test_signing_out_ends_the_row(client, olga):
    client.post("/accounts/logout/")
    assert not Session.objects.exists()


def test_a_password_change_elsewhere_ends_the_session(client, olga):
    olga.set_password("another long password")
    olga.save()
    assert not is_signed_in(client)


def test_what_was_posted_is_never_parked_in_the_row():
    session = SessionStore()
    session[SUSPENDED] = {
        "request": {"body": "secret=lk_prd_planted", "cookies": "session=planted"}
    }
    session["kept"] = "yes"
    session.save()
    assert dict(SessionStore(session.session_key).items()) == {"kept": "yes"}


def test_a_suspended_page_without_a_body_is_kept():
    session = SessionStore()
    session[SUSPENDED] = {"next": "/account/"}
    session.save()
    assert SessionStore(session.session_key)[SUSPENDED] == {"next": "/account/"}
