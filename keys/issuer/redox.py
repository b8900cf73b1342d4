"""The doors that clients of Redox knock at, unchanged; each key opens its own, where its environment has them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final, Self

from django.conf import settings

from keys.crypto import SecretText
from keys.issuer.admission import NO_RULES, check
from keys.issuer.assertion import Claimed, Rules
from keys.issuer.clients import CLIENT_ID, NOT_RIGHT, Proven
from keys.issuer.database import Statement, fetch_all
from keys.issuer.refusals import InvalidRequest, NotFound, NotProven, UnauthorizedClient
from keys.issuer.requests import Asked, Request, Shown, read_scope
from keys.issuer.tokens import LIFE, sold
from keys.issuer.turns import TURN
from keys.models import RefreshToken

ASSERTION_DOOR: Final = "/v2/auth/token"
REFRESH_LIFE: Final = timedelta(hours=24)
NOWHERE: Final = ""
INVALID: Final = "Invalid request"
"""The whole text of a refusal to a stranger at the legacy door."""

# An unknown client is looked for in some environment, where it is not: its refusal takes as long as any other.
DOORS: Final = Statement("""
    SELECT e.issuer_id, k.redox_door AND e.redox_doors, k.legacy_door AND e.redox_doors, 0 AS place
    FROM keys_key k JOIN environments_environment e ON e.id = k.environment_id
    WHERE k.client_id = ? AND k.endpoint_id IS NULL AND e.archived_at IS NULL
    UNION ALL
    SELECT * FROM (SELECT issuer_id, FALSE, FALSE, 1 FROM environments_environment
                   WHERE archived_at IS NULL LIMIT 1) AS anywhere
    ORDER BY place LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class Doors:
    """Which environment a client belongs to, as its requests do not say; and what is open to it."""

    issuer_id: str
    redox: bool
    legacy: bool

    @classmethod
    def of(cls, client_id: str) -> Self:
        rows = fetch_all(DOORS, (client_id if CLIENT_ID.fullmatch(client_id) else "",))
        return cls(rows[0][0], bool(rows[0][1]), bool(rows[0][2])) if rows else cls(NOWHERE, False, False)  # noqa: FBT003  # fmt: skip

    def proven(self, shown: Shown, now: datetime) -> Proven:
        """As much work for a client that there is not."""
        try:
            return Proven.by(self.issuer_id, shown, now)
        except NotFound:
            raise NotProven(NOT_RIGHT, shown.client_id, reason="unknown client") from None


def grant(request: Request, _: str) -> dict[str, object]:
    """POST /v2/auth/token: by signed assertion alone; exp, jti and aud may be missing, iat must be fresh."""
    asked = Asked.of(request)
    if not isinstance(asked.shown.proof, Claimed):
        raise InvalidRequest(
            "client_assertion is missing. Send the signed JWT: this address takes no secret."
        )
    now = datetime.now(UTC)
    doors = Doors.of(asked.shown.client_id)
    client = doors.proven(asked.shown, now)
    _require(doors.redox, "the Redox door", client)
    rules = Rules((f"{settings.LATCHKEY_BASE_URL}{ASSERTION_DOOR}",), strict=False)
    verified = check(client, asked.shown, rules, request, now)
    claimed = read_scope(verified.scope) if verified and verified.scope else None
    return sold(client, asked.scope or claimed, request, now)


def authenticate(request: Request, _: str) -> dict[str, object]:
    """POST /auth/authenticate: apiKey and secret."""
    secret = SecretText(_field(request, "secret"))
    return _legacy(
        request, lambda now, doors: doors.proven(Shown(_field(request, "apiKey"), secret), now)
    )


def refresh(request: Request, _: str) -> dict[str, object]:
    """POST /auth/refreshToken: apiKey and refreshToken, before the access token's end or after it."""
    shown = _field(request, "refreshToken")
    return _legacy(
        request, lambda now, doors: _refreshed(_field(request, "apiKey"), shown, doors, now)
    )


def _legacy(request: Request, prove: Callable[[datetime, Doors], Proven]) -> dict[str, object]:
    now = datetime.now(UTC)
    doors = Doors.of(_field(request, "apiKey"))
    try:
        client = prove(now, doors)
    except NotProven as refusal:
        told = NotProven(INVALID, refusal.shown_id, reason=refusal.reason)
        told.key = refusal.key
        raise told from None
    _require(doors.legacy, "the legacy door", client)
    check(client, Shown(client.client_id, SecretText("")), NO_RULES, request, now)
    bought = sold(client, None, request, now)
    text = token_urlsafe(32)
    with TURN.left():
        RefreshToken.objects.create(
            secret_id=client.proof.row, mark=_mark(text), expires_at=now + REFRESH_LIFE
        )
    ends = now + timedelta(seconds=LIFE)
    stamp = ends.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ends.microsecond // 1000:03d}Z"
    return {"accessToken": bought["access_token"], "expires": stamp, "refreshToken": text}


def _refreshed(client_id: str, text: str, doors: Doors, now: datetime) -> Proven:
    """Reusable until it ends, and dead with the secret that made it."""
    row = (
        RefreshToken.objects.filter(
            mark=_mark(text),
            expires_at__gt=now,
            secret__key__client_id=client_id,
            secret__revoked_at=None,
        )
        .values_list("secret_id", flat=True)
        .first()
    )
    client = Proven.holding(doors.issuer_id, client_id, row, now) if row is not None else None
    if client is None:
        raise NotProven(INVALID, client_id, reason="refresh token not known")
    return client


def _mark(text: str) -> bytes:
    return sha256(text.encode("utf-8", "replace")).digest()


def _require(is_open: bool, door: str, client: Proven) -> None:  # noqa: FBT001  # a fact, not a switch
    if not is_open:
        refusal = UnauthorizedClient(
            f"This key does not use {door}. It is switched on on the key's page, where the environment's policy allows it."
        )
        raise client.refused(refusal)


def _field(request: Request, name: str) -> str:
    if not request.form.get(name):
        raise InvalidRequest(f"{name} is missing.")
    return request.form[name]
