"""Single sign-on: to an organization's provider and back. It decides by issuer and subject, never by an e-mail address."""

import time

import structlog
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import oidc, waiting
from dashboard.doorbook import note_failure
from dashboard.errors import too_many
from dashboard.flow import Flow, NotBegun, Purpose, client_of
from dashboard.id_tokens import BadIdToken, Claimed, Expected, read_id_token
from environments.access import enter_organization
from environments.guard import origin_of, vouched_for
from environments.models import Identity, IdentityProvider, User
from environments.services import identities, invitations
from environments.services.invitations import AlreadyMember, HasAccount, LinkEnded

log = structlog.get_logger(__name__)

METHOD = "sso"
FOUND = "single_sign_on_found"
PACE = {"sso": "20/m/ip"}
NONE_HERE = (
    "There is no single sign-on under this name. Ask an owner of your organization for its address."
)
NOT_LINKED = (
    "Nobody here is linked with this account. Sign in with your own password or passkey and link it "
    "under Account, or ask an owner or admin for a one-time link."
)
ANOTHER = "Somebody else here is linked with this account at the provider."
LINKED_TWICE = "This account at the provider is linked already. Sign in with it."
SIGN_IN_FIRST = "You have an account here. Sign in with it, open the one-time link again, and then link it under Account."


class Stopped(Exception):
    """The sign-in ends here; the text says why, for the person."""


def _provider(org: str) -> IdentityProvider | None:
    return (
        IdentityProvider.objects.select_related("organization")
        .filter(organization__slug=org)
        .first()
    )


@require_safe
@login_not_required
def choose(request: HttpRequest) -> HttpResponse:
    """By the organization's short name: a list would tell strangers who is here."""
    org = request.GET.get("organization", "").replace("\x00", "").strip().lower()[:40]
    if org.replace("-", "").replace("_", "").isalnum() and org.isascii():
        return redirect("sso", org)
    return render(request, "arrival/sso.html", {"org": ""})


@require_safe
@login_not_required
@never_cache
def door(request: HttpRequest, org: str) -> HttpResponse:
    """The same for a name that nobody has. A link leads on: the content policy sends no form to another host."""
    page = request.GET.get("next", "")
    facts = {"org": org, "page": page, "confirming": request.user.is_authenticated}
    if isinstance(request.user, User):
        facts["waits"] = waiting.act(request.user, page)
    return render(request, "arrival/sso.html", facts)


@require_safe
@login_not_required
@never_cache
def start(request: HttpRequest, org: str) -> HttpResponse:
    if not ratelimit.consume(request, app="latchkey", action="sso", config=PACE, limit_get=True):
        return too_many(request)
    provider = _provider(org)
    if provider is None:
        return _stopped(request, org, NONE_HERE)
    try:
        purpose, invitation = _purpose(request, provider)
    except Stopped as stop:
        return _stopped(request, org, str(stop))
    page = _safe(request, request.GET.get("next", ""))
    return leave(request, provider, purpose, page=page, invitation=invitation)


def leave(
    request: HttpRequest, provider: IdentityProvider, purpose: Purpose, **more: str
) -> HttpResponse:
    """To the provider, with what only this browser will be able to bring back."""
    slug = provider.organization.slug
    try:
        client, found = client_of(provider), oidc.discover(provider.issuer)
    except oidc.ProviderFault as fault:
        return _stopped(request, slug, str(fault))
    flow = Flow.begin(request, provider, purpose, **more)
    return redirect(oidc.sign_in_address(found, client, flow.asked(slug)))


def _purpose(request: HttpRequest, provider: IdentityProvider) -> tuple[Purpose, str]:
    if request.user.is_authenticated:
        if vouched_for(request) != provider.organization_id:
            raise Stopped("You are signed in already. Link the provider under Account.")
        return Purpose.CONFIRM, ""
    token = request.GET.get("invitation", "")
    if not token:
        return Purpose.SIGN_IN, ""
    try:
        invitation = invitations.find_invitation(token)
    except LinkEnded:
        raise Stopped("The one-time link has ended.") from None
    if invitation.organization_id != provider.organization_id:
        raise Stopped("The one-time link is for another organization.")
    return Purpose.JOIN, token


@require_safe
@login_not_required
@never_cache
def callback(request: HttpRequest, org: str) -> HttpResponse:
    """What the provider sends back, judged before anything is done with it."""
    provider = _provider(org)
    if provider is None:
        return _stopped(request, org, NONE_HERE)
    try:
        flow = Flow.take(request, provider)
        claimed = _claimed(request, provider, flow)
        return _ACTS[Purpose(flow.purpose)](request, provider, flow, claimed)
    except (Stopped, NotBegun, oidc.ProviderFault) as stop:
        return _stopped(request, org, str(stop))
    except BadIdToken as bad:
        log.warning("bad_id_token", cause=str(bad))
        return _stopped(request, org, "The provider's answer could not be trusted.", str(bad))


def _claimed(request: HttpRequest, provider: IdentityProvider, flow: Flow) -> Claimed:
    if "error" in request.GET or not request.GET.get("code"):
        raise Stopped("The provider did not sign you in.")
    asked, client = flow.asked(provider.organization.slug), client_of(provider)
    found = oidc.discover(provider.issuer)
    text = oidc.redeem(found, client, asked, request.GET["code"])
    expected = Expected(provider.issuer, provider.client_id, flow.nonce, asked.fresh)
    return read_id_token(text, oidc.fetch_keys(found), expected, now=time.time())


def _stopped(request: HttpRequest, org: str, said: str, cause: str = "") -> HttpResponse:
    if not request.user.is_authenticated:
        note_failure(request, None, f"single sign-on of {org}", cause=cause or said)
    return render(request, "arrival/sso_stopped.html", {"org": org, "said": said}, status=400)


def _sign_in(
    request: HttpRequest, provider: IdentityProvider, flow: Flow, claimed: Claimed
) -> HttpResponse:
    organization = provider.organization
    user = identities.person_behind(organization, claimed.issuer, claimed.subject, timezone.now())
    if user is None:
        raise Stopped(NOT_LINKED)
    return _enter(request, provider, user, flow.page)


def _enter(request: HttpRequest, provider: IdentityProvider, user: User, page: str) -> HttpResponse:
    """By allauth's own steps: a factor that the person has here is asked for all the same."""
    if request.user.is_authenticated:
        raise Stopped("You have signed in meanwhile, in another tab of this browser.")
    organization = provider.organization
    record_authentication(request, user, method=METHOD, organization=organization.pk)
    login = Login(
        user=user,
        email=user.email,
        redirect_url=page or reverse("overview", args=[organization.slug]),
        signal_kwargs={"vouched_for": organization.pk},
    )
    response: HttpResponse = perform_login(request, login)
    return response


def _join(
    request: HttpRequest, provider: IdentityProvider, flow: Flow, claimed: Claimed
) -> HttpResponse:
    """Whoever holds the one-time link is whom it was made for, whatever address the provider tells."""
    organization = provider.organization
    if organization.identities.filter(issuer=claimed.issuer, subject=claimed.subject).exists():
        raise Stopped(LINKED_TWICE)
    try:
        user = _make_linked(request, provider, flow, claimed)
    except (LinkEnded, AlreadyMember):
        raise Stopped("The one-time link has ended.") from None
    except HasAccount:
        raise Stopped(SIGN_IN_FIRST) from None
    return _enter(request, provider, user, "")


@transaction.atomic
def _make_linked(
    request: HttpRequest, provider: IdentityProvider, flow: Flow, claimed: Claimed
) -> User:
    origin = origin_of(request)
    user = invitations.sign_up_and_join(
        flow.invitation, password=None, name=claimed.name, origin=origin
    )
    scope = enter_organization(user, provider.organization.slug, origin)
    assert scope is not None  # noqa: S101  # just joined
    identities.link(scope, issuer=claimed.issuer, subject=claimed.subject, shown=claimed.shown)
    return user


def _confirm(
    request: HttpRequest, provider: IdentityProvider, flow: Flow, claimed: Claimed
) -> HttpResponse:
    """The same person, who has just proven themselves anew at the provider."""
    user = identities.person_behind(
        provider.organization, claimed.issuer, claimed.subject, timezone.now()
    )
    if user is None or user != request.user:
        raise Stopped("This is another person than the one who is signed in here.")
    record_authentication(request, user, method=METHOD, reauthenticated=True)
    return redirect(flow.page or "home")


def _offer_link(
    request: HttpRequest,
    provider: IdentityProvider,
    flow: Flow,  # noqa: ARG001  # the shape of every act
    claimed: Claimed,
) -> HttpResponse:
    """Not linked yet: somebody else's page may have led this browser here."""
    if not request.user.is_authenticated:
        raise Stopped("You were signed out meanwhile.")
    organization = provider.organization
    taken: Identity | None = organization.identities.filter(
        issuer=claimed.issuer, subject=claimed.subject
    ).first()
    if taken and taken.user_id != request.user.pk:
        raise Stopped(ANOTHER)
    request.session[FOUND] = {
        "organization": organization.pk,
        "issuer": claimed.issuer,
        "subject": claimed.subject,
        "shown": claimed.shown,
        "user": request.user.pk,
        "at": time.time(),
    }
    return redirect("confirm_link", organization.slug)


def _safe(request: HttpRequest, page: str) -> str:
    """A page of ours, or nothing."""
    hosts = {request.get_host()}
    ours = url_has_allowed_host_and_scheme(page, hosts, require_https=request.is_secure())
    return page if page.startswith("/") and ours else ""


_ACTS = {
    Purpose.SIGN_IN: _sign_in,
    Purpose.JOIN: _join,
    Purpose.CONFIRM: _confirm,
    Purpose.LINK: _offer_link,
}
