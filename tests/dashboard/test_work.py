"""A key made, tested and killed for, in a house that really runs: web, worker, beat, each a process of its own."""

import os
import signal

import pytest
from pytest_socket import enable_socket

from tests.installation import running, until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]

MAKE = """
from environments.access import enter
from environments.origin import NOWHERE
from environments.services.invitations import new_person
from environments.services.organizations import create_organization
from keys.handover import Browser
from keys.services.issuing import NewKey, OneSight, collect_secret, create_key
olga = new_person("olga@example.test", "a long enough password", name="Olga")
create_organization(olga, name="Acme", slug="acme", timezone="UTC", origin=NOWHERE)
scope = enter(olga, "acme", "development")
shown = create_key(scope, NewKey(name="billing"), OneSight(Browser("b" * 43), "once"))
collect_secret(scope, shown)
"""
ASK = """
from environments.access import enter
from environments.models import User
from keys.models import Key
from keys.services.testing import request_test
request_test(enter(User.objects.get(), "acme", "development"), Key.objects.get().client_id)
"""
TELL = """
from keys.models import CredentialTest
test = CredentialTest.objects.order_by("-pk").first()
print(test.attempt, test.leased_until is not None, test.finished_at is not None, test.outcome or "-")
"""
LEASE = 60.0


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    enable_socket()
    with running(tmp_path_factory.mktemp("work") / "data") as it:
        make = it.command("shell", "--no-imports", "-c", MAKE)
        assert make.returncode == 0, make.stderr
        yield it


def newest_test(house):
    attempt, leased, finished, outcome = house.command(
        "shell", "--no-imports", "-c", TELL
    ).stdout.split()
    return int(attempt), leased == "True", finished == "True", outcome


def test_a_worker_proves_a_new_key_by_fetching_a_token(house):
    until(lambda: newest_test(house)[2], house.last_words)
    assert newest_test(house)[3] == "works"


def test_a_test_outlives_the_worker_that_was_killed_in_the_middle(house):
    until(lambda: newest_test(house)[2], house.last_words)
    web = [house.pids()[name] for name in ("web", "web-child")]
    for pid in web:
        os.kill(pid, signal.SIGSTOP)  # the token endpoint falls silent, so the worker waits
    try:
        assert house.command("shell", "--no-imports", "-c", ASK).returncode == 0
        until(lambda: newest_test(house)[:3] == (1, True, False), house.last_words, 10)
        os.kill(house.pids()["worker"], signal.SIGKILL)
    finally:
        for pid in web:
            os.kill(pid, signal.SIGCONT)
    until(lambda: newest_test(house)[2], house.last_words, LEASE + 40)
    assert newest_test(house) == (2, False, True, "works")


def test_the_logs_hold_neither_the_secret_nor_the_key_that_opens_it(house):
    logs = "".join(log.read_text() for log in (house.data / "logs").glob("*"))
    assert "lk_dev_" not in logs
    assert "grant_type" not in logs
