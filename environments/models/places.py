"""Organizations, their environments and teams, and who holds which role in them."""

from datetime import datetime, timedelta
from typing import Literal, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from environments.models.user import User
from environments.models.words import choices, opaque_id
from environments.policy import Act, EnvironmentRole, OrganizationRole, TeamRole

USUAL_LIFE = timedelta(days=90)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def visible_to(self, user: User) -> Self:
        """Where the person is a member; one whose rows are being deleted is there for nobody."""
        return self.filter(members__user=user, deletion__begun_at=None)


class Organization(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=40, unique=True)
    timezone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(db_default=Now())
    demo = models.BooleanField(default=False)
    second_factor_from = models.DateTimeField(null=True, blank=True)
    """From then on members without a second factor are kept at the gate; null: never."""
    log_kept = models.DurationField(null=True, blank=True)
    """What is older in the log goes; null: nothing does."""

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
    def current(self) -> Self:
        """Those that were not archived: an archived one has no live key, and its address answers nobody."""
        return self.filter(archived_at=None)

    def visible_to(self, user: User) -> Self:
        """Where the person stands: a role there, or a team that may issue there or owns keys there."""
        granted = EnvironmentGrant.objects.filter(member__user=user).values("environment")
        teams = Team.objects.current().filter(members__member__user=user)
        issuing = Team.issues_in.through.objects.filter(team__in=teams)
        owning = teams.filter(keys__deleted_at=None)
        return self.current().filter(
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
    secret_max_age = models.DurationField(null=True, blank=True)
    """A secret this old is due for rotation; null: at no age. Nothing is cut when it passes."""
    grace_default = models.DurationField(default=timedelta(hours=24))
    grace_max = models.DurationField(default=timedelta(days=7))
    expiry_required = models.BooleanField(default=False)
    idle_after = models.DurationField(null=True, blank=True, default=timedelta(days=90))
    """A key unused for so long is pointed out; null: never."""
    signing_algorithm = models.CharField(max_length=8, default="ES256", db_default="ES256")
    """What its tokens are signed with, from the next signing key on."""
    redox_doors = models.BooleanField(default=False, db_default=False)
    """Whether its keys may open the doors that clients of Redox use."""
    approvals_create = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How many other people must have approved before this is done; 0: nobody is asked."""
    approvals_rotate = models.PositiveSmallIntegerField(default=0, db_default=0)
    approvals_delete = models.PositiveSmallIntegerField(default=0, db_default=0)
    approvals_roles = models.PositiveSmallIntegerField(default=0, db_default=0)
    approvals_policy = models.PositiveSmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True)
    """From then on its token service knows nobody, and its log and history alone are open."""

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "slug"], name="environment_slug_per_organization"
            ),
            models.CheckConstraint(
                condition=Q(grace_default__lte=F("grace_max")), name="usual_grace_within_longest"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def production(self) -> bool:
        return self.kind == Kind.PRODUCTION

    def approvals_for(self, act: Act) -> int:
        """In production a key is deleted with an approval at least, whatever the policy says."""
        asked: int = getattr(self, f"approvals_{act}")
        return max(asked, 1) if act is Act.DELETE and self.production else asked

    def latest_end(self, made_at: datetime) -> datetime | None:
        """So late may a secret made then end, if it is given an end; None: as late as one likes."""
        return made_at + self.secret_max_age if self.secret_max_age else None

    def refuses_end(
        self, ends: datetime | None, made_at: datetime, held: datetime | None = None
    ) -> bool:
        """Whether the policy forbids a secret this end; `held` is the one that it has: an earlier one is always welcome."""
        if ends is None:
            return self.expiry_required
        latest = self.latest_end(made_at)
        return latest is not None and ends > latest and (held is None or ends > held)

    def life_after(self, life: timedelta | None) -> timedelta | None:
        """The life of a secret that follows one with this life, as far as the policy lets it."""
        if life is None and self.expiry_required:
            return self.secret_max_age or USUAL_LIFE
        return min(life, self.secret_max_age) if life and self.secret_max_age else life


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


class TeamQuerySet(models.QuerySet["Team"]):
    def current(self) -> Self:
        """Those that were not archived: an archived one gives nobody anything."""
        return self.filter(archived_at=None)


class Team(models.Model):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="teams")
    name = models.CharField(max_length=60)
    slug = models.SlugField(max_length=40)
    purpose = models.CharField(max_length=200, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    issues_in = models.ManyToManyField(Environment, related_name="issuing_teams", blank=True)
    most_keys = models.PositiveIntegerField(null=True, blank=True)
    """So many keys it may own, disabled ones counted; null: any number."""
    created_at = models.DateTimeField(db_default=Now())
    archived_at = models.DateTimeField(null=True)
    """Since then it owns no live key and gives its people nothing, until it is brought back."""

    objects = TeamQuerySet.as_manager()

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
