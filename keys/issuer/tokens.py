"""Mint: a proven client → a token of five minutes, or the cause why not."""

import json
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from keys.issuer import usage
from keys.issuer.admission import admit
from keys.issuer.clients import Proven, issuer_url
from keys.issuer.refusals import InvalidScope
from keys.issuer.requests import Asked, Request
from keys.issuer.signing import base64url, signer_of

LIFE: Final = 300
JTI_BYTES: Final = 18  # a multiple of three: each of many encodes to a whole number of characters
JTIS_AT_ONCE: Final = 256

_jtis: list[str] = []


def grant(request: Request, issuer_id: str) -> dict[str, object]:
    """The body of the answer (RFC 6749, 5.1)."""
    asked = Asked.of(request)
    now = datetime.now(UTC)
    client = admit(issuer_id, asked.shown, request, now)
    return sold(client, asked.scope, request, now)


def sold(
    client: Proven, scopes: tuple[str, ...] | None, request: Request, now: datetime
) -> dict[str, object]:
    """A token for a client that has been admitted, and a note of its use."""
    scope = _scope(client, scopes)
    token = signer_of(client.place).sign(_claims(client, scope, now))
    usage.note(client, request, now)
    return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE, "scope": scope}


def _scope(client: Proven, asked: tuple[str, ...] | None) -> str:
    beyond = [scope for scope in asked or () if scope not in client.scopes]
    if beyond:
        has = " ".join(client.scopes) or "none"
        refusal = InvalidScope(
            f"This key does not have the scope {beyond[0]}. It has: {has}.", reason="scope"
        )
        raise client.refused(refusal)
    return " ".join(client.scopes if asked is None else asked)


def _claims(client: Proven, scope: str, now: datetime) -> str:
    """RFC 9068, without anything about a person."""
    place, at = client.place, int(now.timestamp())
    issuer = issuer_url(place.issuer_id)
    constant = _constant_claims(
        issuer,
        place.audience or issuer,
        place.kind,
        client.client_id,
        client.proof.public_id,
        scope,
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
    """Drawn in bulk: each reading of the system's random numbers lets the interpreter go. 3 % of a token."""
    try:
        return _jtis.pop()
    except IndexError:
        many = base64url(secrets.token_bytes(JTI_BYTES * JTIS_AT_ONCE)).decode()
        length = len(many) // JTIS_AT_ONCE
        _jtis.extend(many[at : at + length] for at in range(length, len(many), length))
        return many[:length]
