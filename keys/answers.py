"""What a token endpoint's answer means: the refusal named, or the token checked. Foreign text is not trusted."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.http import parse_http_date_safe
from joserfc import jws
from joserfc.errors import JoseError

from environments.course import Reply
from keys.outcomes import Outcome

CLOCK_NOISE = 3  # seconds: a date without fractions, and the way it took
LONGEST_WAIT = 24 * 3600  # seconds; a server that asks for more is asked again after a day
LONGEST_LIFE = 10 * 365 * 24 * 3600  # seconds; beyond it expires_in is nonsense
_ERRORS = {
    "invalid_client": Outcome.REFUSED,
    "unauthorized_client": Outcome.UNAUTHORIZED_CLIENT,
    "invalid_scope": Outcome.INVALID_SCOPE,
    "invalid_request": Outcome.INVALID_REQUEST,
    "invalid_target": Outcome.WRONG_AUDIENCE,
    "unsupported_grant_type": Outcome.UNSUPPORTED_GRANT,
    "temporarily_unavailable": Outcome.SERVER_ERROR,
    "server_error": Outcome.SERVER_ERROR,
    "slow_down": Outcome.RATE_LIMITED,
    "not_found": Outcome.NOT_FOUND,
    "method_not_allowed": Outcome.NOT_FOUND,
}
_STATUSES = {
    400: Outcome.UNEXPLAINED_REFUSAL,
    401: Outcome.UNEXPLAINED_REFUSAL,
    403: Outcome.UNEXPLAINED_REFUSAL,
    404: Outcome.NOT_FOUND,
    405: Outcome.NOT_FOUND,
    410: Outcome.NOT_FOUND,
    429: Outcome.RATE_LIMITED,
}
# After a right secret our own token service names the cause; a stranger's words are only shown.
_OWN_WORDS = ("The secret is right", "The proof is right", "The signature is right")
_OWN_CAUSES = {
    "disabled": Outcome.DISABLED,
    "expired": Outcome.EXPIRED,
    "revoked": Outcome.REVOKED,
    "deleted": Outcome.DELETED,
}


# What a server finds wrong with a signed assertion, as servers word it; believed where one of them alone is named.
_SIGNED_CAUSES = {
    Outcome.ASSERTION_AUDIENCE: r"\baud(ience)?\b",
    Outcome.ALGORITHM_REFUSED: r"\balg(orithm)?\b",
    Outcome.KEY_UNKNOWN: r"\bkid\b|\b(public|signing) key\b|\bkey\b.{0,20}\bnot found\b|\bunknown key\b|\bjwks?\b",
    Outcome.CLOCKS_APART: r"\b(iat|nbf|exp|clock|expired|in the future|not yet valid)\b",
}
_CLOCKS_APART = 60  # seconds: beyond this a fresh assertion is refused by strict servers
_ASSERTION_ERRORS = {"invalid_client", "invalid_request", "invalid_grant", "invalid_assertion"}
LEGACY_REFUSAL = "invalid request"  # of the legacy door, as plain text


@dataclass(frozen=True, slots=True)
class Asked:
    """What the token should be, and by which kind of proof; empty where nothing was asked."""

    issuer: str = ""
    audience: str = ""
    scope: str = ""
    built_in: bool = False
    signed: bool = False
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`token`: a token came, so what failed, if anything, is the check of it."""

    outcome: Outcome
    error: str = ""
    said: str = ""
    note: str = ""
    token: bool = False


def judge(reply: Reply, asked: Asked, now: float) -> Verdict:
    """The one outcome of this answer."""
    if 300 <= reply.status < 400:
        place = urlsplit(reply.headers.get("location", "")).hostname
        return Verdict(Outcome.REDIRECT, note=f"To {place}" if place else "")
    body = _as_object(reply.body)
    if body is not None and isinstance(body.get("error"), str):
        return _refusal(reply, body, asked, now)
    if 200 <= reply.status < 300:
        granted = _granted_legacy if asked.legacy else _granted
        return granted(reply, body, asked, now)
    refused = reply.status == 401 and _refuses(reply, body, asked)
    outcome = Outcome.REFUSED if refused else _by_status(reply.status)
    return Verdict(outcome, said=_text(reply), note="" if refused else _retry(reply))


def _refuses(reply: Reply, body: Mapping[str, Any] | None, asked: Asked) -> bool:
    """An API that speaks JSON but not OAuth says with its 401 what others say in words; the legacy door in two."""
    return body is not None or (asked.legacy and _plain(reply) == LEGACY_REFUSAL)


def _refusal(reply: Reply, body: Mapping[str, Any], asked: Asked, now: float) -> Verdict:
    code, said = body["error"], body.get("error_description")
    said = said if isinstance(said, str) else ""
    outcome = _ERRORS.get(code, Outcome.UNEXPLAINED_REFUSAL)
    # 429 and 5xx prove nothing about the credential, whatever the body says.
    if reply.status == 429 or reply.status >= 500:
        return Verdict(_by_status(reply.status), error=code, said=said, note=_retry(reply))
    if asked.signed and code in _ASSERTION_ERRORS:
        return _refused_assertion(reply, Verdict(outcome, error=code, said=said), now)
    if outcome is Outcome.REFUSED and asked.built_in:
        named = (cause for word, cause in _OWN_CAUSES.items() if word in said)
        outcome = next(named, outcome) if said.startswith(_OWN_WORDS) else outcome
    return Verdict(outcome, error=code, said=said, note=_retry(reply))


def _refused_assertion(reply: Reply, verdict: Verdict, now: float) -> Verdict:
    """What it said, if it named one thing; else whether the clocks are apart, which we can measure."""
    words = f"{verdict.error} {verdict.said}".lower()
    named = [outcome for outcome, sign in _SIGNED_CAUSES.items() if re.search(sign, words)]
    apart = _apart(reply, now)
    if apart is not None and abs(apart) > _CLOCKS_APART:
        named = named or [Outcome.CLOCKS_APART]
    outcome = named[0] if len(named) == 1 else verdict.outcome
    note = _clocks(reply, now) if outcome is Outcome.CLOCKS_APART else ""
    return replace(verdict, outcome=outcome, note=note)


def _by_status(status: int) -> Outcome:
    if status >= 500:
        return Outcome.SERVER_ERROR
    return _STATUSES.get(status, Outcome.UNEXPECTED_STATUS)


def _granted(reply: Reply, body: Mapping[str, Any] | None, asked: Asked, now: float) -> Verdict:
    if body is None:
        # A body that said yes may hold a token in some other form, so it is not shown.
        html = reply.body.lstrip()[:1] == b"<"
        return Verdict(Outcome.WEB_PAGE if html else Outcome.NOT_JSON)
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        names = ", ".join(sorted(body)[:8])
        return Verdict(Outcome.NO_TOKEN, note=f"Members: {names}" if names else "An empty object")
    outcome, note = _check(body, _claims(token), asked, now)
    if outcome is Outcome.TOKEN_EXPIRED:
        note = f"{note}. {_clocks(reply, now)}"
    return Verdict(outcome, note=note, token=True)


def _granted_legacy(
    reply: Reply, body: Mapping[str, Any] | None, _asked: Asked, now: float
) -> Verdict:
    """The legacy door's answer: accessToken, and when it ends as ISO 8601."""
    if body is None:
        html = reply.body.lstrip()[:1] == b"<"
        return Verdict(Outcome.WEB_PAGE if html else Outcome.NOT_JSON)
    token, ends = body.get("accessToken"), _moment(body.get("expires"))
    if not isinstance(token, str) or not token:
        names = ", ".join(sorted(body)[:8])
        return Verdict(Outcome.NO_TOKEN, note=f"Members: {names}" if names else "An empty object")
    if ends is None:
        note = f"expires is {_short(body.get('expires'))}"
        return Verdict(Outcome.BAD_LIFETIME, note=note, token=True)
    if ends <= now:
        note = f"It ended {min(now - ends, 1e9):.0f} s ago by our clock. {_clocks(reply, now)}"
        return Verdict(Outcome.TOKEN_EXPIRED, note=note, token=True)
    return Verdict(Outcome.WORKS, note=f"{ends - now:.0f} s", token=True)


def _moment(value: object) -> float | None:
    """A moment with its zone; the year bounds keep the arithmetic within what clocks know."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is None or not 1970 < found.year < 9000:
        return None
    return found.astimezone(UTC).timestamp()


def _check(
    body: Mapping[str, Any], claims: Mapping[str, Any], asked: Asked, now: float
) -> tuple[Outcome, str]:
    """The first thing that does not fit, or WORKS with what was bought."""
    kind, life = body.get("token_type"), body.get("expires_in")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return Outcome.WRONG_TOKEN_TYPE, f"token_type is {_short(kind)}"
    seconds = _seconds(life)
    if life is not None and seconds is None:
        return Outcome.BAD_LIFETIME, f"expires_in is {_short(life)}"
    scope = _scope(body, claims)
    misfit = _misfit(claims, scope, asked, now)
    bought = [f"{seconds} s" if seconds else "", " ".join(sorted(scope))]
    return misfit or (Outcome.WORKS, ", ".join(part for part in bought if part))


def _misfit(
    claims: Mapping[str, Any], scope: set[str], asked: Asked, now: float
) -> tuple[Outcome, str] | None:
    ends = claims.get("exp")
    if isinstance(ends, int | float) and ends <= now:
        return Outcome.TOKEN_EXPIRED, f"It ended {min(now - ends, 1e9):.0f} s ago by our clock"
    if asked.issuer and claims.get("iss", asked.issuer) != asked.issuer:
        return Outcome.WRONG_ISSUER, f"Its issuer is {_short(claims['iss'])}"
    named = claims.get("aud", asked.audience)
    if asked.audience and asked.audience not in (named if isinstance(named, list) else [named]):
        return Outcome.WRONG_AUDIENCE, f"Its audience is {_short(named)}"
    missing = set(asked.scope.split()) - scope
    # RFC 6749, section 5.1: no scope in the answer means all that was asked.
    if scope and missing:
        return Outcome.SCOPE_NARROWED, f"Missing: {_short(' '.join(sorted(missing)))}"
    return None


def _scope(body: Mapping[str, Any], claims: Mapping[str, Any]) -> set[str]:
    for value in (body.get("scope"), claims.get("scope"), claims.get("scp")):
        if isinstance(value, str):
            return set(value.split())
        if isinstance(value, list):
            return {each for each in value if isinstance(each, str)}
    return set()


def _seconds(value: object) -> int | None:
    """Whole seconds above zero; digits in quotes too, since large providers send them so."""
    if isinstance(value, str) and len(value) <= 10 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # The bounds come first: they also sort out NaN and infinity, which int() would not take.
    return int(value) if 1 <= value <= LONGEST_LIFE and int(value) == value else None


def _claims(token: str) -> Mapping[str, Any]:
    """What a JWT says of itself, unverified: this is a check of the fit, not of the signature."""
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _as_object(body: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _plain(reply: Reply) -> str:
    """A short text of an answer, whether it stands alone or as a JSON string."""
    return _text(reply).strip().strip('"').strip(" .").lower()


def _text(reply: Reply) -> str:
    return reply.body.decode("utf-8", "replace")


def _apart(reply: Reply, now: float) -> float | None:
    """How far the two clocks are apart, by the answer's own date; it counts whole seconds."""
    theirs = parse_http_date_safe(reply.headers.get("date", ""))
    return None if theirs is None else theirs - now


def _clocks(reply: Reply, now: float) -> str:
    apart = _apart(reply, now)
    if apart is None:
        return "Its answer says no date to compare the clocks by"
    if abs(apart) < CLOCK_NOISE:
        return "The server's clock agrees with ours"
    return f"The server's clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} ours"


def _retry(reply: Reply) -> str:
    after = reply.headers.get("retry-after", "")
    return f"It asks to wait: {_short(after)}{' s' if after.isdigit() else ''}" if after else ""


def wait_asked(reply: Reply, now: float) -> float | None:
    """Seconds, from Retry-After as a number or a date; a day at most, None where nothing sensible is said."""
    said = reply.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return float(min(int(said[:9]), LONGEST_WAIT))
    at = parse_http_date_safe(said)
    return None if at is None else min(max(at - now, 0.0), float(LONGEST_WAIT))


def _short(value: object) -> str:
    text = str(value)  # json.loads lets no number through that str() would refuse
    return text if len(text) <= 60 else f"{text[:60]}…"
