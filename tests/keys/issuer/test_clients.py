"""The clients that people really use find the way by themselves, without a special case."""

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt
from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.keys.issuer.started import Server

pytestmark = [pytest.mark.processes, pytest.mark.enable_socket]

HERE = Path(__file__).parent / "clients"
PLANT = """
import json
from tests.keys.issuer.conftest import open_shop
from tests.keys.issuer.signed import Signer, private_key
given = {{}}
for algorithm in ("ES256", "RS256"):
    shop = open_shop(algorithm.lower())
    Signer(shop.key, algorithm, "the-kid")
    given[algorithm] = {{
        "issuer": "{base}/t/" + shop.key.environment.issuer_id,
        "client_id": shop.key.client_id,
        "client_secret": shop.text,
        "private_jwk": private_key(algorithm).as_dict(private=True),
        "algorithm": algorithm,
        "kid": "the-kid",
    }}
print(json.dumps(given))
"""
WORKS = {"scope": "api:read", "before": True, "after": False}
ALL_WAYS = {
    "client_secret_basic": WORKS,
    "client_secret_post": WORKS,
    "private_key_jwt": WORKS,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("clients"))
    started.command("keyring", "make")
    started.command("migrate", "--verbosity", "0")
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def clients(server):
    """By its algorithm, what each of two clients was given."""
    return json.loads(server.shell(PLANT.format(base=server.base_url)))


@pytest.fixture
def given(clients):
    return clients["ES256"]


@pytest.fixture
def found(given):
    """What a client of Python looks up first."""
    document = requests.get(f"{given['issuer']}/.well-known/openid-configuration", timeout=10)
    return document.json()


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """A folder with the packages of Node's clients in it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not here")
    folder = tmp_path_factory.mktemp("node")
    for each in HERE.iterdir():
        shutil.copy(each, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode and "LATCHKEY_TEST_REQUIRE_BOTH" not in os.environ:
        pytest.skip("Node's packages cannot be fetched from here")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
@pytest.mark.parametrize("client", ["oauth4webapi", "openid-client"])
def test_a_client_of_node_discovers_buys_asks_and_gives_back(clients, node, client, algorithm):
    done = subprocess.run(
        ["node", f"{client}.mjs"],
        cwd=node,
        input=json.dumps(clients[algorithm]),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ALL_WAYS


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
def test_authlib_is_told_the_issuer_as_audience_and_buys_asks_and_gives_back(given, found, way):
    secret = (
        jwk.import_key(given["private_jwk"]) if way == "private_key_jwt" else given["client_secret"]
    )
    session = OAuth2Session(
        given["client_id"], secret, token_endpoint_auth_method=way, scope="api:read",
        revocation_endpoint_auth_method=way,
    )  # fmt: skip
    if way == "private_key_jwt":
        session.register_client_auth_method(
            PrivateKeyJWT(given["issuer"], headers={"kid": given["kid"]}, alg="ES256")
        )
    token = session.fetch_token(found["token_endpoint"], grant_type="client_credentials")
    text = token["access_token"]
    assert token["scope"] == "api:read"

    def ask():
        return session.introspect_token(found["introspection_endpoint"], token=text).json()

    assert ask()["active"] is True
    assert session.revoke_token(found["revocation_endpoint"], token=text).status_code == 200
    assert ask() == {"active": False}


def test_requests_oauthlib_buys_by_basic_and_in_the_form(given, found, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    client = BackendApplicationClient(client_id=given["client_id"], scope=["api:read"])
    session = RequestsSession(client=client)
    basic = HTTPBasicAuth(given["client_id"], given["client_secret"])
    assert session.fetch_token(found["token_endpoint"], auth=basic)["scope"] == ["api:read"]
    posted = session.fetch_token(
        found["token_endpoint"],
        client_id=given["client_id"],
        client_secret=given["client_secret"],
        include_client_id=True,
    )
    whoami = session.get(f"{given['issuer']}/whoami").json()
    assert whoami["client_id"] == given["client_id"]
    assert posted["token_type"] == "Bearer"


def test_a_few_lines_with_joserfc_sign_and_a_reader_verifies_the_token(given, found):
    now = int(time.time())
    claims = {
        "iss": given["client_id"],
        "sub": given["client_id"],
        "aud": given["issuer"],
        "iat": now,
        "exp": now + 60,
        "jti": uuid.uuid4().hex,
    }
    key = jwk.import_key(given["private_jwk"])
    assertion = jwt.encode({"alg": "ES256", "kid": given["kid"]}, claims, key)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
    bought = requests.post(found["token_endpoint"], data=form, timeout=10).json()
    keys = jwk.KeySet.import_key_set(requests.get(found["jwks_uri"], timeout=10).json())
    token = jwt.decode(bought["access_token"], keys, algorithms=["ES256"])
    assert token.claims["sub"] == given["client_id"]
