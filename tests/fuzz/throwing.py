"""Requests of every shape, most of them wrong, thrown at the token service in this process."""

import base64
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from typing import Any
from urllib.parse import quote_plus, urlencode

from keys.issuer.wsgi import issuer
from tests.keys.issuer.conftest import FORM, Shop
from tests.keys.issuer.signed import Signer, encoded, private_key, signature

LONGEST = 3.0  # seconds that an answer may take
EXPECTED = {200, 400, 401, 404, 405, 411, 413, 429}
SCRAPS: tuple[Any, ...] = (
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "é",
        "💣",
        "x" * 300,
        "x" * 9000,
        "none",
        "HS256",
        "ES256",
        "../../etc/passwd",
    ),
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**63,
        10**30,
        [],
        {},
        [[]],
        {"a": {"b": []}},
        ["x", 1],
        "' OR 1=1 --",
        "%00",
        "%zz",
    ),
)
HEADERS = ("alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "x5t", "zip", "cty")
CLAIMS = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "scope")
FIELDS = (
    *(
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
    ),
    *("token", "token_type_hint", "apiKey", "secret", "refreshToken", "x"),
)


@dataclass
class Thrower:
    """Draws requests from a seed; what it has seen is counted by status."""

    shop: Shop
    signer: Signer
    random: Random
    seen: Counter[int] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def throw(self) -> None:
        environ = self._request()
        started = time.monotonic()
        try:
            status, body = answer(environ)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what we look for
            self.unexpected.append(f"{type(error).__name__}: {error} for {shown(environ)}")
            return
        took = time.monotonic() - started
        self.slowest = max(self.slowest, took)
        self.seen[status] += 1
        if status not in EXPECTED or took > LONGEST or not fits(status, body):
            self.unexpected.append(
                f"{status} after {took:.1f} s: {body[:200]!r} for {shown(environ)}"
            )

    def _request(self) -> dict[str, Any]:
        path, make = self.random.choice(self._kinds())
        kind, body = make()
        if self.random.random() < 0.2:
            body = self._mangled(body)
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "QUERY_STRING": self.random.choice(["", "", "", "", "a=b", "\xff"]),
            "CONTENT_TYPE": kind,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            "REMOTE_ADDR": f"192.0.2.{self.random.randrange(250)}",
        }
        for name in (
            "REQUEST_METHOD",
            "PATH_INFO",
            "CONTENT_TYPE",
            "CONTENT_LENGTH",
            "HTTP_AUTHORIZATION",
        ):
            if self.random.random() < 0.03:
                environ[name] = self._header(name)
        return environ

    def _kinds(self) -> list[tuple[str, Callable[[], tuple[str, bytes]]]]:
        base = self.shop.path.removesuffix("/token")
        return [
            *(
                (path, self._form)
                for path in (self.shop.path, f"{base}/introspect", f"{base}/revoke")
            ),
            *(
                (path, self._signed)
                for path in (self.shop.path, "/v2/auth/token", f"{base}/introspect")
            ),
            *((path, self._legacy) for path in ("/auth/authenticate", "/auth/refreshToken")),
        ]

    def _form(self) -> tuple[str, bytes]:
        return FORM, self._encoded({**self.shop.form, "token": self._token()})

    def _signed(self) -> tuple[str, bytes]:
        head = self._changed(self.signer.header(), HEADERS)
        claims = self._changed(self.signer.claims(), CLAIMS)
        text = f"{self._part(head)}.{self._part(claims)}"
        key = private_key("ES256") if self.random.random() < 0.9 else private_key("ES384")
        algorithm = "ES256" if key.curve_name == "P-256" else "ES384"
        assertion = f"{text}.{signature(algorithm, text, key)}"
        if self.random.random() < 0.1:
            assertion = self._mangled(assertion.encode()).decode("latin-1")
        return FORM, self._encoded({**self.signer.form(assertion), "token": self._token()})

    def _legacy(self) -> tuple[str, bytes]:
        values = {"apiKey": self.shop.key.client_id, "secret": self.shop.text, "refreshToken": "x"}
        changed = self._changed(values, FIELDS)
        if self.random.random() < 0.5:
            return "application/json", json.dumps(changed).encode()
        return FORM, self._encoded(changed, change=False)

    def _part(self, members: dict[str, Any]) -> str:
        raw = json.dumps(members, ensure_ascii=self.random.random() < 0.9).encode(
            "utf-8", "surrogatepass"
        )
        if self.random.random() < 0.1:
            raw = raw.replace(
                b"}",
                self.random.choice([b',"alg":"none"}', b',"n":NaN}', b',"n":1e999}', b"}}", b""]),
                1,
            )
        return encoded(raw)

    def _changed(self, members: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        changed = dict(members)
        while self.random.random() < 0.4:
            name = self.random.choice(names)
            if self.random.random() < 0.3:
                changed.pop(name, None)
            else:
                changed[name] = self.random.choice(SCRAPS)
        return changed

    def _encoded(self, form: dict[str, Any], *, change: bool = True) -> bytes:
        changed = self._changed(form, FIELDS) if change else form
        pairs = [(name, str(value)) for name, value in changed.items()]
        if self.random.random() < 0.1 and pairs:
            pairs.append(self.random.choice(pairs))
        return urlencode(pairs, quote_via=quote_plus, errors="surrogatepass").encode()

    def _token(self) -> str:
        return self.random.choice(["x", "a.b.c", "e30.e30.e30", "x" * 5000])

    def _header(self, name: str) -> str:
        if name == "HTTP_AUTHORIZATION":
            pair = (
                f"{self.shop.key.client_id}:{self.random.choice([self.shop.text, 'x', '%zz', ''])}"
            )
            return self.random.choice(["Basic ", "basic ", "Bearer ", "Basic é", ""]) + (
                base64.b64encode(pair.encode()).decode()
            )
        if name == "REQUEST_METHOD":
            return self.random.choice(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post"])
        if name == "PATH_INFO":
            return self.random.choice(
                ["/t/", "/t/x/token", "/t/\xff/token", "/auth/", self.shop.path + "/"]
            )
        return self.random.choice(
            ["", "x", "-1", "1e9", "99999999999999", "text/plain", f"{FORM}; charset=utf-16"]
        )

    def _mangled(self, raw: bytes) -> bytes:
        at = self.random.randrange(len(raw) + 1)
        piece = self.random.choice(
            [b"", b"&", b"=", b"%", b"\xff", b"\0", b".", b"{", self.random.randbytes(4)]
        )
        return raw[:at] + piece + raw[at + self.random.randrange(6) :]


def answer(environ: dict[str, Any]) -> tuple[int, bytes]:
    said: list[str] = []
    body = b"".join(issuer(environ, lambda status, *_: said.append(status)))  # type: ignore[arg-type]
    return int(said[0][:3]), body


def fits(status: int, body: bytes) -> bool:
    """JSON with an error named, or the plain words of the legacy door."""
    if not body.startswith(b"{"):
        return status != 200 and body.isascii()
    found = json.loads(body)
    return status == 200 or {"error", "error_description", "error_uri"} <= found.keys()


def shown(environ: dict[str, Any]) -> str:
    body = environ["wsgi.input"].getvalue()
    return f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']!r} {body[:400]!r}"
