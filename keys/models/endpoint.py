"""Outside token endpoints: where an imported credential is tested."""

from typing import Self

from django.db import models
from django.utils import timezone

from environments.access import Scope
from environments.models import Environment, User
from keys.crypto import length_prefixed, new_id


def new_endpoint_id() -> str:
    return new_id("tep_")


class TokenEndpointQuerySet(models.QuerySet["TokenEndpoint"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(environment=scope.environment)

    def for_table(self) -> Self:
        """With `used`: how many keys that exist are tested there."""
        used = models.Count("keys", filter=models.Q(keys__deleted_at=None))
        return self.select_related("environment__organization").annotate(used=used)

    def current(self) -> Self:
        """Those that were not replaced or ended."""
        return self.filter(ended_at=None)


class TokenEndpoint(models.Model):
    """Where an outside provider gives tokens, and how it is asked. Never changed: editing makes a new row."""

    class Method(models.TextChoices):
        BASIC = "client_secret_basic", "Client secret, HTTP Basic"
        POST = "client_secret_post", "Client secret, in the form"
        PRIVATE_KEY_JWT = "private_key_jwt", "Signed assertion (private_key_jwt)"
        REDOX_LEGACY = "redox_legacy", "Redox legacy (JSON apiKey and secret)"

    class Algorithm(models.TextChoices):
        RS384 = "RS384", "RS384"
        RS256 = "RS256", "RS256"
        ES256 = "ES256", "ES256"
        ES384 = "ES384", "ES384"
        PS256 = "PS256", "PS256"
        EDDSA = "EdDSA", "EdDSA"

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="token_endpoints")
    public_id = models.CharField(
        max_length=40, unique=True, default=new_endpoint_id, editable=False
    )
    name = models.CharField(max_length=60)
    url = models.CharField(max_length=500)
    method = models.CharField(max_length=24, choices=Method)
    algorithm = models.CharField(max_length=8, choices=Algorithm, blank=True)
    """Of the assertion; empty for the other methods."""
    audience = models.CharField(max_length=500, blank=True)
    """`aud` of the assertion: the provider's issuer. Empty: the token URL."""
    scope = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    replaces = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replaced_by"
    )
    troubled_since = models.DateTimeField(null=True)
    """The endpoint or the way to it failed at the last test; the keys were not judged."""
    trouble = models.CharField(max_length=32, blank=True)
    trouble_told_at = models.DateTimeField(null=True)
    """When the environment's engineers were told of this trouble; its end is told only if it was told."""

    objects = TokenEndpointQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"],
                condition=models.Q(ended_at=None),
                name="endpoint_name_per_environment",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def newest(self) -> "TokenEndpoint":
        """The row that has taken its place by now, or itself."""
        return self._walk("replaced_by")[-1]

    def line(self) -> "list[TokenEndpoint]":
        """Itself and the rows whose place it took."""
        return self._walk("replaces")

    def _walk(self, way: str) -> "list[TokenEndpoint]":
        rows: list[TokenEndpoint] = [self]
        while (found := _next(rows[-1], way)) is not None:
            rows.append(found)
        return rows

    @property
    def replaced(self) -> bool:
        return self.ended_at is not None

    @property
    def signed(self) -> bool:
        return self.method == self.Method.PRIVATE_KEY_JWT

    @property
    def binding(self) -> str:
        """What a sealed credential is bound to: another address or method opens nothing."""
        return length_prefixed("endpoint", str(self.pk), self.url, self.method).hex()


def _next(row: TokenEndpoint, way: str) -> TokenEndpoint | None:
    return row.replaces if way == "replaces" else row.replaced_by.first()
