"""Rotating a key's secret: plan it, watch it, extend, retire early, discard; and report a leak."""

from datetime import datetime
from hashlib import sha256

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.models import Heartbeat
from environments.policy import Act, Action
from environments.reauth import fresh_sign_in
from environments.views.asking import Note, asks_first
from keys.forms.rotation import LeakForm, RotateForm
from keys.handover import Browser
from keys.health import signs_alone
from keys.models import OVERDUE, Handover, Key, Rotation, Secret
from keys.progress.receipts import lately, span, use_of
from keys.progress.stages import Progress, progress_of
from keys.progress.states import overlap_of
from keys.rotation import QUIET
from keys.services import rotating
from keys.services.issuing import OneSight
from keys.services.rotating import (
    GraceTooLong,
    ProvenBySignature,
    RotationRuns,
    TooLate,
    TooManySecrets,
)
from keys.views.common import about, gone_once_deleted, key_here, living_key, to_page
from keys.views.making import new_once, to_secret

WHILE_TESTING, USUALLY = 2, 15  # seconds between two looks of a page that is open


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@gone_once_deleted
def rotate(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    """Where a key's rotation is: the plan of a new one, or the page of the one that runs."""
    key = living_key(scope, client_id, Action.ROTATE)
    running = _running(key)
    if request.method != "POST" and running and running.new_id:
        return to_page("keys:rotation", key, rotation=running.public_id)
    if key.imported:
        return to_page("keys:enter", key)  # its provider makes the secret
    if signs_alone(key):
        return render(request, "keys/no_secret.html", about(scope, key), status=_status(request))
    return _plan(request, scope, client_id)


def _status(request: SignedInRequest) -> int:
    """A page that only says no, or a request that is refused."""
    return 409 if request.method == "POST" else 200


@fresh_sign_in
@asks_first("grace", "hours", "why")
def _plan(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.ROTATE)
    running = _running(key)
    if request.method != "POST":
        waiting = running if running and not running.cut else None
        grace = waiting.grace if waiting else scope.environment.grace_default
        form = RotateForm(scope, grace=grace, once=new_once(), said=request.GET)
        return _plan_page(request, scope, key, form)
    form = RotateForm(scope, request.POST, cut=running is not None and running.cut)
    return (
        _start(request, scope, key, form)
        if form.is_valid()
        else _plan_page(request, scope, key, form)
    )


def _start(request: SignedInRequest, scope: Scope, key: Key, form: RotateForm) -> HttpResponse:
    browser = Browser.of(request)
    sight = OneSight(browser, form.cleaned_data["once"])
    try:
        return to_secret(rotating.start_rotation(scope, key.client_id, form.plan, sight), browser)
    except GraceTooLong:
        form.add_error("grace", form.too_long)
        return _plan_page(request, scope, key, form)
    except RotationRuns:
        return _wrong_time(request, scope, key, "A rotation is open already")
    except TooManySecrets:
        return _wrong_time(request, scope, key, "Two secrets live already")
    except ProvenBySignature:
        return render(request, "keys/no_secret.html", about(scope, key), status=409)


def _plan_page(request: SignedInRequest, scope: Scope, key: Key, form: RotateForm) -> HttpResponse:
    now = timezone.now()
    running = _running(key)
    old = running.old if running else rotating.current_secret(key, now)
    full = running is None and key.secrets.unended(now).count() >= rotating.MOST_LIVE_SECRETS
    context = about(scope, key) | {
        "form": form,
        "old": old,
        "running": running,
        "full": full,
        "use": use_of("Secret", old) if old else None,
        "lately": lately(key, old, now) if old else None,
        "in_use": old is not None and _in_use(old, now),
        "expires_within": old is not None and _expires_within(old, now + form.grace_shown),
        "approval": Note.of(scope, Act.ROTATE, f"key:{key.client_id}"),
        "former": key.rotations.closed().for_page().order_by("-asked_at")[:10],
    }
    return render(request, "keys/rotate.html", context, status=422 if form.is_bound else 200)


def _in_use(secret: Secret, now: datetime) -> bool:
    return secret.last_used_at is not None and now - secret.last_used_at < QUIET


def _expires_within(secret: Secret, end: datetime) -> bool:
    return secret.expires_at is not None and secret.expires_at <= end


@require_safe
@in_environment(Action.VIEW)
def rotation(request: SignedInRequest, scope: Scope, client_id: str, rotation: str) -> HttpResponse:
    """The page of one rotation, open or closed: its receipts stay."""
    key = key_here(scope, client_id)
    found = key.rotations.for_page().filter(public_id=rotation).first()
    if found is None:
        raise Http404("No such rotation.")
    now = timezone.now()
    progress = progress_of(found, now, Heartbeat.last("worker"))
    context = about(scope, key) | {
        "rotation": found,
        "progress": progress,
        "overlap": overlap_of(found, now),
        "kept": _kept_for(scope, found),
    }
    seen = _mark(progress, context)
    part = request.htmx and not request.htmx.history_restore_request
    if part and request.GET.get("seen") == seen and not found.closed_at:
        return HttpResponse(status=204)
    context["seen"] = seen
    context["every"] = WHILE_TESTING if progress.testing or _due(found, now) else USUALLY
    context["moved"] = part and request.GET.get("stage") != str(progress.stage)
    page = "keys/rotation_live.html" if part else "keys/rotation.html"
    response = render(request, page, context)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


def _due(found: Rotation, now: datetime) -> bool:
    """A worker is about to look at it."""
    return found.next_at is not None and now - OVERDUE < found.next_at <= now


def _mark(progress: Progress, context: dict[str, object]) -> str:
    """A page that is open is redrawn only once something has changed."""
    drawn = repr((progress, context["can"], context["kept"] is None))
    return sha256(drawn.encode()).hexdigest()[:16]


def _kept_for(scope: Scope, found: Rotation) -> Handover | None:
    """The person's own sight of the new secret, while they have not said that it is stored."""
    if found.new is None or found.new.collected_at or found.closed_at:
        return None
    mine = Handover.objects.within(scope).filter(secret=found.new, closed_at=None)
    return mine.order_by("-made_at").first()


@require_POST
@in_environment(Action.ROTATE)
@gone_once_deleted
def extend(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.ROTATE)
    try:
        found = rotating.extend_rotation(scope, client_id)
    except TooLate:
        return _wrong_time(request, scope, key, "There is no grace period to extend")
    except GraceTooLong:
        longest = span(scope.environment.grace_max)
        return _wrong_time(request, scope, key, f"A grace period is {longest} at most here")
    messages.success(request, "The old secret lives a day longer.")
    return to_page("keys:rotation", key, rotation=found.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@gone_once_deleted
def retire(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.ROTATE)
    running = _running(key)
    if request.method != "POST":
        if running is None or running.cut or running.old is None or running.proven_at is None:
            return _wrong_time(request, scope, key, "There is nothing to retire now")
        now = timezone.now()
        context = about(scope, key) | {"rotation": running, "use": use_of("Old", running.old)}
        context |= {"in_use": _in_use(running.old, now), "lately": lately(key, running.old, now)}
        return render(request, "keys/retire.html", context)
    try:
        found = rotating.press_rotation(scope, client_id)
    except TooLate:
        return _wrong_time(request, scope, key, "There is nothing to retire now")
    # The page says what comes next; a message would go on to say so once it is done.
    return to_page("keys:rotation", key, rotation=found.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@gone_once_deleted
def discard(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.ROTATE)
    running = _running(key)
    if request.method != "POST":
        if running is None or running.cut:
            return _wrong_time(request, scope, key, "There is nothing to discard now")
        new = use_of("New", running.new) if running.new else None
        return render(request, "keys/discard.html", about(scope, key) | {"rotation": running, "use": new})  # fmt: skip
    try:
        found = rotating.discard_rotation(scope, client_id)
    except TooLate:
        return _wrong_time(request, scope, key, "There is nothing to discard now")
    messages.success(request, "Discarded. The old secret works as before.")
    return to_page("keys:rotation", key, rotation=found.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.REVOKE)
@fresh_sign_in
@gone_once_deleted
def leak(request: SignedInRequest, scope: Scope, client_id: str, secret: str) -> HttpResponseBase:
    """End a secret at once, because somebody else may know it."""
    key = living_key(scope, client_id, Action.REVOKE)
    leaked = key.secrets.filter(public_id=secret).first()
    if leaked is None:
        raise Http404("No such secret.")
    now = timezone.now()
    if leaked.ended_by(now):
        return _wrong_time(request, scope, key, f"The secret …{leaked.hint} has ended already")
    form = LeakForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        running = _running(key)
        context = about(scope, key) | {
            "form": form,
            "secret": leaked,
            "use": use_of("Secret", leaked),
            "lately": lately(key, leaked, now),
            "others": key.secrets.unended(now).exclude(pk=leaked.pk).exists(),
            "is_new": running is not None and running.new_id == leaked.pk and not running.cut,
        }
        return render(request, "keys/leak.html", context, status=422 if form.is_bound else 200)
    found = rotating.report_leak(scope, client_id, secret, form.cleaned_data["why"])
    messages.warning(request, f"The secret …{leaked.hint} has ended.")
    return _after_leak(scope, key, found)


def _after_leak(scope: Scope, key: Key, found: Rotation | None) -> HttpResponseRedirect:
    """Straight to making the new secret, if there is none and the person may."""
    if found is None:
        return to_page("keys:detail", key)
    makes = found.new_id is None and found.closed_at is None and scope.may(Action.ROTATE, key)
    return to_page("keys:rotate", key) if makes else to_page("keys:rotation", key, rotation=found.public_id)  # fmt: skip


def _wrong_time(request: SignedInRequest, scope: Scope, key: Key, said: str) -> HttpResponse:
    """The form was made for a state that has passed: say so, change nothing, lead to what is."""
    last = key.rotations.order_by("-asked_at", "-pk").first()
    context = about(scope, key) | {"said": said, "last": last}
    return render(request, "keys/wrong_time.html", context, status=409)


def _running(key: Key) -> Rotation | None:
    return key.rotations.open().for_page().first()
