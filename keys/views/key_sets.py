"""The address of a key's public keys: enter or change it, see what its last fetch found, fetch now, remove it."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from environments.reauth import fresh_sign_in
from environments.views.asking import asks_first
from keys.forms.key_sets import KeySetForm, RemoveKeySetForm
from keys.models import Key, KeySet, PublicKey
from keys.services import key_sets
from keys.services.issuing import AgainstPolicy
from keys.views.common import about, gone_once_deleted, issued_key, to_page, to_tab
from keys.views.runs import steps_of


@require_safe
@in_environment(Action.VIEW)
def key_set(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = issued_key(scope, client_id, Action.VIEW)
    held = _held(key)
    context = about(scope, key) | {"key_set": held, "steps": _steps(held)}
    page = "keys/key_set_state.html" if request.htmx else "keys/key_set.html"
    response = render(request, page, context)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


def _held(key: Key) -> KeySet:
    held: KeySet | None = getattr(key, "key_set", None)
    if held is None:
        raise Http404("This key has no address of public keys.")
    return held


def _steps(held: KeySet) -> list[dict[str, object]]:
    """While somebody waits: the queue first. A fetch that has ended is shown by its stages."""
    queued = "now" if held.waited_for and not held.leased_until else "ok"
    waits: dict[str, object] = {"name": "Queued", "state": queued, "said": "", "took": ""}
    return [waits, *steps_of([] if queued == "now" else held.stages)]


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@asks_first()
@gone_once_deleted
def change(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.ROTATE)
    scope.require(Action.REVOKE, key, f"key:{client_id}")
    held: KeySet | None = getattr(key, "key_set", None)
    form = KeySetForm(
        scope.environment,
        request.POST if request.method == "POST" else None,
        initial=_initial(held),
    )
    if not form.is_valid():
        return _change_page(request, scope, key, form)
    try:
        key_sets.enter_key_set(scope, client_id, form.key_set)
    except AgainstPolicy:
        form.add_error("expiry", "Every key of this environment must expire.")
        return _change_page(request, scope, key, form)
    return to_page("keys:key_set", key)


def _initial(held: KeySet | None) -> dict[str, object]:
    if held is None:
        return {}
    ends = {"expiry": "custom", "ends_at": held.expires_at} if held.expires_at else {}
    return {"url": held.url, "algorithm": held.algorithm} | ends


def _change_page(
    request: SignedInRequest, scope: Scope, key: Key, form: KeySetForm
) -> HttpResponse:
    pasted = key.public_keys.unended(timezone.now()).exclude(origin=PublicKey.Origin.KEY_SET)
    context = about(scope, key) | {"form": form, "pasted": pasted}
    status = 422 if form.is_bound else 200
    return render(request, "keys/change_key_set.html", context, status=status)


@require_POST
@in_environment(Action.TEST)
@gone_once_deleted
def fetch(_request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = issued_key(scope, client_id, Action.TEST)
    _held(key)
    key_sets.fetch_now(scope, client_id)
    return to_page("keys:key_set", key)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@gone_once_deleted
def remove(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.ROTATE)
    scope.require(Action.REVOKE, key, f"key:{client_id}")
    held = _held(key)
    form = RemoveKeySetForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = about(scope, key) | {"form": form, "key_set": held}
        return render(request, "keys/remove_key_set.html", context)
    key_sets.remove_key_set(scope, client_id, end_keys=form.cleaned_data["end_keys"])
    messages.success(request, "The address is removed. Public keys are added by hand again.")
    return to_tab(key)
