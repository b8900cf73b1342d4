"""A secret that ended because its client signs: how far the proof of its death is, in words and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keys.death import WAIT_FOR
from keys.facts import DEAD
from keys.models import CredentialTest, Death, Secret
from keys.progress.receipts import Line, receipt
from keys.progress.states import Words


@dataclass(frozen=True, slots=True)
class Dying:
    secret: Secret
    state: Words
    lines: Sequence[Line]
    open: bool


def dying_of(death: Death, now: datetime) -> Dying:
    trials = death.secret.tests.filter(reason=CredentialTest.Reason.DEATH, rotation=None)
    newest = death.refused_by or trials.finished().order_by("-finished_at", "-pk").first()
    lines = [receipt(newest)] if newest else []
    if death.signed_at:
        kid = death.signed_with.kid if death.signed_with else "a public key"
        lines.append(Line(f"Signature accepted: {kid}", death.signed_at))
    if newest and newest.result in DEAD and not death.closed_at:
        words = "It counts beside a signature of the client that is accepted within a minute; waited for"
        lines.append(Line(words, (death.secret.revoked_at or now) + WAIT_FOR, "until"))
    return Dying(death.secret, word_of(death, newest), lines, open=death.closed_at is None)


def word_of(death: Death, newest: CredentialTest | None) -> Words:
    if death.proven:
        return Words("ok", "Proven dead", death.closed_at)
    if death.closed_at:
        return Words("idle", "Ended, not proven dead", death.closed_at)
    if death.alarmed_at:
        return Words("bad", "Ended, but still accepted", death.alarmed_at)
    if newest and newest.result in DEAD:
        return Words("run", "Refused; its client's next signature is waited for")
    return Words("run", "Ended, being proven dead")
