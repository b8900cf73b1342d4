"""The texts of "Use it" for a key that signs: its private key is a file, and stands in none of these texts."""

from dataclasses import dataclass

CURL = """\
# The private key is a PEM in $PRIVATE_KEY_FILE. It needs openssl and curl.
b64() {{ openssl base64 -A | tr '+/' '-_' | tr -d '='; }}
now=$(date +%s)
header=$(printf '%s' '{{"alg":"{algorithm}","kid":"{kid}"}}' | b64)
claims=$(printf '{{"iss":"%s","sub":"%s","aud":"%s","jti":"%s","iat":%d,"exp":%d}}' \\
  {client_id} {client_id} {audience} "$(openssl rand -hex 16)" "$now" $((now + 240)) | b64)
signature=$(printf '%s.%s' "$header" "$claims" | {sign} | b64)
curl -sS -d grant_type=client_credentials --data-urlencode 'scope={scope}' \\
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

NODE = """\
import {{ readFile }} from "node:fs/promises";
import {{ importPKCS8, SignJWT }} from "jose";

const key = await importPKCS8(await readFile(process.env.PRIVATE_KEY_FILE, "utf8"), "{algorithm}");
const assertion = await new SignJWT({{}})
  .setProtectedHeader({{ alg: "{algorithm}", kid: "{kid}" }})
  .setIssuer("{client_id}")
  .setSubject("{client_id}")
  .setAudience("{audience}")
  .setJti(crypto.randomUUID())
  .setIssuedAt()
  .setExpirationTime("4m")
  .sign(key);
const answer = await fetch("{url}", {{
  method: "POST",
  body: new URLSearchParams({{
    grant_type: "client_credentials",
    scope: "{scope}",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  }}),
}});
if (!answer.ok) throw new Error(`${{answer.status}} ${{await answer.text()}}`);
const {{ access_token: token }} = await answer.json();"""

_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


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
            ("node", "Node", NODE.format(**facts)),
        ]
        if self.algorithm.startswith("RS"):
            sign = f'openssl dgst -sha{self.algorithm[2:]} -sign "$PRIVATE_KEY_FILE" -binary'
            found.insert(0, ("curl", "curl", CURL.format(sign=sign, **facts)))
        return found
