"""The signed test: who holds the private key shows it by an assertion, which a worker has tried."""

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from keys.forms.signing import AssertionForm
from keys.models import Key, PublicKey, SignedTest
from keys.services import signing
from keys.snippets import signer_of
from keys.views.common import about, gone_once_deleted, issued_key, to_page, to_tab
from keys.views.runs import steps_of


# Until it was tried it buys a token: no error report may show it.
@sensitive_post_parameters("assertion")
@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.TEST)
@gone_once_deleted
def sign(
    request: SignedInRequest, scope: Scope, client_id: str, public_key: str
) -> HttpResponseBase:
    key = issued_key(scope, client_id, Action.TEST)
    held = key.public_keys.unended(timezone.now()).filter(public_id=public_key).first()
    if held is None:
        raise Http404("No such public key, or it has ended.")
    held.key = key
    form = AssertionForm(held, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _page(request, scope, key, held, form)
    try:
        test = signing.try_assertion(scope, client_id, public_key, form.cleaned_data["assertion"])
    except signing.EndedMeanwhile:
        return to_tab(key)
    return to_page("keys:signed_test", key, signed_test=test.public_id)


def _page(
    request: SignedInRequest, scope: Scope, key: Key, held: PublicKey, form: AssertionForm
) -> HttpResponse:
    context = about(scope, key) | {"form": form, "held": held}
    context |= {"audience": signer_of(key).audience}
    status = 422 if form.is_bound else 200
    response = render(request, "keys/sign.html", context, status=status)
    response["Cache-Control"] = "no-store, private"
    return response


@require_safe
@in_environment(Action.VIEW)
def signed_test(
    request: SignedInRequest, scope: Scope, client_id: str, signed_test: str
) -> HttpResponse:
    key = issued_key(scope, client_id, Action.VIEW)
    tests = SignedTest.objects.within(scope).select_related("public_key", "asked_by")
    run = tests.filter(key=key, public_id=signed_test).first()
    if run is None:
        raise Http404("No such test.")
    queued = "ok" if run.started_at or run.finished_at else "now"
    first: dict[str, object] = {"name": "Queued", "state": queued, "said": "", "took": ""}
    context = about(scope, key) | {"run": run, "steps": [first, *steps_of(run.stages)]}
    page = "keys/signed_run.html" if request.htmx else "keys/signed_test.html"
    response = render(request, page, context)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response
