"""Everything true about one key, in five tabs."""

from datetime import datetime, timedelta

from django.core.paginator import Paginator
from django.db.models import Max
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from environments import audit
from environments.access import Scope
from environments.events import SENTENCES, Event
from environments.guard import SignedInRequest, in_environment
from environments.models import AuditEvent, Heartbeat
from environments.policy import Action
from environments.views.log_rows import names_of, who_of
from keys.health import newest_first, public_keys, signs_alone, tones, verdict_of
from keys.idleness import use_of
from keys.models import TICKS, Death, Key, KeySet, PublicKey
from keys.outcomes import Outcome
from keys.progress.deaths import word_of
from keys.progress.stages import Progress, progress_of
from keys.progress.states import overlap_of, planned_end, state_of
from keys.snippets import also_signed, postman_files, snippets
from keys.uses import uses_of
from keys.views.common import about, issued_key, key_here

TABS = {
    "overview": "Overview",
    "secrets": "Secrets",
    "public-keys": "Public keys",
    "tests": "Tests",
    "use": "Use it",
    "history": "History",
}
PER_PAGE = 50
DAYS_PER_PAGE = 31
SPARK = 60
FORMER = 20


@require_safe
@in_environment(Action.VIEW)
def detail(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = key_here(scope, client_id)
    readable = scope.may(Action.READ_LOG, key)
    absent = _absent(key) | (set() if readable else {"history"})
    tabs = [name for name in TABS if name not in absent]
    asked = request.GET.get("tab", "")
    tab = asked if asked in tabs else "overview"
    context = about(scope, key) | {
        "tab": tab,
        "tabs": [{"label": TABS[n], "href": f"?tab={n}", "current": n == tab} for n in tabs],
        "use": use_of(key, timezone.now()),
    }
    if key.deleted_at:
        context |= _history(request, scope, key) if readable else {"lines": []}
        return render(request, "keys/tombstone.html", context)
    context |= _inside(request, scope, key, tab)
    return render(request, f"keys/tab_{tab.replace('-', '_')}.html", context)


@require_safe
@in_environment(Action.VIEW)
def postman_file(
    _request: SignedInRequest, scope: Scope, client_id: str, file: str
) -> HttpResponse:
    """To be imported there; the person fills in what is secret."""
    key = issued_key(scope, client_id, Action.VIEW)
    found = postman_files(key).get(file)
    if found is None:
        raise Http404("No such file.")
    response = JsonResponse(found, json_dumps_params={"indent": 2})
    name = f"{key.client_id}.postman_{file}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _absent(key: Key) -> set[str]:
    """An outside endpoint knows nothing of public keys here; who only signs has no secrets and no tests."""
    if key.imported:
        return {"public-keys"}
    never_any = signs_alone(key) and not newest_first(key)
    return {"secrets", "tests"} if never_any else set()


def _inside(request: SignedInRequest, scope: Scope, key: Key, tab: str) -> dict[str, object]:
    if tab in {"secrets", "public-keys"}:
        return _secrets(scope, key) if tab == "secrets" else _public_keys(key)
    if tab == "tests":
        tests = key.tests.select_related("secret", "asked_by").newest_first()
        page = Paginator(tests, PER_PAGE).get_page(request.GET.get("page"))
        rows = [{"run": run, "verdict": verdict_of(run)} for run in page]
        return {"page": page, "rows": rows} | _folded(request, key)
    if tab == "use":
        return {"snippets": snippets(key), "signed": also_signed(key)}
    if tab == "history":
        return _history(request, scope, key)
    recent = list(key.tests.conclusive().newest_first()[:SPARK])
    return {
        "uses": None if key.imported else uses_of(key, timezone.now()),
        "tones": tones(recent[:TICKS]),
        "times": [
            test.duration_ms if test.result is Outcome.WORKS else None for test in reversed(recent)
        ],
        "progress": _progress(key),
    }


def _folded(request: SignedInRequest, key: Key) -> dict[str, object]:
    """Of older tests the figures of each day are left."""
    days = Paginator(key.daily_figures.order_by("-day"), DAYS_PER_PAGE)
    newest = key.daily_figures.aggregate(day=Max("day"))["day"]
    return {
        "days": days.get_page(request.GET.get("days")),
        "before": f"Before {newest + timedelta(days=1):%-d %b %Y}, by day" if newest else "",
    }


def _progress(key: Key) -> Progress | None:
    found = key.rotations.open().for_page().first()
    return progress_of(found, timezone.now(), Heartbeat.last("worker")) if found else None


def _secrets(scope: Scope, key: Key) -> dict[str, object]:
    now = timezone.now()
    rotations = list(key.rotations.for_page().order_by("-asked_at", "-pk"))
    secrets = newest_first(key)
    newest = next((each for each in secrets if not each.ended_by(now)), None)
    dying = {each.secret_id: each for each in Death.objects.within(scope).filter(secret__key=key)}
    ends = {each.old_id: planned_end(each) for each in rotations if each.closed_at is None}
    rows = [
        {
            "secret": each,
            "ends": ends.get(each.pk),
            "state": word_of(dying[each.pk], None)
            if each.pk in dying
            else state_of(each, rotations, now, newest=each == newest),
        }
        for each in secrets
    ]
    signed = not key.imported and key.public_keys.unended(now).exists()
    drawn = rotations[0] if rotations and not rotations[0].closed_at else None
    return {
        "secrets": rows,
        "switched": bool(dying),
        "both": signed and any(not each.ended_by(now) for each in secrets),
        "former": [each for each in rotations if each.closed_at][:FORMER],
        "overlap": overlap_of(drawn, now) if drawn else None,
    }


def _public_keys(key: Key) -> dict[str, object]:
    now = timezone.now()
    follows = hasattr(key, "key_set")
    rows = [
        {
            "held": each,
            "lives": not each.ended_by(now),
            "changes": _may_end_otherwise(each, now, follows=follows),
            "unseen": _unseen(key, each, now),
        }
        | _standing(each, now)
        for each in _latest(key)
    ]
    unended = any(not each.ended_by(now) for each in public_keys(key))
    secret = key.secrets.unended(now).exists()
    return {"public_keys": rows, "proven": unended or secret, "both": unended and secret}


def _may_end_otherwise(held: PublicKey, now: datetime, *, follows: bool) -> bool:
    found = follows and held.origin == PublicKey.Origin.KEY_SET
    return not found and not held.ended_by(now)


def _unseen(key: Key, held: PublicKey, now: datetime) -> datetime | None:
    """While its key set cannot be read: when it was last seen there. It works on, even if it was taken out since."""
    key_set: KeySet | None = getattr(key, "key_set", None)
    failing = key_set is not None and key_set.failing_since is not None
    if key_set is None or not failing or held.origin != PublicKey.Origin.KEY_SET:
        return None
    return None if held.ended_by(now) else key_set.read_at


def _latest(key: Key) -> list[PublicKey]:
    """All that live, and the last few that ended: a set that changes often leaves many behind."""
    every = public_keys(key)
    gone = [each for each in every if each.revoked_at]
    return [each for each in every if not each.revoked_at] + gone[:FORMER]


def _standing(held: PublicKey, now: datetime) -> dict[str, str]:
    if held.revoked_at:
        return {"tone": "idle", "word": "Left the key set" if held.vanished_at else "Removed"}
    if held.ended_by(now):
        return {"tone": "bad", "word": "Expired"}
    if held.use_count or held.last_used_at:
        return {"tone": "ok", "word": "In use"}
    word = "Proven, not used yet" if held.proven_at else "Not used yet"
    return {"tone": "idle", "word": word}


def _history(request: SignedInRequest, scope: Scope, key: Key) -> dict[str, object]:
    lines = audit.within(scope).filter(subject=f"key:{key.client_id}").order_by("-at", "-sequence")
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    people = names_of(scope, page)
    return {
        "page": page,
        "lines": [
            {"entry": line, "who": who_of(line, people), "act": _act(line, key)} for line in page
        ],
    }


def _act(line: AuditEvent, key: Key) -> str:
    """On the key's own page its name goes without saying; one that it had before is said."""
    act = SENTENCES[Event(line.event)]
    if line.label != key.name:
        return f"{act} {line.label}"
    return act.removesuffix(" of").removesuffix(" for")
