"""Fetch a key set and name the outcome. Knows no database, and believes nothing that the other side says."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from environments.course import Course, Reply, Stage
from environments.faults import Forbidden, Unreachable
from environments.outbound import get
from keys.answers import wait_asked
from keys.outcomes import OF_CAUSE
from keys.public_keys import BadPublicKey, CheckedKey, PrivatePasted, read_key_set
from keys.set_outcomes import SetOutcome

_HEADERS = {"Accept": "application/jwk-set+json, application/json"}
_STATUSES = {
    **dict.fromkeys((401, 403, 407), SetOutcome.ACCESS_REFUSED),
    **dict.fromkeys((404, 405, 410), SetOutcome.NOT_FOUND),
    429: SetOutcome.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class FoundSet:
    """How it ended, ready to be kept; without keys unless the set was read."""

    outcome: SetOutcome
    stages: tuple[Stage, ...] = ()
    http_status: int | None = None
    keys: tuple[CheckedKey, ...] = ()
    left_out: tuple[str, ...] = ()
    retry_after: float | None = None
    """Seconds that the server asked to be left alone."""


def fetch_key_set(
    url: str,
    algorithm: str,
    now: datetime,
    tell: Callable[[Sequence[Stage]], None] | None = None,
) -> FoundSet:
    """One request; `algorithm` is for keys that name none."""
    course = Course(tell)
    try:
        reply = get(url, headers=_HEADERS, course=course)
    except Forbidden as failure:
        return _unanswered(SetOutcome.FORBIDDEN_ADDRESS, str(failure), course)
    except Unreachable as failure:
        place = urlsplit(url).netloc
        note = f"{place}: {failure.detail}".rstrip(": ")
        return _unanswered(SetOutcome(OF_CAUSE[failure.cause]), note, course)
    refused = _refusal(reply)
    if refused is not None:
        return _answered(reply, refused, course)
    started = time.monotonic()
    found, note = _read(reply, algorithm, now)
    state = "ok" if found.outcome is SetOutcome.READ else "failed"
    stage = Stage("keys", state, round((time.monotonic() - started) * 1000, 1), note)
    return replace(found, stages=(*course.stages, stage), http_status=reply.status)


def _unanswered(outcome: SetOutcome, note: str, course: Course) -> FoundSet:
    stages = course.stages or [Stage("name", "failed", 0)]
    return FoundSet(outcome, (*stages[:-1], replace(stages[-1], state="failed", note=note)))


def _answered(reply: Reply, outcome: SetOutcome, course: Course) -> FoundSet:
    last = replace(course.stages[-1], state="failed", note=f"HTTP {reply.status}")
    stages = (*course.stages[:-1], last)
    return FoundSet(outcome, stages, reply.status, retry_after=wait_asked(reply, time.time()))


def _refusal(reply: Reply) -> SetOutcome | None:
    if reply.status == 200:
        return None
    if 300 <= reply.status < 400:
        return SetOutcome.REDIRECT
    if reply.status >= 500:
        return SetOutcome.SERVER_ERROR
    return _STATUSES.get(reply.status, SetOutcome.UNEXPECTED_STATUS)


def _read(reply: Reply, algorithm: str, now: datetime) -> tuple[FoundSet, str]:
    """With a word about it; the words are ours, never the server's."""
    try:
        found = read_key_set(reply.body.decode(), now=now, algorithm=algorithm)
    except UnicodeDecodeError:
        return FoundSet(SetOutcome.NOT_A_SET), "The answer is no text in UTF-8."
    except PrivatePasted:
        return FoundSet(SetOutcome.PRIVATE), ""
    except BadPublicKey as refusal:
        html = reply.body.lstrip()[:1] == b"<"
        outcome = SetOutcome.WEB_PAGE if html else SetOutcome.NOT_A_SET
        return FoundSet(outcome), "" if html else str(refusal)
    outcome = SetOutcome.READ if found.keys else SetOutcome.NO_USABLE_KEY
    count = len(found.keys)
    note = f"{count} usable public key{'' if count == 1 else 's'}"
    return FoundSet(outcome, keys=found.keys, left_out=found.left_out), note
