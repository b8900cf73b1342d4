"""What the screens say about a key's state, worked out from its dates and its last test. Nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keys.facts import DEAD
from keys.models import CredentialTest, Key, PublicKey, Rotation, Secret
from keys.outcomes import Fault, Outcome
from keys.progress.states import in_short


@dataclass(frozen=True, slots=True)
class Health:
    """One word with its tone, and since when."""

    tone: str
    word: str
    detail: str = ""
    since: datetime | None = None


def newest_first(key: Key) -> list[Secret]:
    return sorted(key.secrets.all(), key=lambda each: (each.created_at, each.pk), reverse=True)


def newest(key: Key) -> Secret | None:
    """The secret whose date a key shows: its newest that nobody revoked."""
    return next((each for each in newest_first(key) if not each.revoked_at), None)


def unended(key: Key, now: datetime) -> list[Secret]:
    return [each for each in newest_first(key) if not each.ended_by(now)]


def shown_proof(key: Key) -> Secret | PublicKey | None:
    """The proof whose date a key shows: its newest secret, or where none is left its newest public key."""
    return newest(key) or next((each for each in public_keys(key) if not each.revoked_at), None)


def public_keys(key: Key) -> list[PublicKey]:
    return sorted(key.public_keys.all(), key=lambda each: (each.created_at, each.pk), reverse=True)


def signs_alone(key: Key) -> bool:
    """Whether it is proven by signature only, so that no worker can test it: no secret was made, or none is left."""
    if key.imported or newest(key) is not None or running(key) is not None:
        return False
    return bool(public_keys(key)) or not newest_first(key)


def running(key: Key) -> Rotation | None:
    """The rotation that is open; lists and pages fetch it with their rows."""
    if hasattr(key, "listed"):
        joined: Rotation | None = getattr(key, "listed_rotation", None)
        return joined
    listed: list[Rotation] | None = getattr(key, "running", None)
    found = key.rotations.open()[:1] if listed is None else listed
    return next(iter(found), None)


def health(key: Key, now: datetime) -> Health:
    """An end or a pause first, then a failure, then a rotation, then what the last test found."""
    if key.deleted_at:
        return Health("idle", "Deleted", since=key.deleted_at)
    if key.disabled_at:
        return Health("idle", "Disabled", since=key.disabled_at)
    return _unpaused(key, now)


def _unpaused(key: Key, now: datetime) -> Health:
    if signs_alone(key):
        return _signed(key, now)
    shown, rotation = newest(key), running(key)
    if shown is None:
        said = in_short(rotation, now).words if rotation else "every secret was revoked"
        return Health("bad", "No secret", said)
    if shown.ended_by(now):
        return Health("bad", "Expired", since=shown.expires_at)
    return _tested(key, shown, rotation, now)


def _signed(key: Key, now: datetime) -> Health:
    """Nothing here is tested: what is known is whether a client was given a token."""
    held = [each for each in public_keys(key) if not each.revoked_at]
    if not held:
        awaited = getattr(key, "key_set", None) is not None
        said = "its key set has brought none" if awaited else "it cannot be used yet"
        return Health("bad", "No public key", said)
    if all(each.ended_by(now) for each in held):
        return Health("bad", "Expired", since=held[0].expires_at)
    used = last_used(key)
    if used is None:
        return Health("idle", "Not used yet", "only its client can test it")
    return Health("idle", "Used", "", used)


def _tested(key: Key, shown: Secret, rotation: Rotation | None, now: datetime) -> Health:
    outcome = Outcome(key.last_outcome) if key.last_outcome else None
    if key.failing_since:
        return Health("bad", "Failing", outcome.label if outcome else "", key.failing_since)
    if rotation:
        short = in_short(rotation, now)
        return Health(
            short.tone, "Rotating", short.words, None if short.tone == "run" else short.at
        )
    if shown.collected_at is None:
        return Health("warn", "Secret not collected")
    return _judged(key, outcome, now)


def _judged(key: Key, outcome: Outcome | None, now: datetime) -> Health:
    if key.last_tested_at is None or outcome is None:
        return Health("idle", "Untested")
    if key.short_since:
        return Health("warn", "Lacks scope", "some calls are refused", key.short_since)
    if outcome is not Outcome.WORKS:
        return Health("warn", "Not judged", outcome.label, key.last_tested_at)
    if now - key.last_tested_at > 2 * key.environment.test_interval:
        return Health("idle", "Worked", "not tested lately", key.last_tested_at)
    return Health("ok", "Working", since=key.last_tested_at)


def tones(tests: Sequence[CredentialTest]) -> list[str]:
    """For the row of ticks, oldest first."""
    return [_tone(test) for test in reversed(tests)]


def _tone(test: CredentialTest) -> str:
    outcome = test.result
    if outcome is Outcome.WORKS:
        return "ok"
    return "bad" if outcome and outcome.fault is Fault.CREDENTIAL else "other"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a finished test says; of the old secret of a rotation a refusal is hoped for."""

    tone: str
    label: str
    meaning: str
    remedy: str


def verdict_of(test: CredentialTest) -> Verdict | None:
    outcome = test.result
    if outcome is None:
        return None
    if test.reason == CredentialTest.Reason.DEATH:
        if outcome in DEAD:
            meaning = "The secret has ended, and the server refuses it."
            return Verdict("ok", "Refused, as it should be", meaning, "")
        if outcome is Outcome.WORKS:
            meaning = "The secret has ended, and the server accepts it all the same."
            return Verdict("bad", "Still accepted", meaning, "Look at the token endpoint at once.")
    return Verdict(_judgement(outcome), outcome.label, outcome.meaning, outcome.remedy)


def _judgement(outcome: Outcome) -> str:
    if outcome is Outcome.WORKS:
        return "ok"
    return {Fault.CREDENTIAL: "bad", Fault.NONE: "idle"}.get(outcome.fault, "warn")


def last_used(key: Key) -> datetime | None:
    """By an outside client; our own tests do not count."""
    proof = last_used_proof(key)
    return proof.last_used_at if proof else None


def last_used_proof(key: Key) -> Secret | PublicKey | None:
    proofs: list[Secret | PublicKey] = [*newest_first(key), *public_keys(key)]
    used = [(each.last_used_at, each) for each in proofs if each.last_used_at]
    return max(used, key=lambda pair: pair[0])[1] if used else None
