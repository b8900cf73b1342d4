"""Two really started servers over one database: what one learns, the other obeys at once."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
from django.conf import settings

from tests.installation import free_port, until
from tests.keys.issuer.conftest import FORM

pytestmark = [pytest.mark.processes, pytest.mark.enable_socket]

GRANIAN = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
GRANIAN += ["--workers", "1", "--blocking-threads", "4", "--no-ws"]

PLANT = """
import json
from tests.keys.issuer.conftest import open_shop
shop = open_shop()
print(json.dumps({"path": shop.path, "form": shop.form}))
"""


PLANT_SIGNER = """
import json
from tests.keys.issuer.conftest import open_shop
from tests.keys.issuer.signed import Signer
signer = Signer(open_shop().key)
print(json.dumps({"path": signer.path, "form": signer.form()}))
"""


class Server:
    def __init__(self, folder):
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(settings.BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATA_DIR": str(folder),
        }

    def command(self, *arguments):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def shell(self, code):
        return self.command("shell", "--no-imports", "-c", code)

    def start(self):
        self.process = subprocess.Popen(
            [*GRANIAN, "--port", str(self.port), "dashboard.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        until(lambda: self.answers(), lambda: "the server did not start")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) is not None

    def post(self, path, form, **headers):
        client = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("POST", path, urlencode(form), {"Content-Type": FORM} | headers)
            reply = client.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            client.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    pair = [Server(folder), Server(folder)]
    pair[0].command("keyring", "make")
    pair[0].command("migrate", "--verbosity", "0")
    for server in pair:
        server.start()
    yield pair
    for server in pair:
        server.stop()


@pytest.fixture
def shop(servers):
    servers[0].shell("from environments.models import Organization as O; O.objects.all().delete()")
    return json.loads(servers[0].shell(PLANT))


def test_a_key_disabled_elsewhere_stops_in_every_process_at_once(servers, shop):
    for server in servers * 2:
        assert server.post(shop["path"], shop["form"])[0] == 200
    servers[0].shell(
        "from django.utils import timezone; from keys.models import Key; Key.objects.update(disabled_at=timezone.now())"
    )
    for server in servers:
        status, said = server.post(shop["path"], shop["form"])
        assert status == 401
        assert "disabled" in said["error_description"]


def test_a_secret_revoked_elsewhere_stops_in_every_process_at_once(servers, shop):
    for server in servers:
        assert server.post(shop["path"], shop["form"])[0] == 200
    servers[0].shell(
        "from django.utils import timezone; from keys.models import Secret; "
        "Secret.objects.update(revoked_at=timezone.now())"
    )
    for server in servers:
        assert server.post(shop["path"], shop["form"])[0] == 401


def test_of_twenty_at_once_with_one_assertion_one_gets_a_token(servers, shop):
    servers[0].shell("from environments.models import Organization as O; O.objects.all().delete()")
    signer = json.loads(servers[0].shell(PLANT_SIGNER))
    with ThreadPoolExecutor(20) as pool:
        asked = [
            pool.submit(servers[each % 2].post, signer["path"], signer["form"])
            for each in range(20)
        ]
        answers = [each.result() for each in asked]
    assert sorted(status for status, _ in answers) == [200] + [401] * 19
    told = {said["error_description"] for status, said in answers if status == 401}
    assert len(told) == 1
    assert "used before" in told.pop()


def test_both_sign_with_one_key_and_count_use_within_seconds(servers, shop):
    kids = {
        server.post(shop["path"], shop["form"])[1]["access_token"].split(".")[0]
        for server in servers
    }
    assert len(kids) == 1
    count = "from keys.models import Secret; print(Secret.objects.get().use_count)"
    until(lambda: servers[0].shell(count).strip() == "2", lambda: "use was not written")


def test_a_server_that_is_stopped_writes_what_it_knows(servers, shop):
    last = Server(servers[0].environment["DATA_DIR"])
    last.start()
    assert last.post(shop["path"], shop["form"])[0] == 200
    last.stop()
    assert (
        last.shell("from keys.models import Secret; print(Secret.objects.get().use_count)").strip()
        == "1"
    )


def test_a_body_in_pieces_or_without_end_is_refused(servers, shop):
    with socket.create_connection(("127.0.0.1", servers[0].port), timeout=10) as raw:
        head = f"POST {shop['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
        # In one piece: the answer may come, and the line be closed, before a second piece is sent.
        raw.sendall(head.encode() + b"b\r\ngrant_type=\r\n1\r\nx\r\n0\r\n\r\n")
        assert b" 411 " in raw.recv(100)
    with socket.create_connection(("127.0.0.1", servers[0].port), timeout=10) as raw:
        head = f"POST {shop['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 10000000\r\n\r\n"
        raw.sendall(head.encode() + b"grant_type=" + b"x" * 1000)
        assert b" 413 " in raw.recv(100)
    assert servers[0].post(shop["path"], shop["form"])[0] == 200


def test_a_request_that_stops_halfway_takes_nothing_along(servers, shop):
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", servers[0].port), timeout=10) as raw:
            head = f"POST {shop['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 500\r\n\r\n"
            raw.sendall(head.encode() + b"grant_type=")
            time.sleep(0.05)
    assert servers[0].post(shop["path"], shop["form"])[0] == 200
