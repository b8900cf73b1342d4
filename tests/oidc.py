"""A small OpenID Connect provider on a real socket; what a test changes in it holds from the next request on."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "latchkey", "a client's secret: with a colon & more"
KEY = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER_KEY = jwk.RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    port: int = 0
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "00u1", "email": "vi@idp.test"})
    """Who is signed in there at the moment."""
    discovery: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    """What its ID tokens say otherwise; None leaves a claim out."""
    sign: Callable[[dict[str, Any]], str] | None = None
    keys: list[dict[str, Any]] = field(default_factory=lambda: [KEY.as_dict(private=False)])
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for, and the last form of the token endpoint."""
    form: dict[str, str] = field(default_factory=dict)
    authorization: str = ""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: bytes, headers: Any) -> tuple[int, Any]:
        self.asked.append(f"{method} {path}")
        if path == "/.well-known/openid-configuration":
            return 200, self._discovered()
        if path == "/keys":
            return 200, {"keys": self.keys}
        if path == "/token" and method == "POST":
            return self._token(body, headers)
        return 404, {}

    def _discovered(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **self.discovery,
        }

    def sign_in(self, address: str, **more: str) -> str:
        """The browser at the authorization endpoint; where it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], **more}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def _token(self, body: bytes, headers: Any) -> tuple[int, Any]:
        self.form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.authorization = headers.get("Authorization", "")
        asked = self.codes.pop(self.form.get("code", ""), None)
        if asked is None or self._client() != (CLIENT, SECRET):
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(self.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (challenge, self.form["redirect_uri"]) != (
            asked["code_challenge"],
            asked["redirect_uri"],
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "id_token": self._id_token(asked)}

    def _client(self) -> tuple[str, str]:
        if not self.authorization:
            return self.form.get("client_id", ""), self.form.get("client_secret", "")
        name, _, secret = base64.b64decode(self.authorization.split()[1]).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **({"auth_time": now} if "max_age" in asked else {}),
            **self.person,
            **self.claims,
        }
        claims = {name: value for name, value in said.items() if value is not None}
        return self.sign(claims) if self.sign else signed(claims)


def signed(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256") -> str:
    return jwt.encode({"alg": alg, "kid": "one"}, claims, key, algorithms=[alg])


def unsigned(claims: dict[str, Any]) -> str:
    """`alg: none`."""
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*texts, b""]).decode()


@contextmanager
def providing() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, said = provider.answer(self.command, self.path, body, self.headers)
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815  # http.server's name

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
