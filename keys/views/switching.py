"""From a secret to public keys: who still uses which, the end of the secret, and the proof that it is dead."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from environments.reauth import fresh_sign_in
from keys.models import Death, Key
from keys.progress.deaths import dying_of
from keys.services import switching
from keys.services.switching import NotQuiet
from keys.uses import bought_by
from keys.views.common import about, gone_once_deleted, issued_key, to_page


@require_safe
@in_environment(Action.VIEW)
def switch(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = issued_key(scope, client_id, Action.VIEW)
    if not request.htmx or request.htmx.history_restore_request:
        return _page(request, scope, key)
    response = render(request, "keys/deaths.html", about(scope, key) | _deaths(scope, key))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _deaths(scope: Scope, key: Key) -> dict[str, object]:
    """What was ended here, with the receipts."""
    now = timezone.now()
    ended = Death.objects.within(scope).filter(secret__key=key).for_page()
    deaths = [dying_of(each, now) for each in ended]
    return {"deaths": deaths, "proving": any(each.open for each in deaths)}


def _page(
    request: SignedInRequest, scope: Scope, key: Key, *, refused: bool = False
) -> HttpResponse:
    now = timezone.now()
    context = about(scope, key) | _proofs(key, now) | _deaths(scope, key)
    context |= {"way": switching.way_of(key, now), "refused": refused}
    response = render(request, "keys/switch.html", context, status=409 if refused else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _proofs(key: Key, now: datetime) -> dict[str, object]:
    bought = bought_by(key, now)
    return {
        "secrets": [(each, bought.get(each.public_id)) for each in key.secrets.unended(now)],
        "signers": [(each, bought.get(each.public_id)) for each in key.public_keys.unended(now)],
    }


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.REVOKE)
@fresh_sign_in
@gone_once_deleted
def end(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.REVOKE)
    if request.method != "POST":
        way = switching.way_of(key, timezone.now())
        if way.where is not switching.Where.QUIET:
            return _page(request, scope, key, refused=True)
        return render(request, "keys/switch_end.html", about(scope, key) | {"way": way})
    try:
        count = switching.end_secrets(scope, client_id)
    except NotQuiet:
        return _page(request, scope, key, refused=True)
    ended = "The secret is" if count == 1 else f"{count} secrets are"
    messages.success(request, f"{ended} ended: {key.name} is proven by public keys alone.")
    return to_page("keys:switch", key)
