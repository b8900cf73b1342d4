"""`manage.py reseal`, really killed: between two steps, and in the middle of one."""

import re

import pytest

from tests.installation import Installation

pytestmark = [pytest.mark.processes, pytest.mark.enable_socket]

PLANT = """
from tests.bench.herd import plant
plant(12)
"""
KILLED = """
import os, signal
from django.db import transaction
from dashboard.management.resealing import RINGS
from keys import resting
resting.BATCH = 5
write, steps = resting._write, []
def last(*words):
    with transaction.atomic():
        count = write(*words)
        steps.append(count)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return count
resting._write = last
for moved in RINGS["credentials"].lots[0].move():
    pass
"""
COUNTED = """
from dashboard.management.resealing import RINGS
print("under", dict(RINGS["credentials"].lots[0].under()))
"""


def ran(house, *arguments):
    done = house.command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_killed_in_the_middle_it_is_started_again_and_nothing_is_left_under_the_old_key(tmp_path):
    house = Installation(tmp_path / "data", LATCHKEY_ROLE="worker")
    ran(house, "keyring", "make")
    ran(house, "migrate", "--verbosity", "0")
    ran(house, "shell", "--no-imports", "-c", PLANT)
    new = ran(house, "keyring", "add", "credentials").split()[1].rstrip(".")
    assert house.command("shell", "--no-imports", "-c", KILLED).returncode == -9
    counted = ran(house, "shell", "--no-imports", "-c", COUNTED)
    assert f"'{new}': 5" in counted, "the first step was written, of the second nothing"
    assert ": 7" in counted
    told = ran(house, "reseal", "credentials")
    assert "7 of 7 secrets moved" in told
    assert f"credentials: 0 under older keys than {new}" in told
    old = next(w for w in re.findall(r"'(\w+)':", counted) if w != new)
    assert f"retired {old}" in ran(house, "keyring", "retire", "credentials", old)
