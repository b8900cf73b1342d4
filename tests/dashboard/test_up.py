"""`manage.py up` as an operator meets it: real processes, killed for real."""

import os
import signal
import socket
import stat

import pytest

from tests.installation import Installation, children, is_alive, running, until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]

# Six seconds is the promise on an idle machine; other tests run beside this one.
BACK_WITHIN = 20.0


@pytest.fixture(scope="module")
def house(tmp_path_factory, sockets):
    with running(tmp_path_factory.mktemp("up") / "data") as it:
        yield it


def test_it_says_where_it_runs_and_how_the_first_person_gets_in(house):
    assert house.setup_link.startswith(f"http://localhost:{house.port}/setup/")
    until(lambda: f"Latchkey runs at  http://localhost:{house.port}" in house.said.read_text())


def test_it_notes_its_port_for_commands_that_are_given_none(house):
    assert (house.data / "run" / "port").read_text() == str(house.port)


def test_nobody_else_can_read_what_it_keeps(house):
    published = house.data / "static"
    kept = [path for path in (house.data, *house.data.rglob("*")) if published not in path.parents]
    assert len(kept) > 10
    assert [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_no_process_but_the_worker_holds_the_key_that_opens_credentials(house):
    refused = house.command(
        "shell",
        "-c",
        "from django.conf import settings; print(len(settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS))",
    )
    assert refused.stdout.strip().endswith("0")


def test_a_second_one_on_the_same_data_is_refused(house, tmp_path):
    other = Installation(house.data)
    said = other.command("up")
    assert said.returncode != 0
    assert "running already" in said.stderr


def test_a_busy_port_is_named_with_the_remedy(house, tmp_path):
    said = Installation(tmp_path / "data", PORT=str(house.port)).command("up")
    assert said.returncode != 0
    assert f"Port {house.port} cannot be used" in said.stderr
    assert "PORT=" in said.stderr


def test_a_port_that_is_busy_on_ipv6_alone_is_refused_too(tmp_path):
    with socket.socket(socket.AF_INET6) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = Installation(tmp_path / "data", PORT=str(port)).command("up")
    assert f"Port {port} cannot be used" in said.stderr


@pytest.mark.parametrize("name", ["web", "web-child", "worker", "beat"])
def test_a_killed_process_is_back_by_itself(house, name):
    victim = house.pids()[name]
    os.kill(victim, signal.SIGKILL)
    back = until(lambda: house.pids().get(name, victim) != victim, house.last_words, BACK_WITHIN)
    back += until(lambda: house.ask("/livez")[0] == 200, house.last_words, BACK_WITHIN)
    assert back < BACK_WITHIN
    until(lambda: len(house.pids()) == 4)


def test_a_killed_server_leaves_no_old_worker_on_the_port(house):
    before = house.pids()
    os.kill(before["web"], signal.SIGKILL)
    until(lambda: not is_alive(before["web-child"]), patience=2)
    until(lambda: house.ask("/livez")[0] == 200, house.last_words)


def test_a_server_killed_while_its_worker_starts_leaves_no_orphan(house):
    first = house.pids()["web-child"]
    os.kill(first, signal.SIGKILL)
    until(lambda: house.pids().get("web-child", first) != first, house.last_words)
    starting = house.pids()
    os.kill(starting["web"], signal.SIGKILL)
    until(lambda: not is_alive(starting["web-child"]), house.last_words, patience=20)
    until(lambda: house.ask("/livez")[0] == 200, house.last_words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_it_leaves_no_process(tmp_path, number):
    with running(tmp_path / "data") as it:
        everyone = [*it.pids().values(), *(c for pid in it.pids().values() for c in children(pid))]
        it.stop(number)
        until(lambda: not any(is_alive(pid) for pid in everyone), patience=15)
        assert it.ask("/livez")[0] == 0


def test_a_malformed_setting_stops_the_start_with_its_name(tmp_path):
    said = Installation(tmp_path / "data", LATCHKEY_BASE_URL="keys.example.org").command("up")
    assert said.returncode != 0
    assert "LATCHKEY_BASE_URL must be a URL that starts with https://" in said.stderr


def test_a_damaged_keyring_stops_the_start_with_its_name(tmp_path):
    it = Installation(tmp_path / "data")
    it.command("keyring", "make")
    (it.data / "keys" / "peppers.json").write_text("{}")
    said = it.command("up")
    assert "LATCHKEY_PEPPERS is malformed" in said.stderr
