"""The token endpoints of an environment: the built-in one first, then those of providers."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import Scope
from environments.guard import SignedInRequest, in_environment
from environments.policy import Action
from environments.reauth import fresh_in_production
from keys.forms.importing import EndpointForm
from keys.models import TokenEndpoint
from keys.outcomes import Outcome
from keys.services import endpoints
from keys.snippets import token_address


@require_safe
@in_environment(Action.VIEW)
def overview(request: SignedInRequest, scope: Scope) -> HttpResponse:
    rows = TokenEndpoint.objects.within(scope).for_table()
    context = {
        "scope": scope,
        "can": {"add_endpoint": scope.may(Action.ADD_ENDPOINT), "create": scope.can["create"]},
        "token_address": token_address(scope.environment),
        "endpoints": [_row(each) for each in rows if not each.replaced],
        "former": [_row(each) for each in rows if each.replaced and _used(each)],
    }
    return render(request, "keys/endpoints.html", context)


def _row(endpoint: TokenEndpoint) -> dict[str, object]:
    outcome = Outcome(endpoint.trouble) if endpoint.trouble else None
    return {"endpoint": endpoint, "outcome": outcome}


def _used(endpoint: TokenEndpoint) -> int:
    count: int = endpoint.used  # type: ignore[attr-defined]  # annotated by for_table
    return count


def _to_list(scope: Scope) -> HttpResponseRedirect:
    place = {"org": scope.organization.slug, "env": scope.environment.slug}
    return HttpResponseRedirect(reverse("keys:endpoints", kwargs=place))


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ADD_ENDPOINT)
@fresh_in_production
def add(request: SignedInRequest, scope: Scope) -> HttpResponseBase:
    form = EndpointForm(
        request.POST if request.method == "POST" else None,
        initial={"auth_method": TokenEndpoint.Method.BASIC},
    )
    if not form.is_valid():
        return _form_page(request, scope, form, None)
    try:
        made = endpoints.add_endpoint(scope, form.endpoint)
    except endpoints.EndpointNameTaken:
        return _taken(request, scope, form, None)
    messages.success(request, f"{made.name} is added. Now plug in a key there.")
    return _to_list(scope)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ADD_ENDPOINT)
@fresh_in_production
def change(request: SignedInRequest, scope: Scope, endpoint: str) -> HttpResponseBase:
    held = _here(scope, endpoint)
    form = EndpointForm(
        request.POST if request.method == "POST" else None, initial=EndpointForm.showing(held)
    )
    if not form.is_valid():
        return _form_page(request, scope, form, held)
    try:
        made = endpoints.change_endpoint(scope, endpoint, form.endpoint)
    except endpoints.EndpointNameTaken:
        return _taken(request, scope, form, held)
    except endpoints.EndpointEnded:
        raise Http404("This endpoint has ended.") from None
    if made.pk == held.pk:
        messages.success(request, "Changes saved.")
    else:
        messages.warning(request, f"{made.name} is changed. Enter the secret of each of its keys again.")  # fmt: skip
    return _to_list(scope)


@require_http_methods(["GET", "HEAD", "POST"])
@in_environment(Action.ADD_ENDPOINT)
@fresh_in_production
def end(request: SignedInRequest, scope: Scope, endpoint: str) -> HttpResponseBase:
    held = _here(scope, endpoint)
    used = endpoints.users_of(held)
    if request.method == "POST" and not used:
        try:
            endpoints.end_endpoint(scope, endpoint)
        except endpoints.EndpointInUse:
            used = endpoints.users_of(held)
        except endpoints.EndpointEnded:
            raise Http404("This endpoint has ended.") from None
        else:
            messages.success(request, f"{held.name} has ended.")
            return _to_list(scope)
    context = {"scope": scope, "endpoint": held, "used": used}
    status = 409 if request.method == "POST" else 200
    return render(request, "keys/end_endpoint.html", context, status=status)


def _here(scope: Scope, public_id: str) -> TokenEndpoint:
    scope.require(Action.ADD_ENDPOINT, None, f"endpoint:{public_id}")
    rows = TokenEndpoint.objects.within(scope).current().select_related("environment")
    held = rows.filter(public_id=public_id).first()
    if held is None:
        raise Http404("No such endpoint.")
    return held


def _taken(
    request: SignedInRequest, scope: Scope, form: EndpointForm, held: TokenEndpoint | None
) -> HttpResponse:
    form.add_error("name", f"Another endpoint in {scope.environment.name} has this name.")
    return _form_page(request, scope, form, held)


def _form_page(
    request: SignedInRequest, scope: Scope, form: EndpointForm, held: TokenEndpoint | None
) -> HttpResponse:
    used = endpoints.users_of(held) if held else 0
    context = {"scope": scope, "form": form, "endpoint": held, "used": used}
    status = 422 if form.is_bound else 200
    return render(request, "keys/endpoint_form.html", context, status=status)
