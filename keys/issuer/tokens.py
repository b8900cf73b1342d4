"""Mint: a right secret → a token of five minutes, or the cause why not."""

import json
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from django.conf import settings

from keys.issuer import usage
from keys.issuer.clients import Proven
from keys.issuer.refusals import InvalidClient, InvalidScope, Refusal
from keys.issuer.requests import Asked, Request
from keys.issuer.signing import signer_of

LIFE: Final = 300
JTIS_AT_ONCE: Final = 256

_jtis: list[str] = []

TROUBLES: Final = {
    "deleted": "The secret is right, but this key was deleted. Create a new key.",
    "disabled": "The secret is right, but this key is disabled. An engineer or its team's lead can enable it.",
    "expired": "The secret is right, but it has expired. Rotate the key to get a new secret.",
}


def grant(request: Request, issuer_id: str) -> dict[str, object]:
    """The body of the answer (RFC 6749, 5.1)."""
    asked = Asked.of(request)
    now = datetime.now(UTC)
    client = Proven.by_secret(issuer_id, asked, now)
    try:
        scope = _scope(client, asked)
    except Refusal as refusal:
        refusal.client_id = client.client_id
        raise
    token = signer_of(client.place).sign(_claims(client, scope, now))
    usage.note(client, request, now)
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE, "scope": scope}


def issuer_url(issuer_id: str) -> str:
    return f"{settings.LATCHKEY_BASE_URL}/t/{issuer_id}"


def _scope(client: Proven, asked: Asked) -> str:
    """What the token may do, if this client gets one at all."""
    if client.trouble:
        raise InvalidClient(TROUBLES[client.trouble], reason=client.trouble)
    beyond = [scope for scope in asked.scope or () if scope not in client.scopes]
    if beyond:
        has = " ".join(client.scopes) or "none"
        raise InvalidScope(
            f"This key does not have the scope {beyond[0]}. It has: {has}.", reason="scope"
        )
    return " ".join(client.scopes if asked.scope is None else asked.scope)


def _claims(client: Proven, scope: str, now: datetime) -> str:
    """RFC 9068, without anything about a person."""
    place, at = client.place, int(now.timestamp())
    issuer = issuer_url(place.issuer_id)
    constant = _constant_claims(
        issuer, place.audience or issuer, place.kind, client.client_id, client.proof, scope
    )
    return f'{constant},"iat":{at},"exp":{at + LIFE},"jti":"{_jti()}"}}'


# Text made of nothing but these arguments, which the query has just read: it keeps no key alive. 4 % of a token.
@lru_cache(maxsize=4096)
def _constant_claims(
    issuer: str, audience: str, kind: str, client_id: str, proof: str, scope: str
) -> str:
    """The claims that are the same in all tokens of one proof: JSON that is still open at its end."""
    claims = {
        "iss": issuer,
        "sub": client_id,
        "client_id": client_id,
        "aud": audience,
        "scope": scope,
        "environment": kind,
        "proof": proof,
    }
    return json.dumps(claims, separators=(",", ":")).removesuffix("}")


def _jti() -> str:
    """Bought in bulk: each reading of the system's random numbers lets the interpreter go. 3 % of a token."""
    try:
        return _jtis.pop()
    except IndexError:
        _jtis.extend(secrets.token_urlsafe(16) for _ in range(JTIS_AT_ONCE))
        return secrets.token_urlsafe(16)
