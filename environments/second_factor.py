"""A second factor that an organization asks for: who has one, who is kept at the gate without."""

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet

from environments.models import Member, Organization, User

STEPS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts. Recovery codes only stand in for one of these."""


class NeedsFactor(PermissionDenied):
    """The organization's gate is shut until this person has a second factor."""

    def __init__(self, organization: Organization) -> None:
        super().__init__(organization.slug)
        self.organization = organization


def has_one(user: User) -> bool:
    found: bool = user.authenticator_set.filter(type__in=STEPS).exists()  # type: ignore[attr-defined]  # allauth ships no types
    return found


def missing(organization: Organization, user: User) -> datetime | None:
    """When the gate shuts, or shut, for this person; None: it stays open."""
    due = organization.second_factor_from
    return None if due is None or has_one(user) else due


def pass_gate(organization: Organization, user: User, now: datetime) -> None:
    due = missing(organization, user)
    if due is not None and due <= now:
        raise NeedsFactor(organization)


def without_one(organization: Organization) -> QuerySet[Member]:
    theirs = Authenticator.objects.filter(user=OuterRef("user"), type__in=STEPS)
    members = organization.members.select_related("user").filter(~Exists(theirs))
    return members.order_by("user__name", "user__email")


def asked_of(user: User) -> QuerySet[Organization]:
    """The organizations that ask it of this person: while one does, the last factor stays."""
    asking = Organization.objects.visible_to(user).exclude(second_factor_from=None)
    return asking.order_by("name")
