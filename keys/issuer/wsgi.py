"""The token service: a WSGI callable in front of Django's handler. No middleware, no session."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog

from keys.issuer import bearer, introspection, metadata, redox, throttle, tokens, usage
from keys.issuer.bodies import Body, read_form, read_form_or_json
from keys.issuer.database import steadily
from keys.issuer.refusals import Header, MethodNotAllowed, NotFound, NotProven, Refusal
from keys.issuer.requests import Request
from keys.issuer.turns import in_turn

ISSUER_PATHS: Final = (
    "/t/",
    "/.well-known/oauth-authorization-server/",
    "/v2/auth/token",
    "/auth/authenticate",
    "/auth/refreshToken",
)
PATHS: Final = re.compile(
    r"/t/(?P<id>[a-z2-7]{20})/(?P<what>token|introspect|revoke|jwks\.json|whoami|\.well-known/openid-configuration)"
    r"|/\.well-known/oauth-authorization-server/t/(?P<metadata>[a-z2-7]{20})"
    r"|(?P<door>/v2/auth/token|/auth/authenticate|/auth/refreshToken)"
)
NOT_KEPT: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
KEPT_A_WHILE: Final = (("Cache-Control", "public, max-age=300"),)

type Document = dict[str, object]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """What is at one address: the methods it takes and the verb behind it."""

    methods: tuple[str, ...]
    answer: Callable[[Request, str], Document]
    headers: tuple[Header, ...] = NOT_KEPT
    body: Body = read_form
    plain: bool = False
    """Its refusals are plain text."""


TOKEN: Final = Address(("POST",), tokens.grant)
INTROSPECT: Final = Address(("POST",), introspection.introspect)
REVOKE: Final = Address(("POST",), introspection.revoke)
WHOAMI: Final = Address(("GET", "HEAD"), bearer.whoami)
KEY_SET: Final = Address(
    ("GET", "HEAD"), lambda _, issuer_id: metadata.key_set(issuer_id), KEPT_A_WHILE
)
DISCOVERY: Final = Address(
    ("GET", "HEAD"), lambda _, issuer_id: metadata.discovery(issuer_id), KEPT_A_WHILE
)
DOORS: Final = {
    redox.ASSERTION_DOOR: Address(("POST",), redox.grant),
    "/auth/authenticate": Address(
        ("POST",), redox.authenticate, body=read_form_or_json, plain=True
    ),
    "/auth/refreshToken": Address(("POST",), redox.refresh, body=read_form_or_json, plain=True),
}
ADDRESSES: Final = {
    "token": TOKEN,
    "introspect": INTROSPECT,
    "revoke": REVOKE,
    "whoami": WHOAMI,
    "jwks.json": KEY_SET,
    ".well-known/openid-configuration": DISCOVERY,
}


def issuer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    usage.keep_flushing()
    kind = "application/json"
    try:
        status, body, headers = _answer(environ)
    except Refusal as refusal:
        _say(refusal, environ)
        kind = refusal.content_type
        status, body, headers = refusal.status, refusal.body(), NOT_KEPT + refusal.headers
    start_response(
        status,
        [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ],
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _answer(environ: WSGIEnvironment) -> tuple[str, bytes, tuple[Header, ...]]:
    address, issuer_id = _find(environ["PATH_INFO"])
    try:
        document = _ask(address, issuer_id, environ)
    except Refusal as refusal:
        refusal.plain = address.plain
        raise
    return "200 OK", json.dumps(document).encode(), address.headers


def _ask(address: Address, issuer_id: str, environ: WSGIEnvironment) -> Document:
    if environ["REQUEST_METHOD"] not in address.methods:
        raise MethodNotAllowed(", ".join(address.methods))
    request = Request.read(environ, address.body)
    try:
        with in_turn():
            return steadily(lambda: address.answer(request, issuer_id))
    except Refusal as refusal:
        _count(refusal, request)
        raise


def _count(refusal: Refusal, request: Request) -> None:
    """Our own tests are neither use nor tries: workers show ended secrets to see them refused."""
    now = datetime.now(UTC)
    if steadily(lambda: usage.comes_from_a_worker(request, now)):
        return
    usage.note_refusal(refusal, request.address, now)
    if isinstance(refusal, NotProven):
        throttle.failed(refusal.shown_id, request.address)


def _find(path: str) -> tuple[Address, str]:
    found = PATHS.fullmatch(path)
    if found is None:
        raise NotFound("There is nothing at this address.")
    if found["metadata"]:
        return DISCOVERY, found["metadata"]
    if found["door"]:
        return DOORS[found["door"]], ""
    return ADDRESSES[found["what"]], found["id"]


def _say(refusal: Refusal, environ: WSGIEnvironment) -> None:
    """The precise reason, for the operator alone. Nothing that a client sent, but the address."""
    log.info(
        "request_refused",
        code=refusal.code,
        reason=refusal.reason,
        client_id=refusal.client_id,
        path=environ["PATH_INFO"][:80],
    )
