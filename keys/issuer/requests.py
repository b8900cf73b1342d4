"""Form and header → what was asked. Whatever has another shape is refused here, by name.

The values are named tuples, here and in `clients.py`: frozen data classes take three times as long to make."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self
from urllib.parse import unquote_plus
from wsgiref.types import WSGIEnvironment

from django.conf import settings

from environments.addresses import believed_address
from keys.crypto import SecretText
from keys.issuer.assertion import BadAssertion, Claimed
from keys.issuer.bodies import ASSERTION_TYPE, Body, read_form
from keys.issuer.refusals import (
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
)

HEADER_LIMIT: Final = 4_096
SCOPE: Final = re.compile(
    r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*"
)  # RFC 6749, 3.3


class Request(NamedTuple):
    """One request, its body read whole; parts that nobody asked for are left behind."""

    method: str
    form: Mapping[str, str]
    authorization: str
    ticket: str
    address: str

    @classmethod
    def read(cls, environ: WSGIEnvironment, body: Body = read_form) -> Self:
        posted = environ["REQUEST_METHOD"] == "POST"
        return cls(
            method=environ["REQUEST_METHOD"],
            form=body(environ) if posted else {},
            authorization=_authorization(environ),
            ticket=environ.get("HTTP_LATCHKEY_TEST", ""),
            address=believed_address(
                environ.get("HTTP_X_FORWARDED_FOR", ""),
                environ.get("REMOTE_ADDR", ""),
                settings.LATCHKEY_PROXIES,
            ),
        )


class Shown(NamedTuple):
    """Who somebody says they are, and what they show for it; nothing of it is proven yet."""

    client_id: str
    proof: SecretText | Claimed

    @classmethod
    def by(cls, request: Request) -> Self:
        """By one method only: two could name two clients, and each reader would believe another."""
        form = request.form
        if "client_assertion" in form or "client_assertion_type" in form:
            return cls._signed(request)
        if request.authorization:
            client_id, secret = _from_header(request.authorization, form)
        else:
            client_id, secret = _from_form(form)
        return cls(client_id, SecretText(secret))

    @classmethod
    def _signed(cls, request: Request) -> Self:
        if request.authorization or "client_secret" in request.form:
            raise InvalidRequest("Credentials were sent twice: use the assertion alone.")
        try:
            claimed = Claimed.read(_assertion(request.form))
        except BadAssertion as error:
            raise InvalidClient(str(error), reason="assertion not read") from None
        if request.form.get("client_id", claimed.client_id) != claimed.client_id:
            raise InvalidRequest("client_id in the form differs from sub in client_assertion.")
        return cls(claimed.client_id, claimed)


class Asked(NamedTuple):
    """A well-formed request for a token, by somebody who is still unknown."""

    shown: Shown
    scope: tuple[str, ...] | None
    """None: all that the key has."""

    @classmethod
    def of(cls, request: Request) -> Self:
        form = request.form
        if not form.get("grant_type"):
            raise InvalidRequest("grant_type is missing. Send grant_type=client_credentials.")
        if form["grant_type"] != "client_credentials":
            raise UnsupportedGrantType("This endpoint knows one grant_type: client_credentials.")
        return cls(Shown.by(request), read_scope(form.get("scope")))


def _authorization(environ: WSGIEnvironment) -> str:
    given: str = environ.get("HTTP_AUTHORIZATION", "")
    if len(given) > HEADER_LIMIT:
        raise InvalidRequest(f"The Authorization header is larger than {HEADER_LIMIT} bytes.")
    return given


def _assertion(form: Mapping[str, str]) -> str:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequest(f"client_assertion_type is missing or another. Send {ASSERTION_TYPE}.")
    if not form.get("client_assertion"):
        raise InvalidRequest("client_assertion is missing. Send the signed JWT.")
    return form["client_assertion"]


def _from_form(form: Mapping[str, str]) -> tuple[str, str]:
    if not form.get("client_id") or not form.get("client_secret"):
        raise InvalidClient(
            "There is no proof of the client. Send client_id and client_secret, in a Basic "
            "Authorization header or in the form, or a signed client_assertion."
        )
    return form["client_id"], form["client_secret"]


def _from_header(header: str, form: Mapping[str, str]) -> tuple[str, str]:
    if "client_secret" in form:
        raise InvalidRequest(
            "Credentials were sent twice: use the Authorization header or the form, not both."
        )
    client_id, secret = _basic(header)
    if form.get("client_id", client_id) != client_id:
        raise InvalidRequest(
            "client_id in the form differs from the one in the Authorization header."
        )
    return client_id, secret


def _basic(header: str) -> tuple[str, str]:
    """RFC 6749, 2.3.1: both parts are form-encoded before they are joined."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient(
            "The Authorization header has another scheme. Send Basic with client_id and client_secret."
        )
    try:
        client_id, colon, secret = (
            base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        )
        pair = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        raise InvalidRequest(
            "The Basic header cannot be decoded: it is base64 of client_id:client_secret."
        ) from None
    if not colon or not all(pair) or any("\0" in part for part in pair):
        raise InvalidRequest("The Basic header does not hold client_id:client_secret.")
    return pair


def read_scope(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not SCOPE.fullmatch(given):
        raise InvalidScope("scope is a list of words with one space between them.")
    return tuple(dict.fromkeys(given.split()))
