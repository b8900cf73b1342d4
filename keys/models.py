"""Keys, their secrets, and the rows that drive background work. Time is data: dates, never flags."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Prefetch, Q
from django.utils import timezone

from environments.access import Scope
from environments.models import Environment, EnvironmentGrant, Team, TeamMember, User
from environments.policy import Action
from keys.crypto import Context, mint_client_id, new_id
from keys.outcomes import Outcome

LEASE = timedelta(seconds=60)
STRIKES = 3
COLLECT_WITHIN = timedelta(hours=72)
SHOWN_FOR = timedelta(minutes=10)
TICKS = 20


def new_secret_id() -> str:
    return new_id("sec_")


class KeyQuerySet(models.QuerySet["Key"]):
    def within(self, scope: Scope) -> Self:
        """The keys this person may see here; deleted ones too, as tombstones."""
        here = self.filter(environment=scope.environment)
        if Action.VIEW in scope.actions:
            return here
        return here.filter(team_id__in=scope.teams_granting(Action.VIEW))

    def visible_to(self, user: User) -> Self:
        """Across environments: every environment role and every team role grants the view."""
        granted = EnvironmentGrant.objects.filter(member__user=user).values("environment")
        teams = TeamMember.objects.filter(member__user=user).values("team")
        return self.filter(Q(environment__in=granted) | Q(team__in=teams))

    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def scheduled(self) -> Self:
        """Those that the timetable tests: disabled and deleted ones rest."""
        return self.filter(deleted_at=None, disabled_at=None)

    def for_table(self) -> Self:
        """What a list row shows: team, live and ended secrets, the last tests."""
        return (
            self.select_related("team", "environment__organization")
            .prefetch_related(
                Prefetch("secrets", Secret.objects.order_by("-created_at", "-pk")),
                Prefetch(
                    "tests", CredentialTest.objects.conclusive().newest_first()[:TICKS], "recent"
                ),
            )
            .fetch_mode(models.FETCH_RAISE)
        )

    def for_page(self) -> Self:
        return self.select_related(
            "team", "environment__organization", "created_by", "disabled_by", "deleted_by"
        )


class Key(models.Model):
    """The named credential, with a public client ID. A secret or a public key proves it."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="keys")
    team = models.ForeignKey(Team, models.RESTRICT, related_name="keys", null=True, blank=True)
    client_id = models.CharField(max_length=40, unique=True, default=mint_client_id, editable=False)
    name = models.CharField(max_length=60)
    note = models.CharField(max_length=200, blank=True)
    used_by = models.CharField(max_length=200, blank=True)
    kept_in = models.CharField(max_length=200, blank=True)
    scopes = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    disabled_at = models.DateTimeField(null=True)
    disabled_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    last_tested_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=32, blank=True)
    failing_since = models.DateTimeField(null=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"],
                condition=Q(deleted_at=None),
                name="key_name_per_environment",
            )
        ]
        indexes = [models.Index(fields=["environment", "name"], name="key_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def granted_scopes(self) -> list[str]:
        """All that the environment offers, unless the key was given a subset."""
        offered: list[str] = self.environment.scopes
        return (
            offered if self.scopes is None else [scope for scope in offered if scope in self.scopes]
        )

    @property
    def address(self) -> dict[str, str]:
        """Keyword arguments of every page of this key."""
        return {
            "org": self.environment.organization.slug,
            "env": self.environment.slug,
            "client_id": self.client_id,
        }


class SecretQuerySet(models.QuerySet["Secret"]):
    def live(self, now: datetime) -> Self:
        """Those that would buy a token: not ended, and the key neither disabled nor deleted."""
        return self.unended(now).filter(key__disabled_at=None, key__deleted_at=None)

    def unended(self, now: datetime) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class Secret(models.Model):
    """A value that proves a key: sealed for workers to test it, marked (keyed hash) to be recognised."""

    key = models.ForeignKey(Key, models.CASCADE, related_name="secrets")
    public_id = models.CharField(max_length=40, unique=True, default=new_secret_id, editable=False)
    hint = models.CharField(max_length=8)
    pepper_id = models.CharField(max_length=16)
    mark = models.BinaryField(max_length=32)
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

    objects = SecretQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(collected_at=None, revoked_at=None),
                name="secret_uncollected",
            )
        ]

    def __str__(self) -> str:
        return f"…{self.hint}"

    def ended_by(self, now: datetime) -> bool:
        return self.revoked_at is not None or (
            self.expires_at is not None and self.expires_at <= now
        )

    @property
    def context(self) -> Context:
        """What the sealed text is bound to: opened elsewhere, it stays shut (design part 7)."""
        environment = self.key.environment
        return Context(
            organization=environment.organization_id,
            environment=environment.pk,
            key=self.key.client_id,
            secret=self.public_id,
            field="secret",
            bound_to=f"built-in {environment.pk}",
        )

    @property
    def life(self) -> timedelta | None:
        """The life it was given, from its making to its expiry."""
        return self.expires_at - self.created_at if self.expires_at else None


class CredentialTestQuerySet(models.QuerySet["CredentialTest"]):
    def within(self, scope: Scope) -> Self:
        return self.filter(key__in=Key.objects.within(scope))

    def newest_first(self) -> Self:
        return self.order_by("-asked_at", "-pk")

    def finished(self) -> Self:
        return self.exclude(finished_at=None)

    def conclusive(self) -> Self:
        return self.finished().filter(cancelled_at=None)

    def unfinished(self) -> Self:
        return self.filter(finished_at=None)

    def due(self, now: datetime) -> Self:
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, finished_at=None, not_before__lte=now)

    def claim(
        self, pk: int, now: datetime, *, worker: str, ticket_hash: str
    ) -> "CredentialTest | None":
        """Lease the row if it is due; whoever changes it owns it until the lease ends."""
        won = (
            self.due(now)
            .filter(pk=pk, attempt__lt=STRIKES)
            .update(
                leased_until=now + LEASE,
                attempt=F("attempt") + 1,
                fence=F("fence") + 1,
                worker=worker,
                ticket_hash=ticket_hash,
                started_at=now,
                stages=[],
            )
        )
        return self.get(pk=pk) if won else None


class CredentialTest(models.Model):
    """One fetching of a token to see whether a credential works: asked for, leased, finished."""

    class Reason(models.TextChoices):
        SCHEDULE = "schedule", "Schedule"
        PERSON = "person", "A person"
        CREATED = "created", "New secret"

    key = models.ForeignKey(Key, models.CASCADE, related_name="tests")
    secret = models.ForeignKey(Secret, models.CASCADE, related_name="tests")
    reason = models.CharField(max_length=10, choices=Reason)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    interactive = models.BooleanField(default=False)
    not_before = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    ticket_hash = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=32, blank=True)
    stages = models.JSONField(default=list)
    http_status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=80, blank=True)
    said = models.TextField(blank=True)
    duration_ms = models.FloatField(null=True)

    objects = CredentialTestQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(finished_at=None), name="credential_test_due"
            ),
            models.Index(fields=["key", "-asked_at"], name="credential_test_history"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["secret"],
                condition=Q(finished_at=None, reason="schedule"),
                name="one_scheduled_test_per_secret",
            )
        ]

    def __str__(self) -> str:
        return f"test {self.pk} of {self.key_id}"

    @property
    def result(self) -> Outcome | None:
        return Outcome(self.outcome) if self.outcome else None


class SigningKey(models.Model):
    """What an environment's token service signs with; the private half is sealed to the token service."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="signing_keys")
    serial = models.PositiveIntegerField()
    kid = models.CharField(max_length=64, unique=True)
    algorithm = models.CharField(max_length=8, default="ES256")
    public_jwk = models.JSONField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    signs_from = models.DateTimeField(default=timezone.now)
    verifies_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "serial"], name="signing_key_serial_per_environment"
            )
        ]

    def __str__(self) -> str:
        return self.kid


class HandoverQuerySet(models.QuerySet["Handover"]):
    def of(self, scope: Scope, client_id: str) -> Self:
        """Only the person who made the secret ever sees it, whatever their role."""
        return self.filter(
            user=scope.actor,
            secret__key__client_id=client_id,
            secret__key__environment=scope.environment,
        )


class Handover(models.Model):
    """The one sight of a new secret: for one person, in one browser, for ten minutes."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    secret = models.ForeignKey(Secret, models.CASCADE, related_name="handovers")
    public_id = models.CharField(max_length=40, unique=True)
    form_hash = models.CharField(max_length=64)
    sealed = models.BinaryField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "form_hash"], name="one_secret_per_form")
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def ends_at(self) -> datetime:
        return self.made_at + SHOWN_FOR
