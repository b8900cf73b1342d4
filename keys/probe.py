"""Ask a token endpoint for a token and name the outcome. Knows no database."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from environments.course import Course, Reply, Stage
from environments.faults import Forbidden, Unreachable
from environments.outbound import post_form, post_json
from keys.answers import Verdict, judge, wait_asked
from keys.asking import Target, request_for
from keys.crypto import SecretText
from keys.outcomes import OF_CAUSE, Outcome
from keys.scrubbing import Scrubber


@dataclass(frozen=True, slots=True)
class Finding:
    """How a test ended, ready to be kept: no secret is in it."""

    outcome: Outcome
    stages: tuple[Stage, ...] = ()
    http_status: int | None = None
    error: str = ""
    said: str = ""
    duration_ms: float | None = None
    retry_after: float | None = None
    """Seconds that the server asked to be left alone."""


def fetch_token(
    target: Target,
    secret: SecretText,
    *,
    ticket: str = "",
    tell: Callable[[Sequence[Stage]], None] | None = None,
) -> Finding:
    """One request for a token. `ticket` tells our own token service that this is a test and no use."""
    course = Course((lambda stages: tell(_named(stages))) if tell else None)
    started = time.monotonic()
    request = request_for(target, secret, ticket)
    send = post_json if request.as_json else post_form
    status: int | None = None
    wait: float | None = None
    try:
        reply = send(target.url, request.body, headers=request.headers, course=course)
    except (Forbidden, Unreachable) as failure:
        verdict, stages = _unanswered(failure, target, course)
    else:
        status, wait = reply.status, wait_asked(reply, time.time())
        verdict, stages = _answered(reply, target, course)
    clean = Scrubber(target.client_id, request.hidden)
    return Finding(
        outcome=verdict.outcome,
        stages=tuple(
            replace(each, note=clean(each.note)) if each.note else each for each in stages
        ),
        http_status=status,
        error=clean(verdict.error)[:80],
        said=clean(verdict.said),
        duration_ms=round((time.monotonic() - started) * 1000, 1),
        retry_after=wait,
    )


def _unanswered(
    failure: Forbidden | Unreachable, target: Target, course: Course
) -> tuple[Verdict, list[Stage]]:
    stages = _named(course.stages) or [Stage("name", "failed", 0)]
    if isinstance(failure, Forbidden):
        outcome, note = Outcome.FORBIDDEN_ADDRESS, str(failure)
    else:
        parts = urlsplit(target.url)
        place = parts.netloc.rpartition("@")[2]
        outcome, note = OF_CAUSE[failure.cause], f"{place}: {failure.detail}".rstrip(": ")
    stages[-1] = replace(stages[-1], state="failed", note=note)
    return Verdict(outcome), stages


def _answered(reply: Reply, target: Target, course: Course) -> tuple[Verdict, list[Stage]]:
    started = time.monotonic()
    verdict = judge(reply, target.asked, time.time())
    stages = _named(course.stages)
    state = "ok" if verdict.outcome is Outcome.WORKS else "failed"
    if verdict.token:
        took = round((time.monotonic() - started) * 1000, 1)
        stages.append(Stage("checked", state, took, verdict.note))
    else:
        stages[-1] = replace(stages[-1], state=state, note=verdict.note)
    return verdict, stages


def _named(stages: Sequence[Stage]) -> list[Stage]:
    """The door speaks of a reply; what is waited for here is a token."""
    return [replace(each, name="token") if each.name == "reply" else each for each in stages]
