"""Providers of tokens on real sockets, as strict as the ones that they stand for."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from joserfc import jwk, jwt
from joserfc.errors import JoseError

from tests.servers import Server, saying, serving

GRANTED = {"access_token": "opaque-at-the-provider", "token_type": "Bearer", "expires_in": 300}


@dataclass
class Provider:
    """One that knows clients with secrets and public keys; what a test changes here holds from the next request on."""

    secrets: dict[str, set[str]] = field(default_factory=dict)
    """By client: those that it accepts."""
    keys: dict[str, list[jwk.Key]] = field(default_factory=dict)
    """By client: public keys, each with its kid."""
    audience: str = ""
    algorithms: tuple[str, ...] = ("RS384", "ES384")
    down: bool = False
    spent: set[str] = field(default_factory=set)
    server: Server = field(default_factory=lambda: Server(0))

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def legacy_url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/auth/authenticate"

    def answer(self, sock: socket.socket) -> None:
        head, _, body = self.server.requests[-1].partition(b"\r\n\r\n")
        if self.down:
            saying("", "503 Service Unavailable", Retry_After="5")(sock)
        elif head.startswith(b"POST /auth/authenticate "):
            self._legacy(body)(sock)
        else:
            self._oauth(head, body)(sock)

    def _legacy(self, body: bytes) -> Any:
        """Redox's: JSON in and out; two words of plain text for whatever is wrong."""
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
        if asked.get("secret") not in self.secrets.get(asked.get("apiKey"), set()):
            return saying("Invalid request", "401 Unauthorized", Content_Type="text/plain")
        ends = datetime.now(UTC) + timedelta(hours=24)
        stamp = ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        given = {"accessToken": "opaque", "expires": stamp, "refreshToken": "opaque-too"}
        return saying(json.dumps(given))

    def _oauth(self, head: bytes, body: bytes) -> Any:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return _error("unsupported_grant_type", "", "400 Bad Request")
        if "client_assertion" in form:
            wrong = self._wrong_with(form["client_assertion"])
            return _error("invalid_client", wrong) if wrong else saying(json.dumps(GRANTED))
        client, secret = _pair(head, form)
        if secret not in self.secrets.get(client, set()):
            return _error("invalid_client", "Unknown client or wrong secret.")
        return saying(json.dumps(GRANTED))

    def _wrong_with(self, assertion: str) -> str:
        try:
            token = jwt.decode(assertion, self._key_for, list(self.algorithms))
        except LookupError:
            return "Public key not found. Check the client ID and the kid."
        except JoseError:
            return "The signature does not fit."
        wrong = self._wrong_in(token.claims, time.time())
        self.spent.add(token.claims["jti"])
        return wrong

    def _wrong_in(self, claims: dict[str, Any], now: float) -> str:
        if claims.get("aud") != (self.audience or self.url):
            return "The audience of the assertion is not this server."
        if not now - 300 <= claims["iat"] <= now + 10 or not now < claims["exp"] <= now + 300:
            return "The assertion is too old, or its exp is too far."
        replayed = claims["iss"] != claims["sub"] or claims["jti"] in self.spent
        return "Replayed." if replayed else ""

    def _key_for(self, assertion: Any) -> jwk.Key:
        claimed = json.loads(assertion.payload)["sub"]
        known = {key.kid: key for key in self.keys.get(claimed, [])}
        return known[assertion.headers()["kid"]]


def _error(code: str, said: str, status: str = "401 Unauthorized") -> Any:
    return saying(json.dumps({"error": code, "error_description": said}), status)


def _pair(head: bytes, form: dict[str, str]) -> tuple[str, str]:
    lines = [line for line in head.split(b"\r\n") if line.startswith(b"Authorization: Basic ")]
    if not lines:
        return form.get("client_id", ""), form.get("client_secret", "")
    name, _, secret = base64.b64decode(lines[0].split()[2]).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


@contextmanager
def providing(**knows: Any) -> Iterator[Provider]:
    provider = Provider(**knows)
    with serving(provider.answer) as server:
        provider.server = server
        yield provider
