"""What a token is worth at this moment (RFC 7662), and its end before its time (RFC 7009)."""

from datetime import UTC, datetime
from typing import Final

from keys.issuer import usage
from keys.issuer.admission import admit
from keys.issuer.bearer import Verified
from keys.issuer.clients import Proven, stored
from keys.issuer.database import Statement, insert_once
from keys.issuer.refusals import InvalidGrant, InvalidRequest, InvalidToken
from keys.issuer.requests import Request, Shown

END: Final = Statement("""
    INSERT INTO keys_revokedtoken (jti, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING
""")
SAID: Final = (
    *("iss", "sub", "client_id", "aud", "scope", "iat", "exp", "jti"),
    *("environment", "proof"),
)


def introspect(request: Request, issuer_id: str) -> dict[str, object]:
    """For any live key of the environment. Whatever is wrong with the token: it is not active, and no more is said."""
    text, _, now = _asked(request, issuer_id)
    try:
        token = Verified.check(text, issuer_id, now)
        token.standing(issuer_id)
    except InvalidToken:
        return {"active": False}
    return {"active": True, "token_type": "Bearer"} | {name: token.claims[name] for name in SAID}


def revoke(request: Request, issuer_id: str) -> dict[str, object]:
    """One's own token alone. One that is none, or has ended, is what was wanted (RFC 7009, 2.2)."""
    text, client, now = _asked(request, issuer_id)
    try:
        token = Verified.check(text, issuer_id, now)
    except InvalidToken:
        return {}
    if token.client_id != client.client_id:
        raise InvalidGrant("This token was issued to another key, which alone may revoke it.")
    insert_once(END, (token.claims["jti"], stored(token.expires_at)))
    return {}


def _asked(request: Request, issuer_id: str) -> tuple[str, Proven, datetime]:
    """The token, and who asks; asking is use of their secret, so a rotation must see it."""
    text = request.form.get("token", "")
    if not text:
        raise InvalidRequest("token is missing. Send the access token in the form.")
    now = datetime.now(UTC)
    client = admit(issuer_id, Shown.by(request), request, now)
    usage.note(client, request, now)
    return text, client, now
