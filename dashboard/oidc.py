"""Talking to an OpenID Connect provider, through the one door to the network."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from environments.course import Reply
from environments.faults import Forbidden, Unreachable
from environments.outbound import get, post_form
from environments.outside import BadPlace, check_place
from keys.crypto import SecretText

WELL_KNOWN: Final = "/.well-known/openid-configuration"


class ProviderFault(Exception):
    """What is wrong at the provider, for people; nothing that it sent is quoted."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    takes_basic: bool


@dataclass(frozen=True, slots=True, repr=False)
class Client:
    client_id: str
    secret: SecretText


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """One sign-in that has been begun: what the provider must bring back."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    fresh: bool = False

    @property
    def challenge(self) -> str:
        """RFC 7636."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def discover(issuer: str) -> Discovery:
    said = _json(_visit(issuer.rstrip("/") + WELL_KNOWN))
    if said.get("issuer") != issuer:
        raise ProviderFault(
            "The provider calls itself by another issuer than the one entered here."
        )
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(methods, list):
        raise ProviderFault("token_endpoint_auth_methods_supported of the provider is no list.")
    return Discovery(
        issuer,
        _place(said, "authorization_endpoint"),
        _place(said, "token_endpoint"),
        _place(said, "jwks_uri"),
        "client_secret_basic" in methods,
    )


def sign_in_address(found: Discovery, client: Client, asked: Asked) -> str:
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": asked.redirect_uri,
        "scope": "openid profile email",
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
        **({"prompt": "login", "max_age": "0"} if asked.fresh else {}),
    }
    joint = "&" if "?" in found.authorization_endpoint else "?"
    return f"{found.authorization_endpoint}{joint}{urlencode(query)}"


def redeem(found: Discovery, client: Client, asked: Asked, code: str) -> str:
    """The code for an ID token, as text that nobody has checked. The access token is not kept."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked.redirect_uri,
        "code_verifier": asked.verifier,
    }
    headers = {}
    if found.takes_basic:  # RFC 6749, 2.3.1
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret.reveal(), safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": client.client_id, "client_secret": client.secret.reveal()}
    try:
        reply = post_form(found.token_endpoint, form, headers=headers)
    except (Unreachable, Forbidden) as error:
        raise ProviderFault("The provider's token endpoint could not be reached.") from error
    token = _json(reply).get("id_token")
    if not isinstance(token, str):
        raise ProviderFault("The provider gave no ID token.")
    return token


def fetch_keys(found: Discovery) -> str:
    reply = _visit(found.jwks_uri)
    _json(reply)
    return reply.body.decode()


def _visit(url: str) -> Reply:
    try:
        return get(url)
    except (Unreachable, Forbidden) as error:
        raise ProviderFault("The provider could not be reached.") from error


def _json(reply: Reply) -> Mapping[str, Any]:
    if reply.status != 200:
        raise ProviderFault(f"The provider answered {reply.status}.")
    try:
        said = json.loads(reply.body.decode())
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ProviderFault("The provider's answer is no JSON object.")
    return said


def _place(said: Mapping[str, Any], name: str) -> str:
    """An address that the one door might go to; the browser is sent to no other either."""
    url = said.get(name)
    try:
        check_place(url if isinstance(url, str) else "")
    except BadPlace as bad:
        raise ProviderFault(f"{name} of the provider: {bad}") from None
    return str(url)
