"""An organization's own provider of sign-ins, and who its members are there."""

from typing import Protocol, Self

from django.db import models
from django.utils import timezone

from environments.models.places import Organization
from environments.models.user import User

ISSUER_LENGTH = 500
SUBJECT_LENGTH = 255  # OpenID Connect Core, 2


class _Place(Protocol):
    @property
    def organization_id(self) -> int: ...


class IdentityProviderQuerySet(models.QuerySet["IdentityProvider"]):
    def within(self, scope: _Place) -> Self:
        return self.filter(organization=scope.organization_id)


class IdentityProvider(models.Model):
    """OpenID Connect; one for each organization. Its secret rests sealed with the web key, bound to this very client."""

    organization = models.OneToOneField(Organization, models.CASCADE, related_name="provider")
    name = models.CharField(max_length=60)
    issuer = models.CharField(max_length=ISSUER_LENGTH)
    client_id = models.CharField(max_length=200)
    sealed_secret = models.TextField()
    set_at = models.DateTimeField(default=timezone.now)

    objects = IdentityProviderQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Identity(models.Model):
    """Who somebody is at the provider: by issuer and subject. `shown` is its word for them, and decides nothing."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="identities")
    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=ISSUER_LENGTH)
    subject = models.CharField(max_length=SUBJECT_LENGTH)
    shown = models.CharField(max_length=100, blank=True)
    linked_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "issuer", "subject"], name="one_person_per_identity"
            ),
            models.UniqueConstraint(
                fields=["organization", "issuer", "user"], name="one_identity_per_person"
            ),
        ]

    def __str__(self) -> str:
        return self.shown or self.subject
