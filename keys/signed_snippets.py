"""The texts of "Use it" for a key that signs: its private key is a file, and stands in none of these texts.

A kid may come from somebody else's key set, and people run what they copy: each value is quoted for its language.
"""

import json
import shlex
from dataclasses import dataclass

CURL = """\
# The private key is a PEM in $PRIVATE_KEY_FILE. It needs openssl and curl.
b64() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
now=$(date +%s)
header=$(printf '%s' {header} | b64)
claims=$(printf '{{"iss":"%s","sub":"%s","aud":"%s","jti":"%s","iat":%d,"exp":%d}}' \\
  {client_id} {client_id} {audience} "$(openssl rand -hex 16)" "$now" $((now + 240)) | b64)
signature=$(printf '%s.%s' "$header" "$claims" | {sign} | b64)
curl -sS -d grant_type=client_credentials --data-urlencode {scope} \\
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \\
  -d "client_assertion=$header.$claims.$signature" \\
  {url}"""

PYTHON = """\
import os
import time
import uuid

import requests
from joserfc import jwk, jwt

now = int(time.time())
with open(os.environ["PRIVATE_KEY_FILE"]) as file:  # the PEM of the private key
    key = jwk.import_key(file.read(), {kind!r})
claims = {{
    "iss": {client_id!r},
    "sub": {client_id!r},
    "aud": {audience!r},
    "jti": str(uuid.uuid4()),
    "iat": now,
    "exp": now + 240,
}}
header = {{"alg": {algorithm!r}, "kid": {kid!r}}}
answer = requests.post(
    {url!r},
    data={{
        "grant_type": "client_credentials",
        "scope": {scope!r},
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(header, claims, key, algorithms=[{algorithm!r}]),
    }},
    timeout=10,
)
answer.raise_for_status()
token = answer.json()["access_token"]"""

AUTHLIB = """\
import os

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk

with open(os.environ["PRIVATE_KEY_FILE"]) as file:  # the PEM of the private key
    key = jwk.import_key(file.read(), {kind!r})
session = OAuth2Session(
    {client_id!r}, key, scope={scope!r}, token_endpoint_auth_method="private_key_jwt"
)
# The audience is the issuer; Authlib would name the token endpoint by itself.
session.register_client_auth_method(
    PrivateKeyJWT({audience!r}, headers={{"kid": {kid!r}}}, alg={algorithm!r})
)
answer = session.fetch_token({url!r}, grant_type="client_credentials", timeout=10)
token = answer["access_token"]"""

NODE = """\
import {{ constants, createPrivateKey, randomUUID, sign }} from "node:crypto";
import {{ readFile }} from "node:fs/promises";

const key = createPrivateKey(await readFile(process.env.PRIVATE_KEY_FILE));  // a PEM
const part = (members) => Buffer.from(JSON.stringify(members)).toString("base64url");
const now = Math.floor(Date.now() / 1000);
const client = {client_id};
const claims = {{ iss: client, sub: client, aud: {audience}, jti: randomUUID(), iat: now, exp: now + 240 }};
const text = `${{part({header})}}.${{part(claims)}}`;
const signature = sign({digest}, Buffer.from(text), {{ key{options} }});
const answer = await fetch({url}, {{
  method: "POST",
  body: new URLSearchParams({{
    grant_type: "client_credentials",
    scope: {scope},
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: `${{text}}.${{signature.toString("base64url")}}`,
  }}),
}});
if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
const {{ access_token: token }} = await answer.json();"""

_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_OPTIONS = {
    "RS": "",
    "PS": ", padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST",
    "ES": ', dsaEncoding: "ieee-p1363"',
    "Ed": "",
}
"""How Node is told what a JWS wants (RFC 7518, 3.3 to 3.5; RFC 8037, 3.1)."""


@dataclass(frozen=True, slots=True)
class Signer:
    """What an assertion of this key says, and where it goes."""

    client_id: str
    kid: str
    algorithm: str
    audience: str
    url: str
    scope: str

    def texts(self) -> list[tuple[str, str, str]]:
        """Language, its name, the text. OpenSSL signs a JWS in one command only with RSA (RFC 7518, 3.3 and 3.4)."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        kind = _KINDS[self.algorithm[:2]]
        found = [
            ("python", "Python", PYTHON.format(kind=kind, **facts)),
            ("authlib", "Authlib", AUTHLIB.format(kind=kind, **facts)),
            ("node", "Node", self._node(facts)),
        ]
        if self.algorithm.startswith("RS"):
            found.insert(0, ("curl", "curl", self._curl(facts)))
        return found

    @property
    def header(self) -> str:
        return json.dumps({"alg": self.algorithm, "kid": self.kid})

    def _curl(self, facts: dict[str, str]) -> str:
        quoted = {name: shlex.quote(value) for name, value in facts.items()}
        quoted |= {"header": shlex.quote(self.header), "scope": shlex.quote(f"scope={self.scope}")}
        sign = f'openssl dgst -sha{self.algorithm[2:]} -sign "$PRIVATE_KEY_FILE" -binary'
        return CURL.format(sign=sign, **quoted)

    def _node(self, facts: dict[str, str]) -> str:
        quoted = {name: json.dumps(value) for name, value in facts.items()}
        digest = "null" if self.algorithm == "EdDSA" else f'"sha{self.algorithm[2:]}"'
        options = _OPTIONS[self.algorithm[:2]]
        return NODE.format(header=self.header, digest=digest, options=options, **quoted)
