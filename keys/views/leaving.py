"""A person is removed; and which live secrets somebody knows, with one step to rotate them."""

from collections import Counter

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import OrgScope, Refused
from environments.guard import SignedInRequest, in_organization
from environments.models import LARGEST, User
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.roles import LastOwner, may_reach
from keys.models import Key, Secret
from keys.services import leaving
from keys.services.bulk import MOST_KEYS


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.INVITE)
@fresh_sign_in
def remove(request: SignedInRequest, scope: OrgScope, member: int) -> HttpResponse:
    found = get_object_or_404(scope.organization.members.select_related("user"), pk=member)
    if request.method == "POST":
        return _remove(request, scope, found.pk)
    if not may_reach(scope, found, OrgAction.INVITE):
        raise Refused(OrgAction.INVITE, f"member:{found.pk}")
    known = leaving.known_secrets(scope, found.user)
    links = scope.organization.invitations.open(timezone.now()).filter(made_by=found.user)
    facts = {
        "scope": scope,
        "member": found,
        "keys": len({secret.key_id for secret in known}),
        "production": sum(secret.key.environment.production for secret in known),
        "links": links.count(),
    }
    return render(request, "keys/remove_member.html", facts)


def _remove(request: SignedInRequest, scope: OrgScope, member: int) -> HttpResponse:
    try:
        user = leaving.remove_member(scope, member)
    except LastOwner:
        messages.error(request, LastOwner.WORDS)
        return redirect("environments:person", scope.organization.slug, member)
    messages.success(request, f"{user} is no longer a member of {scope.organization.name}.")
    if user.pk == scope.actor.pk:
        return redirect("home")
    if leaving.known_secrets(scope, user).exists():
        return redirect("keys:known_secrets", scope.organization.slug, user.pk)
    return redirect("environments:members", scope.organization.slug)


@require_safe
@in_organization(OrgAction.INVITE)
def known(request: SignedInRequest, scope: OrgScope, user: int) -> HttpResponse:
    """Of a member, or of somebody who was one: the keys that the reader sees, and how many more there are where."""
    person, still_here = _person(scope, user)
    secrets = list(leaving.known_secrets(scope, person))
    if not secrets and not still_here:
        raise Http404("Nobody who was here.")
    keys = {secret.key_id for secret in secrets}
    seen = set(Key.objects.visible_to(scope.actor).filter(pk__in=keys).values_list("pk", flat=True))
    shown = sorted((each for each in secrets if each.key_id in seen), key=_production_first)
    hidden = Counter(each.key.environment.name for each in secrets if each.key_id not in seen)
    facts = {
        "scope": scope,
        "person": person,
        "member": still_here,
        "rows": shown[:MOST_KEYS],
        "hidden": sorted(hidden.items()),
        "total": len(secrets),
        "ids": list(dict.fromkeys(each.key.client_id for each in shown[:MOST_KEYS])),
    }
    return render(request, "keys/known_secrets.html", facts)


def _person(scope: OrgScope, user: int) -> tuple[User, int | None]:
    """Who it is, and their membership if they still have one."""
    if user > LARGEST:
        raise Http404("Nobody who was here.")
    member = scope.organization.members.select_related("user").filter(user=user).first()
    if member is not None:
        return member.user, member.pk
    made = Secret.objects.filter(
        created_by=user, key__environment__organization=scope.organization
    ).select_related("created_by")
    secret = made.first()
    if secret is None or secret.created_by is None:
        raise Http404("Nobody who was here.")
    return secret.created_by, None


def _production_first(secret: Secret) -> tuple[bool, int, str]:
    place = secret.key.environment
    return not place.production, place.position, secret.key.name
