"""Making a key, and the one sight of a secret that was made."""

import secrets
from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from environments import approvals
from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Act, Action
from environments.reauth import fresh_in_production
from environments.views.asking import Note, asks_first
from keys.forms.keys import NewKeyForm
from keys.handover import Browser, CannotShow
from keys.models import CredentialTest, Handover
from keys.services import issuing, public_keys, room
from keys.services.issuing import NameTaken, NewKey, OneSight
from keys.services.room import NoRoom
from keys.snippets import env_file, snippets
from keys.views.common import about, fix_end, minutes_between_tests, to_page, to_tab

# Not no-referrer: with it a browser sends `Origin: null`, and the page's own form is refused as forged.
REFERRER = "same-origin"
UNTICKED = "unticked"
CONFIRM = "confirm"
DRAFT = [name for name in NewKeyForm.field_order if name != "once"]


def new_once() -> str:
    return secrets.token_urlsafe(32)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.CREATE)
@fresh_in_production
@asks_first(*DRAFT)
def create(request: SignedInRequest, scope: Scope) -> HttpResponseBase:
    if request.method == "POST":
        return _make(request, scope)
    if CONFIRM in request.GET:
        return _confirmation(request, scope)
    initial = {"scopes": scope.environment.scopes} | _draft(request.GET) | {"once": new_once()}
    return _form_page(request, scope, NewKeyForm(scope, initial=initial))


def _make(request: SignedInRequest, scope: Scope) -> HttpResponse:
    form = NewKeyForm(scope, request.POST)
    if not form.is_valid():
        return _form_page(request, scope, form)
    if form.signs:
        return _create_signed(request, scope, form)
    place = scope.environment
    if (place.production or place.approvals_create) and "confirmed" not in request.POST:
        return _to_confirmation(request, scope, form)
    return _create(request, scope, form)


def _to_confirmation(request: SignedInRequest, scope: Scope, form: NewKeyForm) -> HttpResponse:
    """The draft travels in the address: a page that answers a POST asks at Back to be sent again."""
    try:
        room.refuse_full(form.team_chosen)
    except NoRoom as full:
        return _full(request, scope, form, full)
    draft = QueryDict(mutable=True)
    draft[CONFIRM] = "yes"
    for name in DRAFT:
        draft.setlist(name, request.POST.getlist(name))
    if scope.environment.approvals_create:
        fix_end(draft, form.expires_at(timezone.now()))
    return redirect(f"{request.path}?{draft.urlencode()}")


def _confirmation(request: SignedInRequest, scope: Scope) -> HttpResponse:
    said = request.GET.copy()
    said["once"] = new_once()
    form = NewKeyForm(scope, said)
    if not form.is_valid() or form.signs:
        return _form_page(request, scope, form)
    draft = request.GET.copy()
    del draft[CONFIRM]
    context = {"scope": scope, "form": form, "back": f"{request.path}?{draft.urlencode()}"}
    ends_at = form.expires_at(timezone.now())
    context |= {"ends_at": ends_at, "team": form.team_chosen}
    context["approval"] = note = Note.of(scope, Act.CREATE, f"environment:{scope.environment.slug}")
    change = issuing.creation(scope, _said(form, ends_at), issuing.SECRET)
    context["ready"] = note is None or approvals.usable(scope, change, timezone.now()) is not None
    return render(request, "keys/confirm_create.html", context)


def _draft(said: QueryDict) -> dict[str, object]:
    """What was filled in before, or what a link chose."""
    kept: dict[str, object] = {name: said[name] for name in DRAFT if name in said}
    if "scopes" in kept:
        kept["scopes"] = said.getlist("scopes")
    return kept


def _form_page(request: SignedInRequest, scope: Scope, form: NewKeyForm) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    context = {"scope": scope, "form": form, "minutes": minutes_between_tests(scope.environment)}
    context["approval"] = Note.of(scope, Act.CREATE, f"environment:{scope.environment.slug}")
    return render(request, "keys/create.html", context, status=status)


def _create(request: SignedInRequest, scope: Scope, form: NewKeyForm) -> HttpResponse:
    browser = Browser.of(request)
    once = form.cleaned_data["once"]
    new = _said(form, form.expires_at(timezone.now()))
    try:
        shown = issuing.create_key(scope, new, OneSight(browser, once))
    except NameTaken:
        return _taken(request, scope, form)
    except NoRoom as full:
        return _full(request, scope, form, full)
    return to_secret(shown, browser)


def _create_signed(request: SignedInRequest, scope: Scope, form: NewKeyForm) -> HttpResponse:
    """Nothing is shown once and nothing is confirmed: no secret is made, and no public key is there yet."""
    try:
        key = public_keys.create_key(scope, _said(form, None), form.cleaned_data["once"])
    except NameTaken:
        return _taken(request, scope, form)
    except NoRoom as full:
        return _full(request, scope, form, full)
    messages.success(request, f"{key.name} is made. It can be used once it has a public key.")
    return to_tab(key)


def _said(form: NewKeyForm, expires_at: datetime | None) -> NewKey:
    lines = {name: form.cleaned_data[name] for name in ("name", "note", "used_by", "kept_in")}
    return NewKey(**lines, team=form.team_chosen, scopes=form.scopes_chosen, expires_at=expires_at)


def _taken(request: SignedInRequest, scope: Scope, form: NewKeyForm) -> HttpResponse:
    form.add_error("name", f"Another key in {scope.environment.name} has this name.")
    return _form_page(request, scope, form)


def _full(request: SignedInRequest, scope: Scope, form: NewKeyForm, full: NoRoom) -> HttpResponse:
    form.add_error("team", str(full))
    return _form_page(request, scope, form)


def to_secret(shown: Handover, browser: Browser) -> HttpResponse:
    response = to_page("keys:secret", shown.secret.key, handover=shown.public_id)
    browser.remember(response)
    return response


def _private(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """No copy in any cache, no address told to anybody."""
    return cache_control(no_store=True, private=True)(view)


@require_http_methods(["GET", "HEAD", "POST"])
@_private
@in_environment(Action.VIEW)
def secret(
    request: SignedInRequest, scope: Scope, client_id: str, handover: str
) -> HttpResponseBase:
    shown = (
        Handover.objects.within(scope)
        .select_related("user", "secret__key__environment__organization", "secret__key__team")
        .filter(secret__key__client_id=client_id, public_id=handover)
        .first()
    )
    if shown is None:
        raise Http404("Nothing to show.")
    if request.method != "POST":
        return _show(request, scope, shown)
    if request.POST.get("act") == "discard":
        issuing.discard_secret(scope, shown)
        return _to_secrets(shown)
    if not request.POST.get("stored"):
        # An answer to a POST would stand in the browser's history, and Back would ask to send it again.
        return redirect(f"{request.path}?{UNTICKED}")
    return _finish(scope, shown)


def _to_secrets(shown: Handover) -> HttpResponse:
    return to_tab(shown.secret.key, "secrets")


def _finish(scope: Scope, shown: Handover) -> HttpResponse:
    """Pressed twice, it leads to the same test."""
    key = shown.secret.key
    if shown.closed_at:
        asked = (CredentialTest.Reason.CREATED, CredentialTest.Reason.PROOF)
        made = shown.secret.tests.filter(reason__in=asked)
        test = made.newest_first().first()
        if test is None:
            return _to_secrets(shown)
    else:
        test = issuing.collect_secret(scope, shown)
    return to_page("keys:test_run", key, test=test.pk)


def _show(request: SignedInRequest, scope: Scope, shown: Handover) -> HttpResponse:
    key = shown.secret.key
    try:
        text = issuing.see_secret(scope, shown, Browser.of(request))
    except CannotShow:
        response = render(request, "keys/secret_gone.html", about(scope, key), status=410)
        response["Referrer-Policy"] = REFERRER
        return response
    if request.GET.get("file") == "env":
        response = HttpResponse(env_file(key, text), content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{key.client_id}.env"'
    else:
        context = about(scope, key)
        context |= {"shown": shown, "text": text.reveal(), "forgot": UNTICKED in request.GET}
        rotation = shown.secret.rotated_in.exclude(old=None).open().first()
        context |= {"snippets": snippets(key), "rotation": rotation}
        response = render(request, "keys/secret.html", context)
    response["Referrer-Policy"] = REFERRER
    return response
