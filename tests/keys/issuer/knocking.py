"""At the doors for clients of Redox: open them, knock as those clients do."""

import json
from urllib.parse import urlencode

from tests.keys.issuer.conftest import post

DOOR = "/v2/auth/token"
JSON = "application/json"


def open_doors(key, **doors):
    key.environment.redox_doors = True
    key.environment.save()
    for name, value in doors.items():
        setattr(key, name, value)
    key.save()


def sample(signer, **claims):
    return signer.assertion(claims={"aud": f"http://localhost:8000{DOOR}", "exp": None} | claims)


def knock(signer, assertion=None, **more):
    return post(DOOR, signer.form(sample(signer) if assertion is None else assertion, **more))


def body(values, kind):
    return json.dumps(values).encode() if kind == JSON else urlencode(values).encode()


def ask(path, values, kind=JSON):
    raw = values if isinstance(values, bytes) else body(values, kind)
    return post(path, raw, CONTENT_TYPE=kind)


def authenticate(shop, kind=JSON, **more):
    return ask(
        "/auth/authenticate", {"apiKey": shop.key.client_id, "secret": shop.text} | more, kind
    )


def refresh(shop, text, kind=JSON, **more):
    return ask(
        "/auth/refreshToken", {"apiKey": shop.key.client_id, "refreshToken": text} | more, kind
    )
