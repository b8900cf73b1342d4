"""What proves a key: a secret, or the private key of an imported credential."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from environments.models import Organization, User
from keys.crypto import Context, new_id
from keys.models.endpoint import TokenEndpoint
from keys.outcomes import Outcome

COLLECT_WITHIN = timedelta(hours=72)


def new_secret_id() -> str:
    return new_id("sec_")


class SecretQuerySet(models.QuerySet["Secret"]):
    def live(self, now: datetime) -> Self:
        """Those that would buy a token: not ended, and the key neither disabled nor deleted."""
        return self.unended(now).filter(key__disabled_at=None, key__deleted_at=None)

    def unended(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)

    def known_to(self, user: User, organization: Organization, now: datetime) -> Self:
        """Those that still prove something and were shown to, or entered by, this person."""
        return self.unended(now).filter(
            created_by=user, key__environment__organization=organization, key__deleted_at=None
        )

    def standing(self) -> Self:
        """Those that a key is judged by: without the new one of a rotation that has not proven it yet."""
        unproven = Q(
            rotated_in__closed_at=None,
            rotated_in__proven_at=None,
            rotated_in__retired_at=None,
            rotated_in__old__isnull=False,
        )
        return self.exclude(Q(pk__in=self.model.objects.filter(unproven).values("pk")))


class Secret(models.Model):
    """A value that proves a key: sealed for workers to test it, marked (keyed hash) to be recognised.

    Of an imported credential it may be a private key instead; nothing marks it, since nobody shows it to us.
    """

    class Kind(models.TextChoices):
        SECRET = "secret", "Secret"
        PRIVATE_KEY = "private_key", "Private key"

    key = models.ForeignKey("keys.Key", models.CASCADE, related_name="secrets")
    public_id = models.CharField(max_length=40, unique=True, default=new_secret_id, editable=False)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.SECRET)
    endpoint = models.ForeignKey(
        TokenEndpoint, models.RESTRICT, related_name="secrets", null=True, blank=True
    )
    """The outside endpoint that it was entered for: it is sent nowhere else."""
    kid = models.CharField(max_length=200, blank=True)
    hint = models.CharField(max_length=8)
    pepper_id = models.CharField(max_length=16, blank=True)
    mark = models.BinaryField(max_length=32, default=b"")
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    collected_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=45, blank=True)
    use_count = models.BigIntegerField(default=0)
    warned_at = models.DateTimeField(null=True)
    """When the key's keepers were last told that it ends, or has ended."""

    objects = SecretQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(collected_at=None, revoked_at=None),
                name="secret_uncollected",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(revoked_at=None) & ~Q(expires_at=None),
                name="secret_ending",
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.hint}"

    def ended_by(self, now: datetime) -> bool:
        return self.revoked_at is not None or (
            self.expires_at is not None and self.expires_at <= now
        )

    def end(self, by: User | None, now: datetime, *, keep_sealed: bool = False) -> bool:
        """Revoke it for good, in every process at once; True if it was not revoked before.

        The sealed text stays only where a rotation has still to prove it dead.
        """
        self.handovers.update(closed_at=now, sealed=None)
        erased = {} if keep_sealed else {"sealed": None}
        ended = Secret.objects.filter(pk=self.pk, revoked_at=None).update(
            revoked_at=now, revoked_by=by, **erased
        )
        self.refresh_from_db(fields=["revoked_at", "revoked_by", "sealed"])
        return bool(ended)

    @property
    def has_worked(self) -> bool:
        """A token was bought with it, by a client or by a test."""
        return bool(self.use_count) or self.tests.filter(outcome=Outcome.WORKS).exists()

    @property
    def context(self) -> Context:
        """What the sealed text is bound to: opened elsewhere, it stays shut (design part 7)."""
        environment = self.key.environment
        return Context(
            organization=environment.organization_id,
            environment=environment.pk,
            key=self.key.client_id,
            secret=self.public_id,
            field=self.kind,
            bound_to=self.endpoint.binding if self.endpoint else f"built-in {environment.pk}",
        )

    @property
    def life(self) -> timedelta | None:
        """The life it was given, from its making to its expiry."""
        return self.expires_at - self.created_at if self.expires_at else None
