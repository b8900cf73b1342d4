"""The texts of "Use it" for an imported key: its provider's address and way; secrets are environment variables."""

from shlex import quote

from keys.models import Key, TokenEndpoint

Method = TokenEndpoint.Method

CURL = {
    Method.BASIC: """\
export CLIENT_ID={client}
export CLIENT_SECRET=…   # from where you stored it
curl -sS -u "$CLIENT_ID:$CLIENT_SECRET" \\
  -d grant_type=client_credentials{scope} \\
  {url}""",
    Method.POST: """\
export CLIENT_ID={client}
export CLIENT_SECRET=…   # from where you stored it
curl -sS -d grant_type=client_credentials{scope} \\
  --data-urlencode "client_id=$CLIENT_ID" \\
  --data-urlencode "client_secret=$CLIENT_SECRET" \\
  {url}""",
    Method.PRIVATE_KEY_JWT: """\
# ASSERTION is signed anew for each request, for example by the Python text beside this one.
curl -sS -d grant_type=client_credentials{scope} \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  --data-urlencode "client_assertion=$ASSERTION" \\
  {url}""",
    Method.REDOX_LEGACY: """\
export API_KEY={client}
export SECRET=…   # from where you stored it
curl -sS -H 'Content-Type: application/json' \\
  -d "{{\\"apiKey\\": \\"$API_KEY\\", \\"secret\\": \\"$SECRET\\"}}" \\
  {url}""",
}

_SHARED = """\
import os

import requests

answer = requests.post(
    {url!r},
    data={{{form}}},{auth}
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["access_token"]"""

_SIGNED = """\
import os
import time
import uuid

import requests
from joserfc import jwk, jwt

now = int(time.time())
key = jwk.import_key(open(os.environ["PRIVATE_KEY_FILE"]).read(), {kind!r})
claims = {{
    "iss": {client!r},
    "sub": {client!r},
    "aud": {audience!r},
    "jti": str(uuid.uuid4()),
    "iat": now,
    "exp": now + 240,
}}
assertion = jwt.encode({header}, claims, key, algorithms=[{algorithm!r}])
kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
answer = requests.post(
    {url!r},
    data={{{form}, "client_assertion_type": kind, "client_assertion": assertion}},
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["access_token"]"""

_LEGACY = """\
import os

import requests

answer = requests.post(
    {url!r},
    json={{"apiKey": {client!r}, "secret": os.environ["SECRET"]}},
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["accessToken"]"""

_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


def curl(key: Key, endpoint: TokenEndpoint) -> str:
    scope = f" --data-urlencode {quote(f'scope={endpoint.scope}')}" if endpoint.scope else ""
    text = CURL[Method(endpoint.method)]
    return text.format(client=quote(key.outside_id), url=quote(endpoint.url), scope=scope)


def python(key: Key, endpoint: TokenEndpoint, kid: str) -> str:
    client, url = key.outside_id, endpoint.url
    scope = f', "scope": {endpoint.scope!r}' if endpoint.scope else ""
    form = f'"grant_type": "client_credentials"{scope}'
    if endpoint.method == Method.REDOX_LEGACY:
        return _LEGACY.format(url=url, client=client)
    if endpoint.signed:
        return _SIGNED.format(
            url=url,
            client=client,
            form=form,
            audience=endpoint.audience or url,
            algorithm=endpoint.algorithm,
            kind=_KINDS[endpoint.algorithm[:2]],
            header={"alg": endpoint.algorithm} | ({"kid": kid} if kid else {}),
        )
    if endpoint.method == Method.POST:
        form += f', "client_id": {client!r}, "client_secret": os.environ["CLIENT_SECRET"]'
        return _SHARED.format(url=url, form=form, auth="")
    auth = f'\n    auth=({client!r}, os.environ["CLIENT_SECRET"]),'
    return _SHARED.format(url=url, form=form, auth=auth)
