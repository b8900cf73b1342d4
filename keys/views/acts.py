"""Acts on a key that exists: each a page with its consequence, and the verb behind it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Act, Action
from environments.reauth import fresh_sign_in
from environments.views.asking import Note, asks_first
from keys.forms.editing import EditForm
from keys.forms.keys import Ending, MoveForm, TypedForm
from keys.health import newest
from keys.models import Key
from keys.services import keeping
from keys.services.issuing import AgainstPolicy, KeyEnded, NameTaken
from keys.services.room import NoRoom
from keys.views.common import about, gone_once_deleted, living_key, to_page


@dataclass(frozen=True, slots=True)
class Words:
    """How a form page about a key is worded."""

    title: str
    button: str
    sentence: str
    tab: str = ""
    """Where Cancel leads, of the key's tabs."""


EDIT = Words(
    "Edit",
    "Save changes",
    "What the key is called, what uses it, where its secret is kept and what it is held to.",
)
EXPIRY = Words(
    "Change expiry of",
    "Change expiry",
    "The end of the newest secret. Once it has passed, tokens are refused.",
)
MOVE = Words("Move", "Move key", "The new team's people see and test the key; its leads rotate it.")


def _back(key: Key) -> HttpResponse:
    return to_page("keys:detail", key)


def form_page(
    request: SignedInRequest, scope: Scope, key: Key, form: Any, words: Words
) -> HttpResponse:
    status = 422 if form.is_bound else 200
    context = about(scope, key) | {"form": form, "words": words}
    return render(request, "keys/form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.EDIT)
@gone_once_deleted
def edit(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.EDIT)
    initial = {name: getattr(key, name) for name in keeping.EDITABLE}
    form = EditForm(key, request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        return form_page(request, scope, key, form, EDIT)
    try:
        keeping.edit_key(scope, client_id, **form.cleaned_data)
    except NameTaken:
        form.add_error("name", f"Another key in {scope.environment.name} has this name.")
        return form_page(request, scope, key, form, EDIT)
    except AgainstPolicy:
        form.add_error(None, f"The policy of {scope.environment.name} keeps these doors shut.")
        return form_page(request, scope, key, form, EDIT)
    messages.success(request, "Changes saved.")
    return _back(key)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.EDIT)
@gone_once_deleted
def expiry(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.EDIT)
    shown = newest(key)
    ends = shown.expires_at if shown else None
    initial = {"expiry": "custom" if ends else "none", "ends_at": ends}
    given = request.POST if request.method == "POST" else None
    form = Ending(given, initial=initial, place=scope.environment, secret=shown)
    if not form.is_valid():
        return form_page(request, scope, key, form, EXPIRY)
    try:
        keeping.set_expiry(scope, client_id, form.expires_at(timezone.now()))
    except KeyEnded:
        form.add_error(
            None, "The newest secret has ended and stays ended. Rotate to get a new one."
        )
        return form_page(request, scope, key, form, EXPIRY)
    messages.success(request, "Expiry changed.")
    return _back(key)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.MOVE)
@gone_once_deleted
def move(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.MOVE)
    initial = {"team": key.team.slug if key.team else "none"}
    form = MoveForm(scope, request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_valid():
        return form_page(request, scope, key, form, MOVE)
    try:
        keeping.move_key(scope, client_id, form.team_chosen)
    except NoRoom as full:
        form.add_error("team", str(full))
        return form_page(request, scope, key, form, MOVE)
    messages.success(request, "Key moved.")
    return _back(key)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.DISABLE)
@gone_once_deleted
def disable(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.DISABLE)
    if request.method != "POST":
        return render(request, "keys/disable.html", about(scope, key))
    keeping.disable_key(scope, client_id)
    messages.success(request, f"{key.name} is disabled. Enable it to undo.")
    return _back(key)


@require_POST
@in_environment(Action.DISABLE)
@gone_once_deleted
def enable(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.DISABLE)
    keeping.enable_key(scope, client_id)
    messages.success(request, f"{key.name} is enabled: tokens are given again.")
    return _back(key)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.REVOKE)
@fresh_sign_in
@gone_once_deleted
def revoke(request: SignedInRequest, scope: Scope, client_id: str, secret: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.REVOKE)
    ending = key.secrets.filter(public_id=secret).first()
    if ending is None:
        raise Http404("No such secret.")
    context = about(scope, key)
    others = key.secrets.unended(timezone.now()).exclude(pk=ending.pk).exists()
    only = keeping.works_alone(key, ending, timezone.now())
    signs = key.public_keys.unended(timezone.now()).exists()
    context |= {"secret": ending, "others": others, "only": only, "also_signs": signs}
    if request.method != "POST":
        return render(request, "keys/revoke.html", context)
    try:
        keeping.revoke_secret(scope, client_id, secret)
    except keeping.OnlySecret:
        return render(request, "keys/revoke.html", context | {"only": True}, status=409)
    messages.success(request, f"The secret …{ending.hint} is revoked.")
    response = _back(key)
    response["Location"] += "?tab=secrets"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.DELETE)
@fresh_sign_in
@asks_first()
@gone_once_deleted
def delete(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.DELETE)
    form = TypedForm(key, request.POST if request.method == "POST" else None)
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            keeping.delete_key(scope, client_id)
        except keeping.LastKey:
            refusal = f"This is the last live key of {scope.environment.name}, and the last one stays. Make another first."
        else:
            messages.success(request, f"{key.name} is deleted.")
            return _back(key)
    context = about(scope, key) | {"form": form, "refusal": refusal}
    context["approval"] = Note.of(scope, Act.DELETE, f"key:{client_id}")
    status = 422 if request.method == "POST" else 200
    return render(request, "keys/delete.html", context, status=status)
