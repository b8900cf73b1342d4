"""The policy of an environment, with what it would touch before it is saved."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.models import Environment
from environments.policy import OrgAction
from environments.services.policies import (
    WORDS,
    Policy,
    TooFewApprovers,
    refuse_too_many,
    set_policy,
)
from environments.views.asking import asks_first
from keys.impact import Impact
from keys.policy_form import PolicyForm


@dataclass(frozen=True, slots=True)
class Change:
    what: str
    before: str
    after: str


APPROVED = "grace_max_hours"
"""A field that every policy has: an address that names it carries a whole one."""
KEPT = tuple(PolicyForm.base_fields)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@asks_first(*KEPT)
def policy(request: SignedInRequest, scope: OrgScope, place: str) -> HttpResponse:
    """Three steps on one address: fill in, see the impact, save."""
    environment = scope.organization.environments.current().filter(slug=place).first()
    if environment is None:
        raise Http404("No such environment.")
    old = Policy.of(environment)
    said = _said(request)
    if said is None:
        return _form_page(request, environment, PolicyForm.showing(old))
    form = PolicyForm(said)
    if not form.is_valid() or not _can_be_had(scope, environment, form) or "back" in said:
        return _form_page(request, environment, form)
    if form.policy == old:
        messages.info(request, "Nothing was changed.")
    elif request.method != "POST" or "confirmed" not in said:
        return _review(request, scope, environment, form)
    else:
        set_policy(scope, place, form.policy)
        messages.success(request, f"The policy of {environment.name} is saved.")
    return redirect("keys:policy", scope.organization.slug, place)


def _said(request: SignedInRequest) -> QueryDict | None:
    """What was sent, or what an address says that was approved: it leads to the same review."""
    if request.method == "POST":
        return request.POST
    return request.GET if APPROVED in request.GET else None


def _can_be_had(scope: OrgScope, place: Environment, form: PolicyForm) -> bool:
    try:
        refuse_too_many(scope.organization, place, Policy.of(place), form.policy)
    except TooFewApprovers as few:
        form.add_error(f"approvals_{few.act}", str(few))
        return False
    return True


def _form_page(request: SignedInRequest, place: Environment, form: PolicyForm) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    facts = {"environment": place, "form": form}
    return render(request, "keys/policy.html", facts, status=status)


def _review(
    request: SignedInRequest, scope: OrgScope, place: Environment, form: PolicyForm
) -> HttpResponse:
    old = Policy.of(place)
    before, after = old.said(), form.policy.said()
    changes = [
        Change(words, before[name], after[name])
        for name, words in WORDS.items()
        if before[name] != after[name]
    ]
    effects = Impact(scope, place, timezone.now()).of(old, form.policy)
    facts = {"environment": place, "form": form, "changes": changes, "effects": effects}
    facts["needed"] = place.approvals_policy
    return render(request, "keys/policy_review.html", facts)
