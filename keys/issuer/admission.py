"""Who may act at an endpoint: proven, in order, and with an assertion that is meant for here, timely and not used before."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from keys.issuer import usage
from keys.issuer.assertion import BadAssertion, Claimed, Rules, Verified
from keys.issuer.clients import NO_LIMITS, Limits, Proven, issuer_url, stored
from keys.issuer.database import Statement, insert_once
from keys.issuer.refusals import InvalidClient, Refusal
from keys.issuer.requests import Request, Shown
from keys.issuer.throttle import keep_pace

SPEND: Final = Statement("""
    INSERT INTO keys_spentassertion (key_id, mark, kept_until) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING
""")
ENDED: Final = {
    False: "The secret is right, but it has expired. Rotate the key to get a new secret.",
    True: "The signature is right, but its public key has expired. Add another one to the key.",
}
TROUBLES: Final = {
    "deleted": "The proof is right, but this key was deleted. Create a new key.",
    "disabled": "The proof is right, but this key is disabled. An engineer or its team's lead can enable it.",
}

NO_RULES: Final = Rules(())
"""A secret has neither audience nor age."""


def admit(issuer_id: str, shown: Shown, request: Request, now: datetime) -> Proven:
    """At an endpoint of one environment: strict (RFC 7523, RFC 10070)."""
    client = Proven.by(issuer_id, shown, now)
    check(client, shown, _strict(client) if client.proof.signed else NO_RULES, request, now)
    return client


def _strict(client: Proven) -> Rules:
    issuer = issuer_url(client.place.issuer_id)
    return Rules((issuer, f"{issuer}/token") if client.takes_token_url else (issuer,))


def check(
    client: Proven, shown: Shown, rules: Rules, request: Request, now: datetime
) -> Verified | None:
    """Everything that is told only to who has proven to be the client."""
    try:
        # Our own tests come from a worker, and are not the use that is limited.
        own = client.limits is not NO_LIMITS and usage.is_own_test(client, request, now)
        limits = NO_LIMITS if own else client.limits
        _keep_out(limits, request)
        verified = _check(client, shown, rules, now)
        # Last: an old assertion that somebody found must not use up the pace of its client.
        if limits.tokens_a_minute:
            keep_pace(client.key, limits.tokens_a_minute)
    except Refusal as refusal:
        raise client.refused(refusal) from None
    return verified


def _keep_out(limits: Limits, request: Request) -> None:
    if not limits.let_in(request.address):
        raise InvalidClient(
            f"The proof is right, but this key may not be used from {request.address}. "
            "The addresses that may use it stand on its page.",
            reason="address",
        )


def _check(client: Proven, shown: Shown, rules: Rules, now: datetime) -> Verified | None:
    if client.trouble:
        ended = ENDED[client.proof.signed]
        raise InvalidClient(TROUBLES.get(client.trouble, ended), reason=client.trouble)
    if not isinstance(shown.proof, Claimed):
        return None
    try:
        verified = Verified.check(shown.proof, rules, now=int(now.timestamp()))
    except BadAssertion as error:
        raise InvalidClient(str(error), reason="assertion not fit") from None
    if verified.jti:
        _spend(client, verified)
    return verified


def _spend(client: Proven, verified: Verified) -> None:
    """Once per client, whichever door: the row is the only judge of a race.

    Should the line to the database break behind this very commit, the second try says replay; the next assertion works.
    """
    mark = sha256(verified.jti.encode()).digest()
    kept_until = datetime.fromtimestamp(verified.kept_until, UTC)
    if not insert_once(SPEND, (client.key, mark, stored(kept_until))):
        raise InvalidClient(
            "This assertion was used before. Make a new one, with a new jti, for each request.",
            reason="replay",
        )
