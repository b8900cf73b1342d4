"""Bad input at every address that the site's map names: a new form is covered by itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from typing import Any
from urllib.parse import quote_plus, urlencode
from zlib import crc32

import pytest
from django.apps import apps
from django.db import connection, transaction

from environments.models import AuditEvent, Member
from tests.addresses import ADDRESSES, OURS, PLACED, Address, House, build
from tests.pages import Form

pytestmark = pytest.mark.django_db

FLOORS = ("dashboard", "environments", "keys")
FORM = "application/x-www-form-urlencoded"
SURROGATE = "%ED%A0%80"
"""Half a character, as a client that does not care writes it."""

BAD_VALUES = {
    "empty": "",
    "spaces": "+++",
    "too long": "x" * 100_000,
    "NUL": "%00",
    "NUL inside": "a%00b",
    "half a character": SURROGATE,
    "not UTF-8": "%FF%FE",
    "turned around": quote_plus("a\u202eb"),
    "no letter": quote_plus("\u200b\U000e0001"),
    "endless number": "9" * 5000,
    "large number": "9" * 19,
    "negative": "-1",
    "no number": "NaN",
    "another digit": quote_plus("²"),
    "first day": "0001-01-01T00:00",
    "last day": "9999-12-31T23:59",
    "no day": "2026-02-30T25:61",
    "markup": quote_plus('"><script>x</script>{{ 7 }}{% x %}'),
    "another address": quote_plus("//elsewhere.example/"),
}
ALWAYS = ("empty", "too long", "NUL", "half a character", "endless number", "last day")
"""What every form gets. Of the rest each gets a few, chosen by its name, and others on the other database."""
SOME = 4
WORST = ("NUL inside", "large number", "half a character", "last day")
ASKED = ("q", "page", "tab", "sort", "before", "event", "health", "team", "expires", "environment", "member", "file", "next")  # fmt: skip
"""What pages read from their query."""
ASKED_FOR = ("NUL", "half a character", "endless number", "large number", "negative")

BAD_BODIES = {
    "nothing": (b"", FORM),
    "no type": (b"x", ""),
    "JSON": (b'{"name": "x"}', "application/json"),
    "no form": (b"\x00\xff" * 50, FORM),
    "10 MB": (b"name=" + b"x" * 10_000_000, FORM),
    "too many fields": (b"&".join(b"x%d=1" % n for n in range(5000)), FORM),
    "multipart without boundary": (b"x", "multipart/form-data"),
    "multipart that breaks off": (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x"),
    "10 MB of multipart": (
        b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"x" * 10_000_000 + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a file": (
        b'--x\r\nContent-Disposition: form-data; name="name"; filename="a"\r\n\r\nx\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
}  # fmt: skip
ONCE = pytest.param("bodies", marks=pytest.mark.once)
"""They are refused before any database is asked."""
UNCOUNTED = {"AuditEvent", "AuditHead", "Session", "Invitation", "LogEntry"}
"""Pressed twice, a refusal is written twice; a second one-time link ends the first."""

PRESSED = {
    "dashboard": "account",
    "environments": "new_organization settings new_team edit_team team_member issuing delete_team",
    "keys": "remove_member create edit expiry move disable rotate discard leak revoke secret",
}
"""Forms that are known to be found and filled as a person would, so that pressing them is no empty act."""
OWN = {
    *("confirm_link", "unlink"),
    *("environments:read_notice", "environments:read_all_notices", "environments:withdraw_request"),
    *("environments:ask_access", "environments:withdraw_access"),
    *("keys:batch_cancel", "keys:batch_retry", "keys:batch_go_on"),
}
"""What a person does about the own links, notices and orders takes no role; for each key of an order it is asked again."""


@pytest.fixture
def house(acme, sign_in) -> House:
    return build(acme, sign_in)


@contextmanager
def undone() -> Iterator[None]:
    """What is done in here is rolled back, so that each try begins with the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def of(floor: str, *, placed: bool = False) -> list[Address]:
    return [each for each in (PLACED if placed else ADDRESSES) if each.floor == floor]


def test_every_floor_has_its_addresses():
    assert {each.floor for each in ADDRESSES} == {*FLOORS, "accounts"}


def test_an_address_takes_no_text_that_a_database_would_refuse():
    """A slug holds no NUL, which PostgreSQL takes in no text; only the second run of the tests would see it."""
    assert [each.name for each in OURS if "<str:" in each.route or "<path:" in each.route] == []


@pytest.mark.parametrize("floor", [*FLOORS, "accounts"])
@pytest.mark.parametrize("kind", [ONCE, "values", "queries", "paths"])
def test_nothing_that_is_sent_is_our_fault(floor, kind, house):
    send = {"bodies": bodies, "values": values, "queries": queries, "paths": paths}[kind]
    faults = []
    for address in of(floor):
        if address.name == "readyz":  # it answers 503 on purpose while no worker runs
            continue
        for what, ask in send(address, house):
            with undone():
                status = ask().status_code
            if status >= 500:
                faults.append((address.name, what, status))
    assert faults == []


type Tries = Iterator[tuple[str, Callable[[], Any]]]


def bodies(address: Address, house: House) -> Tries:
    for what, (body, kind) in BAD_BODIES.items():
        yield what, partial(house.client.post, address.path(house.own), body, content_type=kind)


def values(address: Address, house: House) -> Tries:
    """All fields bad at once, so that each is cleaned; then one alone, so that the verb behind is reached."""
    for form in house.forms(address) or [Form("", "post")]:
        names = sorted(form.names | address.read)
        for what in (*ALWAYS, *some_of(address)):
            body = "&".join(f"{quote_plus(name)}={BAD_VALUES[what]}" for name in names)
            yield what, partial(house.post, address, body)
        for name, what in product(names, () if address.of_allauth else WORST[:2]):
            rest = urlencode([pair for pair in form.values if pair[0] != name])
            body = f"{rest}&{quote_plus(name)}={BAD_VALUES[what]}"
            yield f"{name}: {what}", partial(house.post, address, body)


def some_of(address: Address) -> list[str]:
    rest = sorted(set(BAD_VALUES) - set(ALWAYS))
    first = crc32(f"{address.name} {connection.vendor}".encode())
    return [rest[(first + step * 3) % len(rest)] for step in range(SOME)]


def queries(address: Address, house: House) -> Tries:
    for what in ASKED_FOR:
        value = BAD_VALUES[what]
        asked = "&".join(f"{name}={value[:4000]}" for name in ASKED)
        yield what, partial(house.client.get, f"{address.path(house.own)}?{asked}")


def paths(address: Address, house: House) -> Tries:
    for name, what in product(address.values, WORST[:2]):
        path = address.path(house.own | {name: BAD_VALUES[what]})
        yield f"{name}: {what}", partial(house.client.get, path)
        yield f"{name}: {what}, sent", partial(house.client.post, path)


@pytest.mark.once  # whose a row is, is asked in the same words of every database
@pytest.mark.parametrize("floor", FLOORS)
def test_what_belongs_to_somebody_else_is_not_found_as_if_it_were_not_there(floor, house):
    missing = dict.fromkeys(("test", "member", "user", "link", "notice", "access"), 10**9)
    found = []
    for address in of(floor, placed=True):
        for name in set(address.values) - {"file"}:  # two files of every key, by the same names
            theirs = address.path(house.own | {name: house.foreign[name]})
            nobodys = address.path(house.own | {name: missing.get(name, "nobody")})
            for act in (house.client.get, house.client.post):
                with undone():
                    answers = {act(theirs).status_code, act(nobodys).status_code}
                if answers not in ({404}, {405}):
                    found.append((address.name, name, answers))
    assert found == []


@pytest.mark.parametrize("floor", FLOORS)
def test_whose_role_was_lowered_while_the_page_was_open_is_refused(floor, house):
    done = []
    for address in of(floor, placed=True):
        sent = [urlencode(form.values) for form in house.forms(address)] or [""]
        with undone():
            house.lower()
            before = AuditEvent.objects.filter(denied=True).count()
            statuses = {house.post(address, body).status_code for body in sent}
            if statuses == {405} or address.name in OWN:
                continue
            told = AuditEvent.objects.filter(denied=True).count() - before
            if not statuses <= {403, 404} or bool(told) != (403 in statuses):
                done.append((address.name, statuses, told))
    assert done == []


@pytest.mark.parametrize("floor", FLOORS)
def test_who_was_put_out_while_the_page_was_open_finds_nothing(floor, house):
    Member.objects.filter(pk=house.acme.member("owner").pk).delete()
    for address in of(floor, placed=True):
        assert house.post(address, "").status_code in {404, 405}, address.name


@pytest.mark.parametrize("floor", FLOORS)
def test_a_button_pressed_twice_makes_nothing_twice(floor, house):
    more, went_on = [], set()
    for address in of(floor):
        for form in house.forms(address):
            with undone():
                body = urlencode(form.values)
                statuses = [house.post(address, body).status_code]
                rows = counted()
                statuses.append(house.post(address, body).status_code)
                if counted() != rows or max(statuses) >= 500:
                    more.append((address.name, statuses))
                if statuses[0] == 302:
                    went_on.add(address.name.rpartition(":")[2])
    assert more == []
    assert went_on >= set(PRESSED[floor].split())


def counted() -> dict[str, int]:
    models = [each for each in apps.get_models() if each.__name__ not in UNCOUNTED]
    return {each.__name__: each._default_manager.count() for each in models}
