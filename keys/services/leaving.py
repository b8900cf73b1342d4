"""A person leaves the organization: their roles end at once, and whoever keeps a key they know a secret of is told."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments.access import OrgScope
from environments.models import Topic, User
from environments.services import roles
from keys.keepers import news_of, tell_keepers_about
from keys.models import Secret


def known_secrets(scope: OrgScope, user: User) -> QuerySet[Secret]:
    """Every live secret here that this person has seen; which of them the reader may see is for the page."""
    found = Secret.objects.known_to(user, scope.organization, timezone.now())
    return found.select_related("key__environment__organization", "key__team", "key__endpoint")


@transaction.atomic
def remove_member(scope: OrgScope, member_id: int) -> User:
    """The keys they made stay. Nothing is rotated behind anybody's back: it is asked for."""
    user = scope.organization.members.select_related("user").get(pk=member_id).user
    known = list(known_secrets(scope, user))
    roles.remove_member(scope, member_id)
    for secret in known:
        news = news_of(
            secret.key,
            f"left:{user.pk}:{secret.public_id}",
            f"{user} has left and knows the secret of {secret.key.name}",
            "Rotate it, so that what they know buys nothing any more.",
            page="keys:rotate" if secret.key.endpoint is None else "keys:detail",
        )
        tell_keepers_about(Topic.SECURITY, secret.key, news)
    return user
