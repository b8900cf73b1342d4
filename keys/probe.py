"""Ask a token endpoint for a token and name the outcome. Knows no database."""

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, quote_plus, urlsplit

from environments.course import Course, Reply, Stage
from environments.faults import Cause, Forbidden, Unreachable
from environments.outbound import post_form
from keys.answers import Asked, Verdict, judge, wait_asked
from keys.crypto import SecretText
from keys.outcomes import Outcome

SAID_LIMIT = 500
_CAUSES = {
    Cause.NAME_NOT_FOUND: Outcome.NAME_NOT_FOUND,
    Cause.NAME_FAILED: Outcome.NAME_FAILED,
    Cause.RESOLVERS_BUSY: Outcome.RESOLVERS_BUSY,
    Cause.REFUSED: Outcome.CONNECTION_REFUSED,
    Cause.NO_ROUTE: Outcome.NO_ROUTE,
    Cause.CLOSED: Outcome.CONNECTION_CLOSED,
    Cause.TIMEOUT: Outcome.TIMEOUT,
    Cause.TLS_EXPIRED: Outcome.TLS_EXPIRED,
    Cause.TLS_WRONG_HOST: Outcome.TLS_WRONG_HOST,
    Cause.TLS_UNKNOWN_ISSUER: Outcome.TLS_UNKNOWN_ISSUER,
    Cause.TLS_FAILED: Outcome.TLS_FAILED,
    Cause.NOT_HTTP: Outcome.NOT_HTTP,
    Cause.TOO_LARGE: Outcome.TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a token is asked for, how, and what it should be."""

    url: str
    client_id: str
    method: str = "client_secret_basic"
    asked: Asked = field(default_factory=Asked)


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
    form, headers = _request(target, secret, ticket)
    status: int | None = None
    wait: float | None = None
    try:
        reply = post_form(target.url, form, headers=headers, course=course)
    except (Forbidden, Unreachable) as failure:
        verdict, stages = _unanswered(failure, target, course)
    else:
        status, wait = reply.status, wait_asked(reply, time.time())
        verdict, stages = _answered(reply, target, course)
    clean = Scrubber(target.client_id, secret)
    return Finding(
        outcome=verdict.outcome,
        stages=tuple(replace(stage, note=clean(stage.note)) for stage in stages),
        http_status=status,
        error=clean(verdict.error)[:80],
        said=clean(verdict.said),
        duration_ms=round((time.monotonic() - started) * 1000, 1),
        retry_after=wait,
    )


def _request(
    target: Target, secret: SecretText, ticket: str
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    form, headers = {"grant_type": "client_credentials"}, {}
    if target.asked.scope:
        form["scope"] = target.asked.scope
    if ticket:
        headers["Latchkey-Test"] = ticket
    if target.method == "client_secret_post":
        form |= {"client_id": target.client_id, "client_secret": secret.reveal()}
    else:
        headers["Authorization"] = f"Basic {_basic(target.client_id, secret.reveal())}"
    return form, headers


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749, appendix B: both are form-encoded before they are joined.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return base64.b64encode(pair.encode()).decode()


def _unanswered(
    failure: Forbidden | Unreachable, target: Target, course: Course
) -> tuple[Verdict, list[Stage]]:
    stages = _named(course.stages) or [Stage("name", "failed", 0)]
    if isinstance(failure, Forbidden):
        outcome, note = Outcome.FORBIDDEN_ADDRESS, str(failure)
    else:
        parts = urlsplit(target.url)
        place = parts.netloc.rpartition("@")[2]
        outcome, note = _CAUSES[failure.cause], f"{place}: {failure.detail}".rstrip(": ")
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


class Scrubber:
    """Makes foreign text fit to be kept: no secret in any usual spelling, no control character, short."""

    def __init__(self, client_id: str, secret: SecretText) -> None:
        self._forms = sorted(set(_spellings(client_id, secret.reveal())), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, "•••")
        text = re.sub(r"\s+", " ", "".join(each if each.isprintable() else " " for each in text))
        return text.strip()[:SAID_LIMIT]


def _spellings(client_id: str, secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote_plus(secret))
    for text in (secret, f"{client_id}:{secret}"):
        encoded = base64.b64encode(text.encode()).decode()
        yield from (encoded, encoded.rstrip("="), encoded.replace("+", "-").replace("/", "_"))
    yield _basic(client_id, secret)
    yield from (secret.encode().hex(), secret.encode().hex().upper())
