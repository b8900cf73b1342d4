"""People and places: organizations, their environments and teams, the three kinds of role, the audit rows."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from environments.policy import EnvironmentRole, OrganizationRole, TeamRole

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


def opaque_id() -> str:
    """20 letters of base32, 100 bits: for addresses that must say nothing and never change."""
    return "".join(secrets.choice(BASE32) for _ in range(20))


def choices(words: type[StrEnum]) -> Sequence[tuple[str, str]]:
    return [(word.value, word.value.capitalize()) for word in words]


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> "User":
        user = self.model(email=email.strip().lower(), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(members__user=user)


class Organization(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(db_default=Now())
    demo = models.BooleanField(default=False)

    objects = OrganizationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Kind(models.TextChoices):
    """What an environment is for: it gives form, colour and how careful we are."""

    DEVELOPMENT = "development", "Development"
    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"

    @property
    def tag(self) -> Literal["dev", "stg", "prd"]:
        """The three letters inside a secret."""
        tags: dict[str, Literal["dev", "stg", "prd"]] = {
            "development": "dev",
            "staging": "stg",
            "production": "prd",
        }
        return tags[self.value]


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    def visible_to(self, user: User) -> Self:
        """Where the person stands: a role there, or a team that may issue there or owns keys there."""
        granted = EnvironmentGrant.objects.filter(member__user=user).values("environment")
        issuing = Team.issues_in.through.objects.filter(team__members__member__user=user)
        owning = Team.objects.filter(members__member__user=user, keys__deleted_at=None)
        return self.filter(
            Q(pk__in=granted)
            | Q(pk__in=issuing.values("environment"))
            | Q(pk__in=owning.values("keys__environment"))
        )


class Environment(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="environments")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=40)
    kind = models.CharField(max_length=12, choices=Kind)
    position = models.PositiveSmallIntegerField(default=0)
    issuer_id = models.CharField(max_length=20, unique=True, default=opaque_id, editable=False)
    audience = models.CharField(max_length=200, blank=True)
    scopes = models.JSONField(default=list)
    test_interval = models.DurationField(default=timedelta(minutes=15))
    created_at = models.DateTimeField(db_default=Now())

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="environment_slug_per_organization"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def production(self) -> bool:
        return self.kind == Kind.PRODUCTION


class Member(models.Model):
    """A person in an organization; removing this row takes every role in it along."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="members")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=choices(OrganizationRole))
    joined_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="one_membership_per_person"
            )
        ]

    def __str__(self) -> str:
        return str(self.user)

    @property
    def organization_role(self) -> OrganizationRole:
        return OrganizationRole(self.role)


class EnvironmentGrant(models.Model):
    member = models.ForeignKey(Member, models.CASCADE, related_name="environment_grants")
    environment = models.ForeignKey(Environment, models.CASCADE, related_name="grants")
    role = models.CharField(max_length=8, choices=choices(EnvironmentRole))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "environment"], name="one_role_per_person_and_environment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} in {self.environment_id}"


class Team(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="teams")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=40)
    purpose = models.CharField(max_length=200, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    issues_in = models.ManyToManyField(Environment, related_name="issuing_teams", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="team_slug_per_organization"
            ),
            models.UniqueConstraint(
                fields=["organization", "name"], name="team_name_per_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    team = models.ForeignKey(Team, models.CASCADE, related_name="members")
    member = models.ForeignKey(Member, models.CASCADE, related_name="team_memberships")
    role = models.CharField(max_length=6, choices=choices(TeamRole))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "member"], name="one_role_per_person_and_team")
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.team_id}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> Self:
        return self.filter(used_at=None, revoked_at=None, expires_at__gt=now)


class Invitation(models.Model):
    """A one-time link, kept as a hash. Without an organization it is the set-up link of the installation."""

    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations", null=True, blank=True
    )
    email = models.EmailField(blank=True)
    role = models.CharField(
        max_length=8, choices=choices(OrganizationRole), default=OrganizationRole.MEMBER
    )
    token_hash = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return self.email or "set-up link"


class AuditEvent(models.Model):
    """One act. Plain values only: deleting an organization or a person must not touch its history."""

    organization_id = models.BigIntegerField()
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    event = models.CharField(max_length=40)
    denied = models.BooleanField(default=False)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254)
    environment = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=120)
    label = models.CharField(max_length=254, blank=True)
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="audit_sequence")
        ]
        indexes = [
            models.Index(fields=["organization_id", "subject", "-sequence"], name="audit_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.sequence} {self.event}"


class AuditHead(models.Model):
    """The last link of an organization's chain; locking this row orders the writers."""

    organization_id = models.BigIntegerField(unique=True)
    sequence = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, default="")

    def __str__(self) -> str:
        return f"{self.organization_id}/{self.sequence}"


class Heartbeat(models.Model):
    """The last signal of a background process, for `/readyz` and the footer."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.at:%H:%M:%S}"
