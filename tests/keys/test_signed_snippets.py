"""The very texts that the page of a key shows, run against the real token service."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms
from django.utils import timezone

from keys.models import Key
from keys.public_keys import read_public_keys
from keys.services import public_keys as verbs
from keys.services.issuing import NewKey
from keys.snippets import snippets
from tests.keys.pairs import ED, P256, P384, RSA

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]
SHOWN = '\nprint(token.count("."))'
SHOWN_IN_NODE = '\nconsole.log(token.split(".").length);'


@pytest.fixture
def signed(acme, live_server, settings) -> Key:
    settings.LATCHKEY_BASE_URL = live_server.url
    return verbs.create_key(acme.enter("engineer"), NewKey("signer"))


def text_of(
    acme, key: Key, pair: Any, language: str, algorithm: str = "", kid: str = "main"
) -> str:
    pem = pair.as_pem(private=False).decode()
    found = read_public_keys(pem, now=timezone.now(), algorithm=algorithm, kid=kid)
    verbs.add_public_keys(acme.enter("engineer"), key.client_id, found)
    return next(each.text for each in snippets(key) if each.language == language)


def run(command: list[str], pair: Any, folder: Path) -> str:
    file = folder / "private.pem"
    private = pair.private_key
    kind = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    file.write_bytes(private.private_bytes(*kind))
    environ = {"PATH": os.environ["PATH"], "PRIVATE_KEY_FILE": str(file)}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("pair", [RSA, P256, ED], ids=["RSA", "P-256", "Ed25519"])
def test_the_python_text_buys_a_token(acme, signed, pair, tmp_path):
    text = text_of(acme, signed, pair, "python")
    assert run([sys.executable, "-W", "ignore", "-c", text + SHOWN], pair, tmp_path).strip() == "2"


@pytest.mark.parametrize("pair", [RSA, P384, ED], ids=["RSA", "P-384", "Ed25519"])
def test_the_authlib_text_buys_a_token(acme, signed, pair, tmp_path):
    text = text_of(acme, signed, pair, "authlib")
    assert run([sys.executable, "-W", "ignore", "-c", text + SHOWN], pair, tmp_path).strip() == "2"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not here")
@pytest.mark.parametrize(
    ("pair", "algorithm"),
    [(RSA, "RS384"), (RSA, "PS256"), (P256, "ES256"), (P384, "ES384"), (ED, "EdDSA")],
)
def test_the_node_text_buys_a_token_without_any_package(acme, signed, pair, algorithm, tmp_path):
    text = text_of(acme, signed, pair, "node", algorithm)
    command = ["node", "--input-type=module", "-e", text + SHOWN_IN_NODE]
    assert run(command, pair, tmp_path).strip() == "3"


HOSTILE = """a'"`$(touch x)${1}\\{}%s"""


@pytest.mark.parametrize("language", ["curl", "python", "authlib", "node"])
def test_a_kid_of_somebody_elses_set_is_a_text_in_every_language(acme, signed, tmp_path, language):
    text = text_of(acme, signed, RSA, language, kid=HOSTILE)
    command = {
        "curl": ["bash", "-euc", text],
        "node": ["node", "--input-type=module", "-e", text + SHOWN_IN_NODE],
    }.get(language, [sys.executable, "-W", "ignore", "-c", text + SHOWN])
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here")
    said = run(command, RSA, tmp_path).strip()
    assert (
        said in {"2", "3"} or '"access_token"' in said
    )  # the token service has known the kid again
    assert [each.name for each in tmp_path.iterdir()] == ["private.pem"]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384"])
def test_the_curl_text_buys_a_token_with_an_rsa_key(acme, signed, algorithm, tmp_path):
    text = text_of(acme, signed, RSA, "curl", algorithm)
    assert '"access_token"' in run(["bash", "-euc", text], RSA, tmp_path)


def test_before_there_is_a_public_key_the_text_says_what_to_fill_in(signed):
    assert all("YOUR-KID" in each.text for each in snippets(signed))


def test_no_curl_is_offered_where_openssl_alone_makes_no_jws(acme, signed):
    text_of(acme, signed, P256, "python")
    assert [each.language for each in snippets(signed)] == ["python", "authlib", "node"]
