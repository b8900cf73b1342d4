"""Tests on demand: ask for one, watch it, cancel it."""

from collections.abc import Iterable, Mapping

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from keys.forms.keys import WhichSecretForm
from keys.health import verdict_of
from keys.models import CredentialTest
from keys.services import testing
from keys.views.common import about, key_here, living_key, to_page

STAGES = {
    "name": "Resolve name",
    "connect": "Connect",
    "tls": "TLS",
    "request": "Send request",
    "send": "Send request",
    "token": "Token received",
    "checked": "Token checked",
    "reply": "Answer received",
    "keys": "Keys read",
}
STATES = {"ok": "ok", "failed": "bad", "running": "run"}


@require_POST
@in_environment(Action.TEST)
def test(request: SignedInRequest, scope: Scope, client_id: str) -> HttpResponse:
    key = living_key(scope, client_id, Action.TEST)
    form = WhichSecretForm(request.POST)
    if not form.is_valid():
        raise Http404("No such secret.")
    try:
        asked = testing.request_test(scope, client_id, form.cleaned_data["secret"] or None)
    except testing.NothingToTest:
        messages.warning(
            request,
            "There is no secret to test. Public keys are tested by their clients: nobody else can sign.",
        )
        return to_page("keys:detail", key)
    return to_page("keys:test_run", key, test=asked.pk)


@require_safe
@in_environment(Action.VIEW)
def test_run(request: SignedInRequest, scope: Scope, client_id: str, test: int) -> HttpResponse:
    key = key_here(scope, client_id)
    run = key.tests.select_related("secret", "asked_by").filter(pk=test).first()
    if run is None:
        raise Http404("No such test.")
    context = about(scope, key) | {
        "run": run,
        "steps": _steps(run),
        "verdict": verdict_of(run),
        "ahead": 0 if run.started_at or run.finished_at else _ahead(run),
    }
    page = "keys/run.html" if request.htmx else "keys/test_run.html"
    response = render(request, page, context)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@in_environment(Action.TEST)
def cancel_test(_request: SignedInRequest, scope: Scope, client_id: str, test: int) -> HttpResponse:
    key = living_key(scope, client_id, Action.TEST)
    if not key.tests.filter(pk=test).exists():
        raise Http404("No such test.")
    testing.cancel_test(scope, client_id, test)
    return to_page("keys:test_run", key, test=test)


def _ahead(run: CredentialTest) -> int:
    waiting = CredentialTest.objects.unfinished().filter(interactive=True, started_at=None)
    return waiting.filter(asked_at__lt=run.asked_at).count()


def _steps(run: CredentialTest) -> list[dict[str, object]]:
    """The queue first, then what the worker has reported."""
    queued = "ok" if run.started_at or run.finished_at else "now"
    steps: list[dict[str, object]] = [{"name": "Queued", "state": queued, "said": "", "took": ""}]
    return steps + steps_of(run.stages)


def _took(ms: float) -> str:
    return f"{ms:.0f} ms" if ms >= 1 else "under 1 ms"


def steps_of(stages: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """What a worker has reported, for the stepper."""
    steps: list[dict[str, object]] = []
    for stage in stages:
        name, ms = str(stage.get("name", "")), stage.get("ms")
        steps.append(
            {
                "name": STAGES.get(name, name.capitalize()),
                "state": STATES.get(str(stage.get("state")), "idle"),
                "said": stage.get("note", ""),
                "took": _took(ms) if isinstance(ms, int | float) else "",
            }
        )
    return steps
