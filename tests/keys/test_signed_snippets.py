"""The very texts that the page of a key shows, run against the real token service."""

import os
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
from tests.keys.pairs import ED, P256, RSA

pytestmark = [pytest.mark.enable_socket, pytest.mark.django_db(transaction=True)]
SHOWN = '\nprint(token.count("."))'


@pytest.fixture
def signed(acme, live_server, settings) -> Key:
    settings.LATCHKEY_BASE_URL = live_server.url
    return verbs.create_key(acme.enter("engineer"), NewKey("signer"))


def text_of(acme, key: Key, pair: Any, language: str, algorithm: str = "") -> str:
    pem = pair.as_pem(private=False).decode()
    found = read_public_keys(pem, now=timezone.now(), algorithm=algorithm, kid="main")
    verbs.add_public_keys(acme.enter("engineer"), key.client_id, found)
    return next(each.text for each in snippets(key) if each.language == language)


def run(command: list[str], pair: Any, folder: Path) -> str:
    file = folder / "private.pem"
    private = pair.private_key
    kind = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    file.write_bytes(private.private_bytes(*kind))
    environ = {"PATH": os.environ["PATH"], "PRIVATE_KEY_FILE": str(file)}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("pair", [RSA, P256, ED], ids=["RSA", "P-256", "Ed25519"])
def test_the_python_text_buys_a_token(acme, signed, pair, tmp_path):
    text = text_of(acme, signed, pair, "python")
    assert run([sys.executable, "-W", "ignore", "-c", text + SHOWN], pair, tmp_path).strip() == "2"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384"])
def test_the_curl_text_buys_a_token_with_an_rsa_key(acme, signed, algorithm, tmp_path):
    text = text_of(acme, signed, RSA, "curl", algorithm)
    assert '"access_token"' in run(["bash", "-euc", text], RSA, tmp_path)


def test_before_there_is_a_public_key_the_text_says_what_to_fill_in(signed):
    assert all("YOUR-KID" in each.text for each in snippets(signed))


def test_no_curl_is_offered_where_openssl_alone_makes_no_jws(acme, signed):
    text_of(acme, signed, P256, "python")
    assert [each.language for each in snippets(signed)] == ["python", "node"]
