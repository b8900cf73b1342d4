"""Run a test: claim the row, open the secret, fetch a token, keep what was found."""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from hashlib import sha256

import structlog
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone

from environments.course import Stage
from keys.answers import Asked
from keys.asking import Target
from keys.crypto import CannotOpen
from keys.models import CredentialTest, Key, Rotation, Secret, TokenEndpoint
from keys.opening import open_credential
from keys.outcomes import Outcome
from keys.probe import Finding, fetch_token
from keys.upkeep import hosts
from keys.upkeep.findings import keep
from keys.upkeep.turns import my_turn

log = structlog.get_logger(__name__)


def run_credential_test(test_id: int) -> int | None:
    """Claim the row, fetch a token, keep what was found. Called twice or late, it does nothing.

    The id of the rotation that this brings on, if one is open.
    """
    ticket = secrets.token_urlsafe(32)
    ticket_hash = sha256(ticket.encode()).hexdigest()
    with my_turn():
        test = hosts.claim(test_id, timezone.now(), worker=this_worker(), ticket_hash=ticket_hash)
    if test is None:
        return None
    finding = look(test, ticket)
    with my_turn():
        keep(test, finding)
        hosts.heed(test, finding, timezone.now())
    return Rotation.objects.open().filter(key=test.key_id).values_list("pk", flat=True).first()


def this_worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:80]


def look(test: CredentialTest, ticket: str) -> Finding:
    """The one place where a stored secret is opened; it leaves this call only over the wire."""
    secret = test.secret
    if secret.sealed is None:
        return Finding(Outcome.ENDED)
    try:
        text = open_credential(bytes(secret.sealed), secret.context)
    except CannotOpen:
        return Finding(Outcome.CANNOT_OPEN)
    tell = _teller(test) if test.interactive else None
    if secret.endpoint is not None:
        return fetch_token(outside_target(secret, secret.endpoint), text, tell=tell)
    return fetch_token(built_in_target(secret.key), text, ticket=ticket, tell=tell)


def outside_target(secret: Secret, endpoint: TokenEndpoint) -> Target:
    """Where this very secret was entered for, whatever its key points to by now; the box opens for nowhere else."""
    signed = endpoint.method == TokenEndpoint.Method.PRIVATE_KEY_JWT
    legacy = endpoint.method == TokenEndpoint.Method.REDOX_LEGACY
    return Target(
        endpoint.url,
        secret.key.outside_id,
        endpoint.method,
        Asked(scope=endpoint.scope, signed=signed, legacy=legacy),
        algorithm=endpoint.algorithm,
        audience=endpoint.audience,
        kid=secret.kid,
    )


def built_in_target(key: Key) -> Target:
    """The environment's own token service, over HTTP like anybody else."""
    path = f"/t/{key.environment.issuer_id}"
    issuer = settings.LATCHKEY_BASE_URL + path
    audience = key.environment.audience or issuer
    url = f"{settings.LATCHKEY_INTERNAL_URL.rstrip('/')}{path}/token"
    return Target(url, key.client_id, asked=Asked(issuer, audience, built_in=True))


def _teller(test: CredentialTest) -> Callable[[Sequence[Stage]], None]:
    """Somebody watches, so each stage is written as it begins; a busy database costs the view, not the test."""
    row = CredentialTest.objects.filter(pk=test.pk, fence=test.fence, finished_at=None)

    def tell(stages: Sequence[Stage]) -> None:
        try:
            row.update(stages=[stage.row() for stage in stages])
        except OperationalError:
            log.warning("progress not written", test=test.pk)

    return tell
