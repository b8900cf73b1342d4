"""Two really started servers over one database: what one learns, the other obeys at once."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.installation import until
from tests.keys.issuer.conftest import FORM
from tests.keys.issuer.started import Server

pytestmark = [pytest.mark.processes, pytest.mark.enable_socket]

BASE = "http://localhost:8000"  # both are one issuer, wherever they listen
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


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    pair = [Server(folder, BASE), Server(folder, BASE)]
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
    last = Server(servers[0].environment["DATA_DIR"], BASE)
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
