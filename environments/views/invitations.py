"""One-time links into the organization: made, sent, looked over, made anew, withdrawn."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments import letters, policy
from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.invitation_form import InviteForm
from environments.models import Invitation
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services import invitations
from environments.services.invitations import AlreadyMember
from environments.views.asking import asks_first

PER_PAGE = 50
WORDS = {
    "waiting": ("Waiting", "idle"),
    "undelivered": ("Undelivered", "bad"),
    "ended": ("Ended", "idle"),
    "taken": ("Joined", "ok"),
    "withdrawn": ("Withdrawn", "idle"),
}


@require_safe
@in_organization(OrgAction.INVITE)
def listed(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """Every link that was made, newest first: what came of it."""
    now = timezone.now()
    links = scope.organization.invitations.select_related("made_by", "team").order_by("-pk")
    page = Paginator(links, PER_PAGE).get_page(request.GET.get("page"))
    facts = {
        "scope": scope,
        "page": page,
        "rows": [(link, *WORDS[link.state(now)], link.state(now)) for link in page],
        "open": scope.organization.invitations.open(now).count(),
    }
    return render(request, "environments/invitations.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.INVITE)
@fresh_sign_in
@asks_first()
@never_cache
def invite(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """The links are in the answer to the form and nowhere else: we keep their hashes alone."""
    form = InviteForm(
        request.POST or None,
        organization=scope.organization,
        roles=policy.grantable(scope.role),
        places=scope.organization.environments.current(),
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = invitations.invite_all(
                scope, emails=form.cleaned_data["emails"], welcome=form.welcome()
            )
        except AlreadyMember:
            form.add_error("emails", "One of these people has just become a member.")
        else:
            return _made(request, scope, made)
    facts = {"form": form, "mailed": letters.mail_is_set_up()}
    return render(request, "environments/invite.html", facts)


@require_POST
@in_organization(OrgAction.INVITE)
@fresh_sign_in
@asks_first()
@never_cache
def again(request: SignedInRequest, scope: OrgScope, link: int) -> HttpResponse:
    try:
        made = invitations.invite_again(scope, link)
    except AlreadyMember:
        messages.info(request, "This person is a member already.")
        return redirect("environments:invitations", scope.organization.slug)
    return _made(request, scope, [made])


def _made(
    request: SignedInRequest, scope: OrgScope, made: list[tuple[Invitation, str]]
) -> HttpResponse:
    links = [
        (invitation, settings.LATCHKEY_BASE_URL + reverse("join", args=[token]))
        for invitation, token in made
    ]
    if letters.mail_is_set_up():
        for invitation, link in links:
            letters.bring(invitation, link)
    facts = {"scope": scope, "links": links, "mailed": letters.mail_is_set_up()}
    return render(request, "environments/invited.html", facts)


@require_POST
@in_organization(OrgAction.INVITE)
def withdraw(request: SignedInRequest, scope: OrgScope, link: int) -> HttpResponse:
    try:
        invitations.revoke_invitation(scope, link)
    except Invitation.DoesNotExist:
        raise Http404 from None
    messages.success(request, "The link is withdrawn. It leads nowhere now.")
    return redirect("environments:invitations", scope.organization.slug)
