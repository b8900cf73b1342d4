"""Requests that wait in the demo: to delete a key in production, and for a role."""

from django.db import transaction
from django.urls import reverse

from environments.access import OrgScope, enter, enter_organization
from environments.approvals import NeedsApproval
from environments.models import User
from environments.policy import EnvironmentRole
from environments.services import access_requests, permits
from environments.services.permits import Wish
from keys.models import Key
from keys.services import keeping


def ask(scope: OrgScope, *, engineer: str, newcomer: str, environment: str) -> None:
    """As the pages do it: the verb refuses, and what it refused is asked for."""
    asker = _standing(scope, engineer)
    here = enter(asker.actor, scope.organization.slug, environment)
    key = Key.objects.visible_to(asker.actor).filter(environment__slug=environment, endpoint=None)
    old = key.order_by("-pk").first()
    if here is not None and old is not None:
        try:
            with transaction.atomic():
                keeping.delete_key(here, old.client_id)
        except NeedsApproval as needs:
            page = reverse("keys:delete", kwargs=old.address)
            permits.ask(asker, Wish(needs.change, page, "Nothing uses it any more."))
    access_requests.ask_access(
        _standing(scope, newcomer),
        environment=environment,
        role=EnvironmentRole.SUPPORT,
        reason="I am on call from Monday on.",
    )


def _standing(scope: OrgScope, email: str) -> OrgScope:
    user = User.objects.get(email=email)
    found = enter_organization(user, scope.organization.slug)
    assert found is not None, f"{email} is no member"  # noqa: S101  # made a moment ago
    return found
