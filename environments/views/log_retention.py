"""How long the log is kept, as owners set it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from environments import audit
from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.log import RETENTIONS, set_retention


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@fresh_sign_in
def retention(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    chosen = request.POST.get("kept", "")
    if request.method == "POST" and chosen in RETENTIONS:
        if set_retention(scope, RETENTIONS[chosen][1]):
            messages.success(request, "Saved. The change is in the log.")
        return redirect("environments:log", scope.organization.slug)
    now, lines = timezone.now(), audit.within(scope)
    choices = [
        {
            "value": value,
            "name": name,
            "chosen": scope.organization.log_kept == kept,
            "goes": lines.filter(at__lt=now - kept).count() if kept else 0,
        }
        for value, (name, kept) in RETENTIONS.items()
    ]
    facts = {"scope": scope, "choices": choices, "refused": request.method == "POST"}
    return render(request, "environments/log_retention.html", facts)
