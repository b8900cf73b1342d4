"""Plumbing: the network beyond this machine is shut, the audit log can be emptied between tests, the
server is the real application. The people are in tests/cast.py."""

import os
from collections.abc import Iterator
from typing import Any, cast
from wsgiref.types import WSGIApplication

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase, override_settings
from pytest_django.live_server_helper import LiveServer
from pytest_socket import enable_socket, socket_allow_hosts

from dashboard import letterbox, startup
from environments import append_only
from keys.issuer import usage
from tests.browsers import Browser

pytest_plugins = ["tests.cast"]

# Playwright's sync API leaves a running loop behind, in which Django would refuse the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

LOOPBACK = ["127.0.0.1", "::1"]


@pytest.hookimpl(trylast=True)  # after pytest-socket's own
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test may open sockets if it says `enable_socket`, and then to this machine alone."""
    if item.get_closest_marker("enable_socket") or connection.vendor == "postgresql":
        enable_socket()
        socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


DATABASE = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The second run, on another database, is for the tests that ask one: the others would say the same again."""
    if connection.vendor != "postgresql" or os.environ.get("LATCHKEY_TEST_SECOND_RUN") != "1":
        return
    again = [item for item in items if _asks_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(again)])
    items[:] = again


def _asks_a_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("once"):
        return False
    used = DATABASE.intersection(getattr(item, "fixturenames", ()))
    marked = any(item.get_closest_marker(mark) for mark in ("django_db", "processes", "browser"))
    return bool(used) or marked


@pytest.fixture(scope="module")
def sockets() -> None:
    """For what a whole file of tests shares, which is made before the hook above runs."""
    enable_socket()


@pytest.fixture(scope="session", autouse=True)
def folders() -> None:
    startup.make_folders()


@pytest.fixture(autouse=True)
def unlimited() -> None:
    """What earlier tests tried counts for no limit of this one: how many ran within a minute is up to the machine."""
    cache.clear()


@pytest.fixture(scope="session")
def application() -> WSGIApplication:
    """What the server calls. A web process that holds the workers' keys refuses to start, so it gets none."""
    with override_settings(LATCHKEY_CREDENTIAL_PRIVATE_KEYS="", LATCHKEY_AUDIT_PRIVATE_KEYS=""):
        from dashboard.wsgi import application
    # The thread that writes uses has a connection of its own, which would outlive the test's tables.
    usage.keep_flushing = lambda: None
    return cast("WSGIApplication", application)


@pytest.fixture(scope="session")
def live_server(application: WSGIApplication) -> Iterator[LiveServer]:
    server = LiveServer("127.0.0.1", start=False)
    thread: Any = server.thread
    thread.static_handler = lambda _: application  # Django's would know no token service
    server.start()
    yield server
    server.stop()


def _teardown_past_the_triggers(case: TransactionTestCase) -> None:
    append_only.drop_triggers(connection)
    try:
        _flush(case)
    finally:
        append_only.install_triggers(connection)


Case: Any = TransactionTestCase  # its private parts have no types
_flush = Case._fixture_teardown
Case._fixture_teardown = _teardown_past_the_triggers


@pytest.fixture(autouse=True)
def letters_at_once(monkeypatch) -> None:
    """A thread has a connection of its own, which sees nothing of a test's open transaction."""
    monkeypatch.setattr(letterbox, "post", lambda write: write())


@pytest.fixture
def client() -> Browser:
    return Browser()
