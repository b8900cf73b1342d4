"""Guesses are counted, without shutting out the person whose password is guessed; and nothing tells who has an account."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.urls import get_resolver, reverse

from dashboard import letterbox
from dashboard.known import cookie_name
from dashboard.signon import AccountAdapter
from environments.models import User
from tests.addresses import ADDRESSES
from tests.browsers import Browser
from tests.pages import text_of
from tests.test_doors import addresses

PASSWORD = "correct horse battery"
WRONG = "a wrong password"
POST = letterbox.post
"""The real one, as it is before a test replaces it."""
IN = "/account/"


@pytest.fixture(autouse=True)
def no_tries_yet():
    cache.clear()


def at(address, **cookies):
    browser = Browser(REMOTE_ADDR=address)
    for name, value in cookies.items():
        browser.cookies[name] = value
    return browser


def tries(browser, password=WRONG, login="viewer@acme.test"):
    return browser.post(reverse("account_login"), {"login": login, "password": password})


def is_in(browser):
    return browser.get(IN).status_code == 200


def own_browser():
    """One in which the viewer has signed in, and out again."""
    browser = at("203.0.113.7")
    tries(browser, PASSWORD)
    browser.post(reverse("account_logout"))
    return browser


def attack(times, places=1, login="viewer@acme.test"):
    for number in range(times):
        tries(at(f"198.51.100.{number % places}"), login=login)


def test_whoever_guesses_waits_and_the_person_elsewhere_does_not(acme):
    attack(8)
    assert "Try again after" in text_of(tries(at("198.51.100.0"), PASSWORD))
    elsewhere = at("203.0.113.9")
    tries(elsewhere, PASSWORD)
    assert is_in(elsewhere)


def test_a_network_of_ipv6_waits_as_one(acme):
    for number in range(6):
        tries(at(f"2001:db8::{number}"))
    assert "Try again after" in text_of(tries(at("2001:db8::ffff"), PASSWORD))


def test_guesses_from_everywhere_wait_together_and_the_own_browser_goes_in(acme):
    own = own_browser()
    attack(60, places=60)
    stranger = tries(at("192.0.2.1"), PASSWORD)
    assert "Too many tries for this address today" in text_of(stranger)
    tries(own, PASSWORD)
    assert is_in(own)


def test_the_own_browser_is_counted_as_well(acme):
    own = own_browser()
    for _ in range(5):
        tries(own)
    assert "Try again after" in text_of(tries(own, PASSWORD))


def test_a_browser_known_for_one_person_is_a_stranger_for_another(acme):
    own = own_browser()
    attack(60, places=60, login="engineer@acme.test")
    answer = tries(own, PASSWORD, login="engineer@acme.test")
    assert "Too many tries for this address today" in text_of(answer)


def test_a_letter_helps_whom_guesses_have_shut_out(acme, client):
    attack(60, places=60)
    client.post(reverse("account_reset_password"), {"email": "viewer@acme.test"})
    (link,) = re.findall(r"/accounts/password/reset/key/\S+", str(mail.outbox[0].body))
    page = client.get(link)
    new = "another fine phrase"
    client.post(page.headers["Location"], {"password1": new, "password2": new})
    elsewhere = at("192.0.2.1")
    tries(elsewhere, new)
    assert is_in(elsewhere)


@pytest.mark.parametrize("planted", ["", "x", "e30:1:x", "é", "a" * 5000])
def test_a_cookie_that_we_have_not_signed_makes_nobody_known(acme, planted):
    attack(60, places=60)
    forged = at("192.0.2.1", **{cookie_name(): planted})
    assert "Too many tries for this address today" in text_of(tries(forged, PASSWORD))


def test_the_cookie_tells_no_address_and_opens_nothing(acme):
    own = own_browser()
    value = own.cookies[cookie_name()].value
    assert "viewer" not in value
    assert not is_in(at("192.0.2.1", **{cookie_name(): value}))
    assert own.cookies[cookie_name()]["httponly"]


# Who has an account


def said(page):
    """What a person reads, without what is new on every page."""
    text = text_of(page).partition("<main")[2]
    return re.sub(r'value="[^"]*"', "", text)


def test_a_wrong_password_and_no_account_read_the_same(acme):
    known = said(tries(at("192.0.2.1")))
    nobody = said(tries(at("192.0.2.2"), login="nobody@acme.test"))
    assert known == nobody
    assert "not correct" in known


def test_a_closed_account_reads_like_none_until_the_password_is_right(acme):
    User.objects.filter(pk=acme["viewer"].pk).update(is_active=False)
    closed = said(tries(at("192.0.2.1")))
    assert closed == said(tries(at("192.0.2.2"), login="nobody@acme.test"))


@pytest.mark.parametrize("login", ["viewer@acme.test", "nobody@acme.test"])
def test_as_much_work_is_done_for_nobody_as_for_somebody(acme, monkeypatch, login):
    done: Counter[str] = Counter()
    hashed = MD5PasswordHasher.encode

    def counting(*args, **kwargs):
        done["hashes"] += 1
        return hashed(*args, **kwargs)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    tries(at("192.0.2.1"), login=login)
    assert done["hashes"] == 1


def test_the_form_for_a_new_password_answers_everybody_alike(acme, client):
    pages = [
        client.post(reverse("account_reset_password"), {"email": f"{name}@acme.test"}, follow=True)
        for name in ("viewer", "nobody")
    ]
    assert said(pages[0]).replace("viewer", "nobody") == said(pages[1])


@pytest.mark.django_db(transaction=True)
def test_the_answer_waits_for_no_letter(acme, client, monkeypatch):
    may_send = threading.Event()
    send = AccountAdapter.send_mail

    def slow(*args):
        assert may_send.wait(10)
        send(*args)

    hands = ThreadPoolExecutor(1)
    monkeypatch.setattr(AccountAdapter, "send_mail", slow)
    monkeypatch.setattr(letterbox, "post", POST)
    monkeypatch.setattr(letterbox, "_hands", hands)
    monkeypatch.setattr(letterbox, "PAUSE", 0)
    answer = client.post(reverse("account_reset_password"), {"email": "viewer@acme.test"})
    assert (answer.status_code, mail.outbox) == (302, [])
    may_send.set()
    hands.shutdown(wait=True)
    assert mail.outbox[0].to == ["viewer@acme.test"]


def test_a_mail_server_that_is_gone_is_told_to_the_log_alone(caplog, monkeypatch):
    monkeypatch.setattr(letterbox, "PAUSE", 0)

    def gone():
        raise ConnectionRefusedError

    letterbox._send(gone)
    assert "letter not sent" in caplog.text


def test_nobody_signs_up_by_themselves(acme, client):
    form = {"email": "viewer@acme.test", "password1": "four words put together"}
    pages = [
        client.post(reverse("account_signup"), form | {"email": each})
        for each in ("viewer@acme.test", "new@acme.test")
    ]
    assert said(pages[0]) == said(pages[1])
    assert not User.objects.filter(email="new@acme.test").exists()


# Forms of other sites


def test_no_address_takes_a_post_from_another_site(acme, sign_in):
    session = sign_in("owner").cookies["session"].value
    browser = Browser(enforce_csrf_checks=True)
    browser.cookies["session"] = session
    values = dict.fromkeys(("org", "env", "client_id", "team", "session", "token"), "acme")
    for address in ADDRESSES:
        path = address.path({name: values.get(name, "1") for name in address.values})
        assert browser.post(path).status_code == 403, address.name


def test_no_page_is_excused_from_that():
    for name, pattern in addresses(get_resolver()):
        assert not getattr(pattern.callback, "csrf_exempt", False), name
