"""Webhooks of an organization: the list, a new one with its secret, what was told and what came back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from keys.forms.webhooks import WebhookForm
from keys.models import Webhook
from keys.services import webhooks
from keys.services.webhooks import MOST_WEBHOOKS, TooMany

PER_PAGE = 50


@require_safe
@in_organization(OrgAction.EDIT)
def listed(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    waits = Q(deliveries__delivered_at=None, deliveries__given_up_at=None)
    found = Webhook.objects.within(scope).annotate(
        waiting=Count("deliveries", filter=waits & ~Q(deliveries=None)),
        given_up=Count("deliveries", filter=~Q(deliveries__given_up_at=None)),
        last=Max("deliveries__delivered_at"),
    )
    facts = {"scope": scope, "rows": found.order_by("pk"), "most": MOST_WEBHOOKS}
    return render(request, "keys/webhooks.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@fresh_sign_in
@never_cache
def add(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """The secret is in the answer to the form and nowhere else that a person can read."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            webhook, secret = webhooks.add_webhook(scope, **form.cleaned_data)
        except TooMany:
            form.add_error(None, f"An organization has {MOST_WEBHOOKS} webhooks at most.")
        else:
            facts = {"scope": scope, "webhook": webhook, "secret": secret.reveal()}
            return render(request, "keys/webhook_secret.html", facts)
    return render(request, "keys/add_webhook.html", {"scope": scope, "form": form})


@require_safe
@in_organization(OrgAction.EDIT)
def webhook(request: SignedInRequest, scope: OrgScope, webhook: str) -> HttpResponse:
    found = get_object_or_404(Webhook.objects.within(scope), public_id=webhook)
    told = found.deliveries.order_by("-pk")
    page = Paginator(told, PER_PAGE).get_page(request.GET.get("page"))
    facts = {
        "scope": scope,
        "webhook": found,
        "page": page,
        "moves": told.waiting().filter(due_at__lte=timezone.now()).exists(),
    }
    part = "keys/deliveries.html" if request.htmx else "keys/webhook.html"
    return render(request, part, facts)


@require_POST
@in_organization(OrgAction.EDIT)
def attempt(request: SignedInRequest, scope: OrgScope, webhook: str) -> HttpResponse:
    webhooks.try_webhook(scope, webhook)
    messages.success(request, "A message is on its way. What comes back stands below.")
    return redirect("keys:webhook", scope.organization.slug, webhook)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@fresh_sign_in
def end(request: SignedInRequest, scope: OrgScope, webhook: str) -> HttpResponse:
    found = get_object_or_404(Webhook.objects.within(scope), public_id=webhook)
    if request.method == "POST":
        webhooks.end_webhook(scope, found.public_id)
        messages.success(request, "Nothing is told there any more.")
        return redirect("keys:webhooks", scope.organization.slug)
    return render(request, "keys/end_webhook.html", {"scope": scope, "webhook": found})
