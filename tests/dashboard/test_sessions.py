"""What the database keeps of a session does not open it."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.sessions import SUSPENDED, SessionStore, digest
from environments.models import AuditEvent, Session, User
from keys.upkeep.purging import purge
from tests.browsers import Browser
from tests.pages import text_of

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


NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
PASSWORD = "correct horse battery"
SEED = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def noon():
    cache.clear()
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def browser(name="viewer", agent=FIREFOX, address="203.0.113.7"):
    """A browser in which this person signs in as people do."""
    new = Browser(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    new.post("/accounts/login/", {"login": f"{name}@acme.test", "password": PASSWORD})
    assert is_signed_in(new)
    return new


def test_the_page_names_each_browser_and_this_one(acme, noon):
    browser(agent=SAFARI, address="2001:db8::7")
    noon.shift(300)
    here = browser()
    browser("engineer", address="198.51.100.99")
    page = text_of(here.get("/account/sessions/"))
    assert page.index("Firefox on Linux") < page.index("Safari on iPhone")
    assert page.count("This one") == 1
    assert "2001:db8::7" in page
    assert "5 min ago" in page
    assert "198.51.100.99" not in page


def test_one_is_ended_at_once_and_the_log_says_so(acme, noon):
    lost, here = browser(agent=SAFARI), browser()
    (row,) = [each for each in here.get("/account/sessions/").context["sessions"] if not each.here]
    here.post(f"/account/sessions/{row.ident}/end/")
    assert not is_signed_in(lost)
    assert is_signed_in(here)
    line = AuditEvent.objects.get(event="sign-in.session-ended")
    assert (line.actor, line.label) == ("viewer@acme.test", "Safari on iPhone")


def test_all_others_are_ended_and_nobody_elses(acme, noon):
    others, here, stranger = [browser(), browser()], browser(), browser("engineer")
    here.post("/account/sessions/end-others/")
    assert [is_signed_in(each) for each in (*others, here, stranger)] == [False, False, True, True]


def test_another_persons_session_is_not_ended(acme, noon):
    theirs, here = browser("engineer"), browser()
    here.post(f"/account/sessions/{theirs.session.session_key}/end/")
    assert is_signed_in(theirs)
    assert not AuditEvent.objects.filter(event="sign-in.session-ended").exists()


def test_a_sign_in_that_nobody_uses_ends(acme, noon, settings):
    settings.LATCHKEY_SESSION_IDLE = timedelta(minutes=30)
    here = browser()
    for _ in range(4):
        noon.shift(29 * 60)
        assert is_signed_in(here)
    noon.shift(30 * 60)
    assert not is_signed_in(here)


def test_a_sign_in_ends_however_much_it_is_used(acme, noon, settings):
    settings.LATCHKEY_SESSION_LIFE = timedelta(hours=2)
    here = browser()
    for _ in range(3):
        noon.shift(39 * 60)
        here.post("/account/shortcuts/", {"shortcuts": "on"})  # the row is written anew
        assert is_signed_in(here)
    noon.shift(3 * 60)
    assert not is_signed_in(here)


def test_what_has_ended_is_not_listed_and_goes(acme, noon, settings):
    settings.LATCHKEY_SESSION_IDLE = timedelta(minutes=30)
    browser(agent=SAFARI)
    noon.shift(31 * 60)
    here = browser()
    assert "Safari" not in text_of(here.get("/account/sessions/"))
    purge(timezone.now())
    assert Session.objects.get().user == acme["viewer"]


def test_last_seen_is_written_once_a_minute(acme, noon):
    here = browser()
    here.get("/account/")
    with CaptureQueriesContext(connection) as first:
        here.get("/account/")
    noon.shift(61)
    with CaptureQueriesContext(connection) as second:
        here.get("/account/")
    writes = [each["sql"] for each in second if each["sql"].startswith("UPDATE")]
    assert (len(second) - len(first), len(writes)) == (1, 1)
    assert not [each for each in first if each["sql"].startswith(("UPDATE", "INSERT"))]


def test_a_new_password_signs_every_other_browser_out_and_begins_no_new_time(acme, noon):
    other, here = browser(), browser()
    noon.shift(3600)
    new = "another fine phrase"
    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    here.post("/accounts/password/change/", form)
    assert (is_signed_in(other), is_signed_in(here)) == (False, True)
    assert Session.objects.get(user=acme["viewer"]).started_at == NOON


def test_who_is_closed_is_signed_out_at_once(acme, noon):
    here = browser()
    User.objects.filter(pk=acme["viewer"].pk).update(is_active=False)
    assert not is_signed_in(here)


def test_a_cookie_that_somebody_else_has_planted_is_not_the_one_that_is_signed_in(acme, noon):
    planted = Browser()
    planted.get("/setup/any-token/")  # an anonymous session with a row of its own
    cookie = planted.cookies["session"].value
    victim = Browser()
    victim.cookies["session"] = cookie
    victim.post("/accounts/login/", {"login": "viewer@acme.test", "password": PASSWORD})
    assert is_signed_in(victim)
    assert victim.cookies["session"].value != cookie
    assert not is_signed_in(planted)
    assert not Session.objects.filter(session_key=digest(cookie)).exists()


def test_between_password_and_code_nobody_is_signed_in_and_the_cookie_changes_after(acme, noon):
    TOTP.activate(acme["viewer"], SEED)
    here = Browser()
    here.post("/accounts/login/", {"login": "viewer@acme.test", "password": PASSWORD})
    between = here.cookies["session"].value
    assert Session.objects.get(session_key=digest(between)).user is None
    code = format_hotp_value(hotp_value(SEED, int(NOON.timestamp()) // 30))
    here.post("/accounts/2fa/authenticate/", {"code": code})
    assert is_signed_in(here)
    assert here.cookies["session"].value != between


@pytest.mark.parametrize(
    ("proxies", "told", "believed"),
    [
        (0, "6.6.6.6", "198.51.100.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "203.0.113.9", "198.51.100.1"),
        (1, "<script>", "198.51.100.1"),
        (1, "", "198.51.100.1"),
    ],
)
def test_sessions_and_the_log_have_the_address_that_our_own_proxies_tell(
    acme, settings, proxies, told, believed
):
    settings.LATCHKEY_PROXIES = proxies
    here = Browser(headers={"X-Forwarded-For": told}, REMOTE_ADDR="198.51.100.1")
    here.post("/accounts/login/", {"login": "viewer@acme.test", "password": PASSWORD})
    assert Session.objects.get().address == believed
    assert AuditEvent.objects.get(event="sign-in.succeeded").address == believed
