"""One query → who asks, proven by a secret or a signature; what is wrong with them is told only afterwards."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final, NamedTuple, Self

from django.conf import settings

from keys import fingerprint
from keys.crypto import SecretText
from keys.issuer.assertion import Claimed
from keys.issuer.database import Statement, fetch_all
from keys.issuer.refusals import NotFound, NotProven, Refusal
from keys.issuer.requests import Shown

ON_SQLITE: Final = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
CLIENT_ID: Final = re.compile(r"ck_[a-z2-7]{20}")
NOT_RIGHT: Final = "client_id and what was sent to prove it do not fit together."

type Network = IPv4Network | IPv6Network

_PLACE: Final = """
    SELECT e.id, e.organization_id, e.kind, e.audience, e.scopes,
           (SELECT g.kid FROM keys_signingkey g WHERE g.environment_id = e.id AND g.signs_from <= ?
            ORDER BY g.serial DESC LIMIT 1),
           k.id, k.scopes, k.disabled_at IS NOT NULL, k.deleted_at IS NOT NULL,
           p.id, p.public_id, p.expires_at <= ?, k.allowed_networks, k.tokens_a_minute,
"""
_KEY: Final = """
    FROM environments_environment e
    LEFT JOIN keys_key k ON k.environment_id = e.id AND k.client_id = ? AND k.endpoint_id IS NULL
"""
# Ended proofs stay out: a revoked secret is a wrong secret; and an archived environment is none. The signing key comes along, so that
# a token costs one look-up.
BY_SECRET: Final = Statement(
    _PLACE
    + "p.pepper_id, p.mark"
    + _KEY
    + """
    LEFT JOIN keys_secret p ON p.key_id = k.id AND p.revoked_at IS NULL
    WHERE e.issuer_id = ? AND e.archived_at IS NULL
"""
)
BY_SIGNATURE: Final = Statement(
    _PLACE
    + "p.algorithm, p.jwk, k.takes_token_url"
    + _KEY
    + """
    LEFT JOIN keys_publickey p ON p.key_id = k.id AND p.revoked_at IS NULL AND p.kid = ?
    WHERE e.issuer_id = ? AND e.archived_at IS NULL
"""
)

# Somebody who is known here, for refusals.
EXAMPLE: Final = Statement("""
    SELECT k.client_id FROM keys_key k JOIN keys_secret p ON p.key_id = k.id AND p.revoked_at IS NULL
    WHERE k.environment_id = ? AND k.endpoint_id IS NULL LIMIT 1
""")


class Place(NamedTuple):
    """An environment as its token service needs it."""

    id: int
    organization_id: int
    issuer_id: str
    kind: str
    audience: str
    kid: str | None
    """The key that signs now; None before the first token."""


class Limits(NamedTuple):
    """From where a key may be used, and how often; nothing and None: no limit."""

    networks: tuple[Network, ...]
    tokens_a_minute: int | None

    def let_in(self, address: str) -> bool:
        if not self.networks:
            return True
        try:
            came_from = ip_address(address)
        except ValueError:
            return False
        came_from = getattr(came_from, "ipv4_mapped", None) or came_from
        return any(came_from in network for network in self.networks)


NO_LIMITS: Final = Limits((), None)


class Proof(NamedTuple):
    """What proved the client: the row of a secret or of a public key."""

    row: int
    public_id: str
    signed: bool


class Proven(NamedTuple):
    """Who has shown a right secret or a valid signature."""

    place: Place
    key: int
    client_id: str
    scopes: tuple[str, ...]
    proof: Proof
    trouble: str
    """Why they get no token all the same; empty when they do."""
    takes_token_url: bool = False
    limits: Limits = NO_LIMITS

    @classmethod
    def by(cls, issuer_id: str, shown: Shown, now: datetime) -> Self:
        # An id that is none is looked up like any other: the answer must not come sooner.
        client_id = shown.client_id if CLIENT_ID.fullmatch(shown.client_id) else ""
        if isinstance(shown.proof, Claimed):
            row = _by_signature(issuer_id, client_id, shown.proof, now)
        else:
            row = _by_secret(issuer_id, client_id, shown.proof, now)
        return cls._of(row, issuer_id, client_id, signed=isinstance(shown.proof, Claimed))

    def refused(self, refusal: Refusal) -> Refusal:
        """The same, told and counted as theirs."""
        refusal.client_id, refusal.key = self.client_id, self.key
        refusal.proof = self.proof.public_id
        return refusal

    @classmethod
    def holding(cls, issuer_id: str, client_id: str, secret: int, now: datetime) -> Self | None:
        """The client of a secret that was shown before; None where it has ended since."""
        moment = stored(now)
        rows = fetch_all(BY_SECRET, (moment, moment, client_id, issuer_id))
        row = next((row for row in rows if row[10] == secret), None)
        return None if row is None else cls._of(row, issuer_id, client_id, signed=False)

    @classmethod
    def _of(cls, row: tuple[Any, ...], issuer_id: str, client_id: str, *, signed: bool) -> Self:
        return cls(
            Place(row[0], row[1], issuer_id, row[2], row[3], row[5]),
            row[6],
            client_id,
            _granted(row[4], row[7]),
            Proof(row[10], row[11], signed),
            trouble=_trouble(deleted=row[9], disabled=row[8], expired=row[12]),
            takes_token_url=signed and bool(row[17]),
            limits=NO_LIMITS if row[13] is row[14] is None else Limits(_networks(row[13]), row[14]),
        )


def _by_secret(
    issuer_id: str, client_id: str, secret: SecretText, now: datetime
) -> tuple[Any, ...]:
    moment = stored(now)
    asked = [moment, moment, client_id, issuer_id]
    rows = fetch_all(BY_SECRET, asked)
    marks = [(row[15], bytes(row[16])) for row in rows if row[10] is not None]
    place = fingerprint.recognise(secret.reveal(), marks)
    if place is None:
        _look_up_the_other_kind(BY_SECRET, asked, rows)
        raise _not_right(rows, client_id, "wrong secret")
    return rows[place]


def _by_signature(
    issuer_id: str, client_id: str, claimed: Claimed, now: datetime
) -> tuple[Any, ...]:
    moment = stored(now)
    asked = [moment, moment, client_id, claimed.kid, issuer_id]
    rows = fetch_all(BY_SIGNATURE, asked)
    algorithm, public_jwk = (rows[0][15], rows[0][16]) if rows else ("", None)
    if not claimed.is_signed_by(public_jwk, algorithm):
        _look_up_the_other_kind(BY_SIGNATURE, asked, rows)
        reason = "unknown kid" if public_jwk is None else "bad signature"
        raise _not_right(rows, client_id, reason)
    return rows[0]


def _look_up_the_other_kind(
    statement: Statement, asked: list[object], rows: Sequence[tuple[Any, ...]]
) -> None:
    """To find somebody takes longer than to find nobody, so each refusal does both, and its time tells neither."""
    if rows:
        example = fetch_all(EXAMPLE, (rows[0][0],))
        found = rows[0][6] is not None
        asked[2] = "" if found or not example else example[0][0]
        fetch_all(statement, asked)


def _not_right(rows: Sequence[tuple[Any, ...]], client_id: str, reason: str) -> Refusal:
    """One answer for all of them; the log alone tells them apart."""
    if not rows:
        return NotFound("There is no environment at this address.")
    key = rows[0][6]
    refusal = NotProven(NOT_RIGHT, client_id, reason=reason if key else "unknown client")
    refusal.key = key
    return refusal


@lru_cache(maxsize=1024)
def _networks(stored: str | None) -> tuple[Network, ...]:
    """As the database keeps them: JSON."""
    return tuple(ip_network(each) for each in json.loads(stored)) if stored else ()


def issuer_url(issuer_id: str) -> str:
    return f"{settings.LATCHKEY_BASE_URL}/t/{issuer_id}"


def stored(now: datetime) -> object:
    """A moment as the database compares it: SQLite holds text without a zone."""
    return now.replace(tzinfo=None).isoformat(" ") if ON_SQLITE else now


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
