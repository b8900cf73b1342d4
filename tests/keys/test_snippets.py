"""What "Use it" shows for a key with a secret, and the files for Postman: run as they are, against the token service."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization as forms
from django.utils import timezone

from keys.models import Key
from keys.postman import signing
from keys.public_keys import read_public_keys
from keys.services import public_keys as verbs
from keys.services.issuing import NewKey
from keys.snippets import also_signed, postman_files, snippets
from tests.keys.pages.addresses import page
from tests.keys.pairs import ED, P256, P384, RSA, key_set, private, public

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]
NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
PLACEHOLDER = "…   # from where you stored it"


@pytest.fixture(autouse=True)
def here(live_server, settings):
    settings.LATCHKEY_BASE_URL = live_server.url


def run(command: list[str], **given: str) -> str:
    environ = {"PATH": os.environ["PATH"]} | given
    ended = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def text_of(key: Key, language: str) -> str:
    return next(each.text for each in snippets(key) if each.language == language)


@pytest.mark.parametrize("language", ["python", "authlib"])
def test_a_text_of_python_buys_a_token(issue, language):
    made = issue()
    text = text_of(made.key, language) + '\nprint(token.count("."))'
    assert run([sys.executable, "-W", "ignore", "-c", text], CLIENT_SECRET=made.text).strip() == "2"


def test_the_curl_text_buys_a_token_once_its_one_gap_is_filled(issue):
    made = issue()
    text = text_of(made.key, "curl")
    assert PLACEHOLDER in text
    assert '"access_token"' in run(["bash", "-euc", text.replace(PLACEHOLDER, made.text)])


@NODE
def test_the_node_text_buys_a_token(issue):
    made = issue()
    text = text_of(made.key, "node") + '\nconsole.log(token.split(".").length);'
    command = ["node", "--input-type=module", "-e", text]
    assert run(command, CLIENT_SECRET=made.text).strip() == "3"


def add(acme, key: Key, pair: Any, algorithm: str = "") -> None:
    text = key_set(public(pair, kid="main"))
    found = read_public_keys(text, now=timezone.now(), algorithm=algorithm)
    verbs.add_public_keys(acme.enter("engineer"), key.client_id, found)


def test_a_key_on_its_way_to_public_keys_shows_both(acme, issue):
    key = issue().key
    assert also_signed(key) == []
    add(acme, key, P256)
    assert {each.language for each in snippets(key)} == {"curl", "python", "authlib", "node"}
    signed = {each.language: each.text for each in also_signed(key)}
    assert set(signed) == {"signed-python", "signed-authlib", "signed-node"}
    assert "private_key_jwt" in signed["signed-authlib"]


class Postman:
    """Sends a request of a collection as the application would: variables filled in, its script run first."""

    def __init__(self, files: dict[str, Any], **filled_in: str) -> None:
        self.items = {each["name"]: each for each in files["collection"]["item"]}
        values = files["environment"]["values"]
        self.empty = {each["key"] for each in values if not each["value"]}
        self.variables = {each["key"]: each["value"] for each in values} | filled_in

    def fill(self, text: str) -> str:
        for name, value in self.variables.items():
            text = text.replace("{{" + name + "}}", value)
        assert "{{" not in text
        return text

    def send(self, name: str) -> requests.Response:
        item = self.items[name]
        for event in item.get("event", ()):
            if event["listen"] == "prerequest":
                self._script("\n".join(event["script"]["exec"]))
        asked = item["request"]
        body = asked.get("body", {}).get("urlencoded", ())
        form = {each["key"]: self.fill(each["value"]) for each in body}
        auth = self._values(asked["auth"], "basic")
        bearer = self._values(asked["auth"], "bearer")
        return requests.request(
            asked["method"],
            self.fill(asked["url"]),
            data=form,
            auth=(auth["username"], auth["password"]) if auth else None,
            headers={"Authorization": f"Bearer {bearer['token']}"} if bearer else {},
            timeout=10,
        )

    def _values(self, auth: dict[str, Any], kind: str) -> dict[str, str]:
        return {each["key"]: self.fill(each["value"]) for each in auth.get(kind, ())}

    def _script(self, text: str) -> None:
        known = json.dumps(self.variables)
        before = (
            f"const known = {known}, set = {{}};"
            "const pm = { environment: { get: (name) => known[name] },"
            " variables: { set: (name, value) => { set[name] = value; } } };\n"
        )
        after = "\nconsole.log(JSON.stringify(set));"
        said = run(["node", "--input-type=module", "-e", before + text + after])
        self.variables |= json.loads(said)


def test_the_postman_files_of_a_secret_buy_a_token_and_say_who_one_is(issue):
    made = issue()
    files = postman_files(made.key)
    assert made.text not in json.dumps(files)
    postman = Postman(files, client_secret=made.text)
    assert postman.empty == {"client_secret", "access_token"}
    answer = postman.send("Fetch a token")
    assert answer.status_code == 200, answer.text
    postman.variables["access_token"] = answer.json()["access_token"]
    assert postman.send("Who am I").json()["client_id"] == made.key.client_id


def pem(pair: Any) -> str:
    kind = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    return str(pair.private_key.private_bytes(*kind).decode())


@NODE
@pytest.mark.parametrize(
    ("pair", "algorithm"),
    [(RSA, "RS384"), (RSA, "PS512"), (P256, "ES256"), (P384, "ES384"), (ED, "EdDSA")],
)
def test_the_postman_files_of_a_key_that_signs_do_so_with_a_pem_and_with_a_jwk(
    acme, pair, algorithm
):
    key = verbs.create_key(acme.enter("engineer"), NewKey("signer"))
    add(acme, key, pair, algorithm)
    files = postman_files(key)
    for text in (pem(pair), json.dumps(private(pair))):
        postman = Postman(files, private_key=text)
        assert postman.empty == {"private_key", "access_token"}
        answer = postman.send("Fetch a token")
        assert answer.status_code == 200, answer.text


def test_every_algorithm_has_its_script():
    for algorithm in ("RS256", "PS384", "ES384", "EdDSA"):
        text = signing(algorithm)
        assert "IMPORTED" not in text
        assert "SIGNED" not in text


def test_whoever_sees_the_key_takes_the_files_along(acme, sign_in, issue):
    key = issue().key
    client = sign_in("viewer")
    shown = client.get(page("detail", key) + "?tab=use").content.decode()
    for name in ("collection", "environment"):
        address = page("postman", key, file=name)
        assert address in shown
        answer = client.get(address)
        assert answer["Content-Disposition"].endswith(f'{key.client_id}.postman_{name}.json"')
        assert json.loads(answer.content)
    assert client.get(page("postman", key, file="secret")).status_code == 404
    assert sign_in("stranger").get(page("postman", key, file="collection")).status_code == 404
