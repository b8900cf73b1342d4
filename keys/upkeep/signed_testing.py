"""Try an assertion that a person had signed: claim the row, send it once, keep what was found and erase it."""

import secrets
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from keys.crypto import CannotOpen
from keys.models import PublicKey, SignedTest
from keys.opening import open_credential
from keys.outcomes import Fault, Outcome
from keys.probe import Finding, fetch_token
from keys.signed_outcomes import SignedOutcome
from keys.upkeep.testing import built_in_target
from keys.upkeep.turns import my_turn

# How our own token service begins what it says of a signature, or of a key behind a right one.
_OTHER_KEY = "client_id and what was sent"
_NO_TOKEN = ("The proof is right", "The signature is right")


def run(test_id: int) -> None:
    """Called twice or late, it does nothing."""
    ticket = secrets.token_urlsafe(32)
    with my_turn():
        mark = sha256(ticket.encode()).hexdigest()
        test = SignedTest.objects.claim(test_id, timezone.now(), mark)
    if test is None:
        return
    finding = _look(test, ticket)
    with my_turn():
        keep(test, judged(finding), finding)


def _look(test: SignedTest, ticket: str) -> Finding:
    try:
        assertion = open_credential(bytes(test.sealed or b""), test.context)
    except CannotOpen:
        return Finding(Outcome.CANNOT_OPEN)
    target = replace(built_in_target(test.key), method="signed_elsewhere")
    return fetch_token(target, assertion, ticket=ticket)


def judged(finding: Finding) -> SignedOutcome:
    """What the answer says about the signature."""
    outcome = finding.outcome
    if outcome is Outcome.WORKS:
        return SignedOutcome.PROVEN
    if finding.said.startswith(_NO_TOKEN):
        return SignedOutcome.NO_TOKEN
    if finding.said.startswith(_OTHER_KEY):
        return SignedOutcome.OTHER_KEY
    refused = outcome.fault is Fault.CREDENTIAL or outcome is Outcome.INVALID_REQUEST
    return SignedOutcome.NOT_FIT if refused else SignedOutcome.NOT_JUDGED


@transaction.atomic
def keep(test: SignedTest, outcome: SignedOutcome, finding: Finding | None = None) -> bool:
    """Write it if the lease is still this worker's; the assertion is erased whatever came of it."""
    now = timezone.now()
    found = finding or Finding(Outcome.GAVE_UP)
    row = SignedTest.objects.filter(pk=test.pk, fence=test.fence, finished_at=None)
    held = row.update(
        finished_at=now,
        ticket_hash="",
        sealed=None,
        outcome=outcome,
        stages=[stage.row() for stage in found.stages],
        http_status=found.http_status,
        said=found.said or (found.outcome.label if outcome is SignedOutcome.NOT_JUDGED else ""),
    )
    if held and outcome in {SignedOutcome.PROVEN, SignedOutcome.NO_TOKEN}:
        PublicKey.objects.filter(pk=test.public_key_id).update(proven_at=now)
    return bool(held)


def sweep(now: datetime, limit: int = 50) -> list[int]:
    """Those whose message was lost; what a dead worker had begun is given up."""
    for test in SignedTest.objects.lost(now)[:limit]:
        keep(test, SignedOutcome.GAVE_UP)
    waiting = SignedTest.objects.unmet(now).order_by("asked_at")
    return list(waiting.values_list("pk", flat=True)[:limit])
