"""The body of a request, read whole and strictly: each parameter once, within limits."""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote_plus
from wsgiref.types import WSGIEnvironment

from keys.issuer.refusals import InvalidRequest, LengthRequired, TooLarge

BODY_LIMIT: Final = 16_384
FIELD_LIMIT: Final = 20
FORM_TYPE: Final = "application/x-www-form-urlencoded"
KNOWN_FIELDS: Final = frozenset(
    {
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "token",
        "token_type_hint",
    }
)
JSON_TYPE: Final = "application/json"

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523, 2.2
USUAL: Final = {quote(ASSERTION_TYPE): ASSERTION_TYPE}
"""The longest text that every signed request encodes, as clients encode it."""

type Body = Callable[[WSGIEnvironment], dict[str, str]]


def read_form(environ: WSGIEnvironment) -> dict[str, str]:
    if _type_of(environ) != FORM_TYPE:
        raise InvalidRequest(f"The body must be a form. Send Content-Type: {FORM_TYPE}.")
    return _fields(_read(environ))


def read_form_or_json(environ: WSGIEnvironment) -> dict[str, str]:
    """Of a JSON object the members that are texts: its other members are nobody's business here."""
    kind = _type_of(environ)
    if kind == FORM_TYPE:
        return _fields(_read(environ))
    if kind != JSON_TYPE:
        raise InvalidRequest(f"The body is a form or JSON. Send Content-Type: {JSON_TYPE}.")
    return _members(_read(environ))


def _read(environ: WSGIEnvironment) -> bytes:
    """The whole body, within its limit."""
    if environ.get("QUERY_STRING"):
        raise InvalidRequest(
            "Send everything in the body: this address takes no query. "
            "A secret that was sent in a query may stand in log files: rotate it."
        )
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise InvalidRequest("Send the body as it is, without Content-Encoding.")
    length = _length(environ.get("CONTENT_LENGTH"))
    body: bytes = environ["wsgi.input"].read(length)
    if len(body) != length:
        raise InvalidRequest("The body ended before its Content-Length.")
    return body


def _type_of(environ: WSGIEnvironment) -> str:
    """Empty for another charset than UTF-8."""
    kind, _, parameters = environ.get("CONTENT_TYPE", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    return kind.strip().lower() if charset in {"", "charset=utf-8"} else ""


def _length(given: str | None) -> int:
    if not given:
        raise LengthRequired(
            "Content-Length is missing. Send the body in one piece, with its length."
        )
    if not (given.isascii() and given.isdigit()) or len(given) > 12:
        raise InvalidRequest("Content-Length is not a sensible number.")
    if int(given) > BODY_LIMIT:
        raise TooLarge(f"The body is larger than {BODY_LIMIT} bytes.")
    return int(given)


def _fields(body: bytes) -> dict[str, str]:
    """Each parameter once. One sent without a value counts as omitted (RFC 6749, 3.2)."""
    try:
        pairs = _pairs(body.decode())
    except ValueError:
        raise InvalidRequest(
            f"The body is no form in UTF-8 with at most {FIELD_LIMIT} parameters."
        ) from None
    if len(dict(pairs)) != len(pairs):
        raise InvalidRequest(f"{_twice(pairs)} was sent more than once.")
    if b"\0" in body or b"%00" in body:
        raise InvalidRequest("A parameter holds a NUL character.")
    return {name: value for name, value in pairs if value}


def _twice(pairs: list[tuple[str, str]]) -> str:
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    return twice if twice in KNOWN_FIELDS else "A parameter"


def _members(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once)
        form = {name: value for name, value in found.items() if value and isinstance(value, str)}
        "".join(form.values()).encode()  # halves of characters have no bytes
    except (ValueError, AttributeError, RecursionError):
        raise InvalidRequest("The body is no JSON object with each member once.") from None
    if any("\0" in value for value in form.values()):
        raise InvalidRequest("A member holds a NUL character.")
    return form


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    """What parse_qsl makes of a form, without decoding what is not encoded: 6 % of a token's cost."""
    parts = text.split("&")
    if len(parts) > FIELD_LIMIT:
        raise ValueError
    pairs = [_halves(part) for part in parts if part]
    if "%" not in text and "+" not in text:
        return pairs
    return [(_decoded(name), _decoded(value)) for name, value in pairs]


def _halves(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name, value


def _decoded(text: str) -> str:
    return USUAL.get(text) or unquote_plus(text, errors="strict")
