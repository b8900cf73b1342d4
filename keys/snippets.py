"""The texts of "Use it": the key's real client ID and address; the secret is always an environment variable."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone

from environments.models import Environment
from keys import postman, provider_snippets
from keys.crypto import SecretText
from keys.health import public_keys, signs_alone
from keys.models import Key, TokenEndpoint
from keys.signed_snippets import Signer

CURL = """\
export CLIENT_ID={client_id}
export CLIENT_SECRET=…   # from where you stored it
curl -sS -u "$CLIENT_ID:$CLIENT_SECRET" \\
  -d grant_type=client_credentials \\
  {url}"""

PYTHON = """\
import os

import requests

answer = requests.post(
    "{url}",
    data={{"grant_type": "client_credentials"}},
    auth=("{client_id}", os.environ["CLIENT_SECRET"]),
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["access_token"]"""

AUTHLIB = """\
import os

from authlib.integrations.requests_client import OAuth2Session

session = OAuth2Session(
    "{client_id}",
    os.environ["CLIENT_SECRET"],
    token_endpoint_auth_method="client_secret_basic",
)
answer = session.fetch_token("{url}", grant_type="client_credentials", timeout=10)
token = answer["access_token"]"""

NODE = """\
const credentials = Buffer.from(`{client_id}:${{process.env.CLIENT_SECRET}}`).toString("base64");
const answer = await fetch("{url}", {{
  method: "POST",
  headers: {{ Authorization: `Basic ${{credentials}}` }},
  body: new URLSearchParams({{ grant_type: "client_credentials" }}),
}});
if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
const {{ access_token: token }} = await answer.json();"""


@dataclass(frozen=True, slots=True)
class Snippet:
    language: str
    name: str
    text: str


def doors_of(key: Key) -> list[str]:
    """Where clients that were written for Redox may ask with this key."""
    paths: tuple[str, ...] = ("/v2/auth/token",) if key.redox_door else ()
    paths += ("/auth/authenticate", "/auth/refreshToken") if key.legacy_door else ()
    return [f"{settings.LATCHKEY_BASE_URL}{path}" for path in paths]


def token_address(environment: Environment) -> str:
    return f"{settings.LATCHKEY_BASE_URL}/t/{environment.issuer_id}/token"


def snippets(key: Key) -> list[Snippet]:
    if key.endpoint:
        return _of_provider(key, key.endpoint)
    if signs_alone(key):
        return _signed(key)
    facts = {"client_id": key.client_id, "url": token_address(key.environment)}
    return [
        Snippet("curl", "curl", CURL.format(**facts)),
        Snippet("python", "Python", PYTHON.format(**facts)),
        Snippet("authlib", "Authlib", AUTHLIB.format(**facts)),
        Snippet("node", "Node", NODE.format(**facts)),
    ]


def also_signed(key: Key) -> list[Snippet]:
    """Of a key that has a secret and public keys as well: how its clients sign."""
    now = timezone.now()
    both = not key.imported and not signs_alone(key)
    if not both or all(each.ended_by(now) for each in public_keys(key)):
        return []
    return [Snippet(f"signed-{each.language}", each.name, each.text) for each in _signed(key)]


def _signed(key: Key) -> list[Snippet]:
    return [Snippet(*each) for each in signer_of(key).texts()]


def signer_of(key: Key) -> Signer:
    """With its newest public key; before it has one, with a kid to be filled in."""
    now = timezone.now()
    held = next((each for each in public_keys(key) if not each.ended_by(now)), None)
    return Signer(
        client_id=key.client_id,
        kid=held.kid if held else "YOUR-KID",
        algorithm=held.algorithm if held else "ES384",
        audience=f"{settings.LATCHKEY_BASE_URL}/t/{key.environment.issuer_id}",
        url=token_address(key.environment),
        scope=" ".join(key.granted_scopes),
    )


def postman_files(key: Key) -> dict[str, dict[str, Any]]:
    """By the last part of their file names: a collection, and an environment with this key's values."""
    signer = signer_of(key) if signs_alone(key) else None
    name = f"{key.name}, {key.environment.name}"
    facts = {
        "client_id": key.client_id,
        "token_url": token_address(key.environment),
        "issuer": f"{settings.LATCHKEY_BASE_URL}/t/{key.environment.issuer_id}",
        "scope": " ".join(key.granted_scopes),
    }
    if signer:
        facts |= {"kid": signer.kid, "algorithm": signer.algorithm}
    secret = "private_key" if signer else "client_secret"
    return {
        "collection": postman.collection(name, signer),
        "environment": postman.environment(name, facts, secret),
    }


def _of_provider(key: Key, endpoint: TokenEndpoint) -> list[Snippet]:
    kid = key.secrets.filter(revoked_at=None).order_by("-created_at", "-pk").values_list("kid")
    python = provider_snippets.python(key, endpoint, *next(iter(kid[:1]), ("",)))
    return [
        Snippet("curl", "curl", provider_snippets.curl(key, endpoint)),
        Snippet("python", "Python", python),
    ]


def env_file(key: Key, secret: SecretText) -> str:
    return (
        f"CLIENT_ID={key.client_id}\n"
        f"CLIENT_SECRET={secret.reveal()}\n"
        f"TOKEN_URL={token_address(key.environment)}\n"
    )
