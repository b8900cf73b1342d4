"""A shop that buys tokens: one key with one secret, and a way to ask the token service in process."""

import base64
import json
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from joserfc.jwk import KeySet

from environments.models import Environment, Organization
from keys import fingerprint
from keys.crypto import mint_secret
from keys.issuer import hours, throttle, usage
from keys.issuer.wsgi import issuer
from keys.models import Key, Secret

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Shop:
    key: Key
    secret: Secret
    text: str

    @property
    def path(self):
        return f"/t/{self.key.environment.issuer_id}/token"

    @property
    def form(self):
        return {
            "grant_type": "client_credentials",
            "client_id": self.key.client_id,
            "client_secret": self.text,
        }

    def another_secret(self, **dates):
        return with_secret(self.key, **dates)


def with_secret(key, **dates):
    text = mint_secret("dev").reveal()
    pepper_id, mark = fingerprint.mark(text)
    return Shop(key, Secret.objects.create(key=key, pepper_id=pepper_id, mark=mark, **dates), text)


@pytest.fixture(autouse=True)
def no_flusher(monkeypatch):
    """The thread would write through a connection of its own, outside the test's transaction."""
    monkeypatch.setattr(usage, "keep_flushing", lambda: None)
    usage._uses.clear()
    hours.take()
    hours._addresses.clear()
    yield
    usage._uses.clear()
    hours.take()
    hours._addresses.clear()


@pytest.fixture(autouse=True)
def nobody_has_tried_before():
    throttle.failures.clear()
    throttle.paces.clear()


def open_shop(slug="acme", kind="development"):
    organization, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": slug})
    environment = Environment.objects.create(
        organization=organization, slug=kind, name=kind, kind=kind, scopes=["api:read", "api:write"]
    )
    key = Key.objects.create(environment=environment, name="shop")
    return with_secret(key)


@pytest.fixture
def shop(db):
    return open_shop()


def basic(client_id, secret):
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def request(path, method="GET", body=b"", **environ):
    """One request through the validator, which refuses whatever WSGI forbids."""
    setup_testing_defaults(environ)
    environ |= {"PATH_INFO": path, "REQUEST_METHOD": method, "wsgi.input": BytesIO(body)}
    environ.setdefault("QUERY_STRING", "")
    environ.setdefault("REMOTE_ADDR", "198.51.100.7")
    said: dict[str, Any] = {}

    def start_response(status, headers, _=None):
        said.update(status=int(status[:3]), headers=dict(headers))

    # The validator itself breaks on a length that is no number; a server may still pass one on.
    sensible = re.fullmatch(r"[0-9]{0,12}", environ.get("CONTENT_LENGTH", ""))
    answer = (validator(issuer) if sensible else issuer)(environ, start_response)
    try:
        return Answer(**said, body=b"".join(answer))
    finally:
        if sensible:
            answer.close()  # type: ignore[attr-defined]


def post(path, form, **environ):
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    environ = {"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(len(body))} | environ
    return request(
        path, "POST", body, **{name: value for name, value in environ.items() if value is not None}
    )


def buy(shop, **environ):
    return post(shop.path, shop.form, **environ)


def reader(shop):
    """What a resource server does: the key set, then signature and claims."""
    keys = request(f"/t/{shop.key.environment.issuer_id}/jwks.json").json
    return KeySet.import_key_set(keys)
