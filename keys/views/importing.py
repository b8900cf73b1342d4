"""Plugging in a provider's credential, and entering its next secret. What is typed goes into no page and no log."""

from collections.abc import Mapping

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from environments.reauth import fresh_in_production, fresh_sign_in
from environments.views.asking import asks_first
from keys.forms.importing import EnterForm, PlugInForm
from keys.models import Key, TokenEndpoint
from keys.private_keys import BadPrivateKey
from keys.services import importing
from keys.services.importing import BadSecret, EndpointGone
from keys.services.issuing import NameTaken
from keys.services.room import NoRoom
from keys.services.rotating import RotationRuns, TooManySecrets
from keys.views.common import about, fix_end, gone_once_deleted, living_key, to_page

# Where a refusal of the verb stands in the form, and in which words; none: in its own.
REFUSALS: Mapping[type[Exception], tuple[str | None, str]] = {
    BadSecret: ("entered", ""),
    BadPrivateKey: ("entered", ""),
    NameTaken: ("name", "Another key of this environment has this name."),
    NoRoom: ("team", ""),
    EndpointGone: (None, "The endpoint was changed or ended meanwhile. Open this page again."),
    RotationRuns: (None, "A rotation of this key is open already. Look at it first."),
    TooManySecrets: (None, "Two secrets live already. Revoke the one that is not used."),
}


KEPT = (
    *("endpoint", "outside_id", "kid", "name", "team", "note", "used_by", "kept_in"),
    *("expiry", "ends_at"),
)
"""What fills in the page again once it is approved: all but the secret."""


@sensitive_post_parameters("entered")
@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.CREATE)
@fresh_in_production
@asks_first(*KEPT)
def plug_in(request: SignedInRequest, scope: Scope) -> HttpResponseBase:
    if request.method != "POST":
        asked = {name: request.GET[name] for name in KEPT if name in request.GET}
        return _plug_page(request, scope, PlugInForm(scope, initial=asked))
    form = PlugInForm(scope, request.POST)
    if not form.is_valid():
        return _plug_page(request, scope, form)
    if scope.environment.approvals_create:
        form = _fixed(request, scope, form)
    try:
        proof = form.proof(form.expires_at(timezone.now()))
        test = importing.plug_in(scope, form.credential, proof)
    except tuple(REFUSALS) as refused:
        form.add_error(*_said(refused))
        return _plug_page(request, scope, form)
    return to_page("keys:test_run", test.key, test=test.pk)


def _fixed(request: SignedInRequest, scope: Scope, form: PlugInForm) -> PlugInForm:
    """The same with its end as a date: that is what others approve, and what the page is filled in with later."""
    draft = request.POST.copy()
    fix_end(draft, form.expires_at(timezone.now()))
    request.POST = draft  # type: ignore[assignment]  # a copy of the same kind
    fixed = PlugInForm(scope, draft)
    return fixed if fixed.is_valid() else form


def _plug_page(request: SignedInRequest, scope: Scope, form: PlugInForm) -> HttpResponse:
    context = {"scope": scope, "form": form, "may_add": scope.may(Action.ADD_ENDPOINT)}
    return _private(render(request, "keys/plug_in.html", context, status=_status(form.is_bound)))


@sensitive_post_parameters("entered")
@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ROTATE)
@fresh_sign_in
@asks_first("why")
@gone_once_deleted
def enter(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = living_key(scope, client_id, Action.ROTATE)
    if key.endpoint is None:
        raise Http404("The secrets of this key are made here, not entered.")
    running = key.rotations.open().first()
    if running is not None and running.new_id is not None:
        return to_page("keys:rotation", key, rotation=running.public_id)
    endpoint = key.endpoint.newest()
    form = EnterForm(endpoint, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _enter_page(request, scope, key, endpoint, form)
    try:
        made = importing.enter_secret(scope, client_id, form.proof(), form.cleaned_data["why"])
    except tuple(REFUSALS) as refused:
        form.add_error(*_said(refused))
        return _enter_page(request, scope, key, endpoint, form)
    return to_page("keys:rotation", key, rotation=made.public_id)


def _enter_page(
    request: SignedInRequest, scope: Scope, key: Key, endpoint: TokenEndpoint, form: EnterForm
) -> HttpResponse:
    context = about(scope, key) | {
        "form": form,
        "endpoint": endpoint,
    }
    return _private(render(request, "keys/enter.html", context, status=_status(form.is_bound)))


def _said(refused: Exception) -> tuple[str | None, str]:
    field, words = REFUSALS[type(refused)]
    return field, words or str(refused)


def _status(bound: bool) -> int:  # noqa: FBT001
    return 422 if bound else 200


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store, private"
    return response
