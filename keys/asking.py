"""How each method asks a token endpoint for a token. Knows no database and sends nothing."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keys.answers import Asked
from keys.crypto import SecretText
from keys.private_keys import parts_of, sign_assertion
from keys.scrubbing import basic

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a token is asked for, how, and what it should be."""

    url: str
    client_id: str
    method: str = "client_secret_basic"
    asked: Asked = field(default_factory=Asked)
    algorithm: str = ""
    audience: str = ""
    """Of the assertion; empty: the URL."""
    kid: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What goes over the wire; `hidden` is all of it, and behind it, that nobody may read back."""

    body: Mapping[str, str]
    headers: Mapping[str, str]
    hidden: Sequence[SecretText]
    as_json: bool = False


def request_for(target: Target, secret: SecretText, ticket: str = "") -> Request:
    """`ticket` tells our own token service that this is a test and no use."""
    headers = {"Latchkey-Test": ticket} if ticket else {}
    if target.method == "redox_legacy":
        body = {"apiKey": target.client_id, "secret": secret.reveal()}
        return Request(body, headers, [secret], as_json=True)
    form = {"grant_type": "client_credentials"}
    if target.asked.scope:
        form["scope"] = target.asked.scope
    if target.method == "signed_elsewhere":
        return _presigned(secret, form, headers)
    if target.method == "private_key_jwt":
        return _signed(target, secret, form, headers)
    if target.method == "client_secret_post":
        form |= {"client_id": target.client_id, "client_secret": secret.reveal()}
    else:
        headers["Authorization"] = f"Basic {basic(target.client_id, secret.reveal())}"
    return Request(form, headers, [secret])


def _presigned(
    assertion: SecretText, form: Mapping[str, str], headers: Mapping[str, str]
) -> Request:
    """The assertion itself is what was given: its private key never was here."""
    text = assertion.reveal()
    sent = {"client_assertion_type": ASSERTION, "client_assertion": text}
    return Request({**form, **sent}, headers, [assertion, SecretText(text.rpartition(".")[2])])


def _signed(
    target: Target, private: SecretText, form: Mapping[str, str], headers: Mapping[str, str]
) -> Request:
    assertion = sign_assertion(
        private,
        target.algorithm,
        target.kid,
        client_id=target.client_id,
        audience=target.audience or target.url,
        now=int(time.time()),
    )
    text = assertion.reveal()
    sent = {"client_assertion_type": ASSERTION, "client_assertion": text}
    # An assertion buys a token until it is used or over; its signature is what it is worth.
    hidden = [assertion, SecretText(text.rpartition(".")[2]), private]
    hidden += [SecretText(part) for part in parts_of(private)]
    return Request({**form, **sent}, headers, hidden)
