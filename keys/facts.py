"""The facts of a rotation as its rows tell them. Nothing is written here: pages read them too."""

from datetime import datetime

from django.db.models import QuerySet

from keys.models import CredentialTest, Rotation, Secret
from keys.outcomes import Outcome
from keys.rotation import Facts, wait_after

DEAD = frozenset({Outcome.REFUSED, Outcome.REVOKED, Outcome.EXPIRED, Outcome.KEY_UNKNOWN})
"""The method's own refusals. 429, 5xx and network faults prove nothing."""
LOOKED_BACK = 25


def facts_of(rotation: Rotation) -> Facts:
    old, new, key = rotation.old, rotation.new, rotation.key
    last_proof = proofs(new).values_list("finished_at", flat=True).last() if new else None
    attempt, last = _attempts(rotation)
    return Facts(
        asked_at=rotation.asked_at,
        grace=rotation.grace,
        imported=key.imported,
        key_deleted=key.deleted_at is not None,
        has_old=old is not None,
        old_ended_at=_end(old),
        old_erased=old is not None and old.sealed is None,
        old_last_used_at=old.last_used_at if old else None,
        made_at=new.created_at if new else None,
        collected_at=new.collected_at if new else None,
        new_ended_at=_end(new),
        proven_at=rotation.proven_at,
        last_proof_at=last_proof,
        ends_at=rotation.ends_at,
        held_until=rotation.held_until,
        pressed_at=rotation.pressed_at,
        retired_at=rotation.retired_at,
        refused_at=rotation.refused_at,
        accepted_at=rotation.accepted_by.finished_at if rotation.accepted_by else None,
        testing=rotation.tests.unfinished().exists(),
        attempt=attempt,
        retry_at=last + wait_after(attempt) if attempt and last else None,
    )


def proofs(new: Secret) -> QuerySet[CredentialTest]:
    return new.tests.filter(outcome=Outcome.WORKS).order_by("finished_at")


def _end(secret: Secret | None) -> datetime | None:
    ends = (secret.revoked_at, secret.expires_at) if secret else ()
    return min((end for end in ends if end), default=None)


def _attempts(rotation: Rotation) -> tuple[int, datetime | None]:
    """How many tests in a row did not bring it on, and when the last one ended."""
    done = rotation.tests.finished().order_by("-finished_at", "-pk")[:LOOKED_BACK]
    count, last = 0, None
    for test in done:
        brought_on = test.result is Outcome.WORKS
        if test.reason == CredentialTest.Reason.DEATH:
            brought_on = test.result in DEAD
        if brought_on:
            break
        count, last = count + 1, last or test.finished_at
    return count, last
