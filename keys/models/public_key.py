"""The public half of a pair whose private half never reaches us: it proves a key by signed assertion."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models import User
from keys.crypto import new_id

PUBLIC_KEY = "pub_"
"""So begins the public id of each of them."""


def new_public_key_id() -> str:
    return new_id(PUBLIC_KEY)


class PublicKeyQuerySet(models.QuerySet["PublicKey"]):
    def live(self, now: datetime) -> Self:
        """Those whose signature would buy a token: not ended, and the key neither disabled nor deleted."""
        return self.unended(now).filter(key__disabled_at=None, key__deleted_at=None)

    def unended(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class PublicKey(models.Model):
    """What verifies a client's signed assertions (RFC 7523), with the one algorithm it is for (RFC 8725, 3.1)."""

    class Origin(models.TextChoices):
        PASTED = "pasted", "Pasted"
        BROWSER = "browser", "Made in the browser"
        KEY_SET = "key_set", "Found at the key set's address"

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="public_keys")
    public_id = models.CharField(
        max_length=40, unique=True, default=new_public_key_id, editable=False
    )
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.PASTED)
    kid = models.CharField(max_length=200)
    algorithm = models.CharField(max_length=8)
    jwk = models.TextField()
    """The public members alone, as JSON: kty with n and e, or crv with x and y (RFC 7517)."""
    kind = models.CharField(max_length=20)
    """Type and size, as people say it: RSA 2048, P-256, Ed25519."""
    thumbprint = models.CharField(max_length=43)
    """RFC 7638, SHA-256, base64url."""
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    vanished_at = models.DateTimeField(null=True)
    """It ended because the key set at the key's address held it no more; null: a person ended it, or nobody."""
    proven_at = models.DateTimeField(null=True)
    """When somebody last showed here that they hold the private half."""
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=45, blank=True)
    use_count = models.BigIntegerField(default=0)
    warned_at = models.DateTimeField(null=True)
    """When the key's keepers were last told that it ends, or has ended."""

    objects = PublicKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "kid"], condition=Q(revoked_at=None), name="one_live_kid_per_key"
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(revoked_at=None) & ~Q(expires_at=None),
                name="public_key_ending",
            )
        ]

    def __str__(self) -> str:
        return self.kid

    def ended_by(self, now: datetime) -> bool:
        return self.revoked_at is not None or (
            self.expires_at is not None and self.expires_at <= now
        )

    def as_logged(self) -> dict[str, str | None]:
        ends = self.expires_at.isoformat() if self.expires_at else None
        return {
            "kid": self.kid,
            "algorithm": self.algorithm,
            "thumbprint": self.thumbprint,
            "expires_at": ends,
        }

    def end(self, by: User | None, now: datetime) -> bool:
        """Revoke it for good, in every process at once; True if it was not revoked before."""
        ended = PublicKey.objects.filter(pk=self.pk, revoked_at=None).update(
            revoked_at=now, revoked_by=by
        )
        self.refresh_from_db(fields=["revoked_at", "revoked_by"])
        return bool(ended)


class SpentAssertion(models.Model):
    """A `jti` that a client has used, kept as long as its assertion could be accepted (RFC 7523, 3).

    One row and one index entry to write for each token: no id, and no index that only the purge would read."""

    pk = models.CompositePrimaryKey("key_id", "mark")
    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="+", db_index=False)
    mark = models.BinaryField(max_length=32)
    """SHA-256 of the jti."""
    kept_until = models.DateTimeField()

    def __str__(self) -> str:
        return bytes(self.mark).hex()
