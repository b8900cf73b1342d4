"""One query → who asks, proven by a secret; what is wrong with them is told only afterwards."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Self

from django.db import connection

from keys import fingerprint
from keys.issuer.database import Statement, fetch_all
from keys.issuer.refusals import InvalidClient, NotFound
from keys.issuer.requests import Asked

CLIENT_ID: Final = re.compile(r"ck_[a-z2-7]{20}")
NOT_RIGHT: Final = "client_id or client_secret is not right."

# Ended secrets stay out: a revoked secret is a wrong secret. The signing key comes along, so that
# a token costs one look-up.
WHO: Final = Statement("""
    SELECT e.id, e.organization_id, e.kind, e.audience, e.scopes,
           (SELECT g.kid FROM keys_signingkey g WHERE g.environment_id = e.id AND g.signs_from <= ?
            ORDER BY g.serial DESC LIMIT 1),
           k.id, k.scopes, k.disabled_at IS NOT NULL, k.deleted_at IS NOT NULL,
           s.id, s.public_id, s.pepper_id, s.mark, s.expires_at <= ?
    FROM environments_environment e
    LEFT JOIN keys_key k ON k.environment_id = e.id AND k.client_id = ? AND k.endpoint_id IS NULL
    LEFT JOIN keys_secret s ON s.key_id = k.id AND s.revoked_at IS NULL
    WHERE e.issuer_id = ?
""")


@dataclass(frozen=True, slots=True)
class Place:
    """An environment as its token service needs it."""

    id: int
    organization_id: int
    issuer_id: str
    kind: str
    audience: str
    kid: str | None
    """The key that signs now; None before the first token."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who has shown a right secret."""

    place: Place
    client_id: str
    scopes: tuple[str, ...]
    secret: int
    proof: str
    trouble: str
    """Why they get no token all the same; empty when they do."""

    @classmethod
    def by_secret(cls, issuer_id: str, asked: Asked, now: datetime) -> Self:
        # An id that is none is looked up like any other: the answer must not come sooner.
        client_id = asked.client_id if CLIENT_ID.fullmatch(asked.client_id) else ""
        moment = stored(now)
        rows = fetch_all(WHO, (moment, moment, client_id, issuer_id))
        if not rows:
            raise NotFound("There is no environment at this address.")
        marks = [(row[12], bytes(row[13])) for row in rows if row[10] is not None]
        place = fingerprint.recognise(asked.secret.reveal(), marks)
        if place is None:
            raise InvalidClient(
                NOT_RIGHT, reason="wrong secret" if rows[0][6] else "unknown client"
            )
        return cls._of(rows[place], issuer_id, client_id)

    @classmethod
    def _of(cls, row: tuple[Any, ...], issuer_id: str, client_id: str) -> Self:
        return cls(
            Place(row[0], row[1], issuer_id, row[2], row[3], row[5]),
            client_id,
            _granted(row[4], row[7]),
            secret=row[10],
            proof=row[11],
            trouble=_trouble(deleted=row[9], disabled=row[8], expired=row[14]),
        )


def stored(now: datetime) -> object:
    """A moment as the database compares it: SQLite holds text without a zone."""
    return now.replace(tzinfo=None).isoformat(" ") if connection.vendor == "sqlite" else now


def _trouble(*, deleted: object, disabled: object, expired: object) -> str:
    if deleted:
        return "deleted"
    if disabled:
        return "disabled"
    return "expired" if expired else ""


@lru_cache(maxsize=4096)
def _granted(offered: str, chosen: str | None) -> tuple[str, ...]:
    """The environment's scopes that the key has, both as the database keeps them: JSON."""
    scopes: list[str] = json.loads(offered)
    subset = None if chosen is None else json.loads(chosen)
    return tuple(scope for scope in scopes if subset is None or scope in subset)
