"""The named credential, with a public client ID."""

from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, NullIf
from django.utils import timezone

from environments.access import Scope
from environments.models import Environment, EnvironmentGrant, Team, TeamMember, User
from keys.crypto import mint_client_id
from keys.models.credential_test import CredentialTest
from keys.models.death import Death
from keys.models.endpoint import TokenEndpoint
from keys.models.key_set import KeySet
from keys.models.public_key import PublicKey
from keys.models.reach import reach
from keys.models.rotation import Rotation
from keys.models.secret import Secret

TICKS = 20
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class KeyQuerySet(models.QuerySet["Key"]):
    def within(self, scope: Scope) -> Self:
        """The keys this person may see here; deleted ones too, as tombstones."""
        return self.filter(reach(scope))

    def visible_to(self, user: User) -> Self:
        """Across environments: every environment role and every team role grants the view."""
        granted = EnvironmentGrant.objects.filter(member__user=user).values("environment")
        held = TeamMember.objects.filter(member__user=user, team__archived_at=None)
        teams = held.values("team")
        return self.filter(Q(environment__in=granted) | Q(team__in=teams))

    def with_troubled(self, now: datetime) -> Self:
        """Each with the rotation that waits for a person or does not move, as `troubled`."""
        return self.prefetch_related(
            Prefetch("rotations", Rotation.objects.troubled(now), "troubled")
        )

    def existing(self) -> Self:
        return self.filter(deleted_at=None)

    def with_end(self, of_secrets: QuerySet[Secret] | None = None) -> Self:
        """`has_secret`, and `ends_at`: of the newest secret, or where none is left of the newest public key."""
        secrets = of_secrets
        if secrets is None:
            secrets = Secret.objects.filter(key=OuterRef("pk"), revoked_at=None)
        public = PublicKey.objects.filter(key=OuterRef("pk"), revoked_at=None)
        first, moment = ("-created_at", "-pk"), DateTimeField()
        return self.annotate(has_secret=Exists(secrets)).annotate(
            ends_at=Case(
                When(
                    has_secret=True,
                    then=Subquery(secrets.order_by(*first).values("expires_at")[:1]),
                ),
                default=Subquery(public.order_by(*first).values("expires_at")[:1]),
                output_field=moment,
            )
        )

    def with_use(self) -> Self:
        """`used_at`: the last use of any proof by an outside client; our own tests are none."""
        by_secret = Secret.objects.filter(key=OuterRef("pk")).exclude(last_used_at=None)
        by_signature = PublicKey.objects.filter(key=OuterRef("pk")).exclude(last_used_at=None)
        # The greatest of a date and nothing is nothing on SQLite, so each stands for nothing by a date before all.
        never = Value(NEVER, DateTimeField())
        last = [
            Coalesce(Subquery(each.order_by("-last_used_at").values("last_used_at")[:1]), never)
            for each in (by_secret, by_signature)
        ]
        return self.annotate(used_at=NullIf(Greatest(*last), never))

    def may_end_by(self, until: datetime, *, or_come_of_age: bool = False) -> Self:
        """A first sieve, by indexes alone: some proof of theirs ends by then, if perhaps not the one that counts."""
        ends = Q(revoked_at=None, expires_at__lte=until)
        secrets = Secret.objects.filter(ends).values("key")
        some = Q(pk__in=secrets.union(PublicKey.objects.filter(ends).values("key")))
        aged = Q(environment__secret_max_age__isnull=False)
        return self.filter(some | aged if or_come_of_age else some)

    def may_need_a_look(self, now: datetime, soon: datetime, settled: datetime) -> Self:
        """A first sieve, by indexes alone: all that fails, ends soon, was not collected, or rotates with trouble."""
        failing = Key.objects.filter(failing_since__isnull=False, disabled_at=None, deleted_at=None)
        short = Key.objects.filter(short_since__isnull=False)
        waiting = Secret.objects.filter(collected_at=None, revoked_at=None, created_at__lte=settled)
        return self.filter(
            pk__in=failing.values("pk").union(
                Key.objects.may_end_by(soon).values("pk"),
                waiting.values("key"),
                KeySet.objects.exclude(failing_since=None).values("key"),
                Rotation.objects.troubled(now).values("key"),
                short.values("pk"),
                Death.objects.undead().values("secret__key"),
            )
        )

    def scheduled(self) -> Self:
        """Those that the timetable tests: disabled and deleted ones rest."""
        return self.filter(deleted_at=None, disabled_at=None)

    def for_table(self, *, with_place: bool = True) -> Self:
        """What a list row shows: team, live and ended secrets, the open rotation, the last tests; and, unless the
        caller knows it, the environment."""
        place = ["environment__organization"] if with_place else []
        shown = CredentialTest.objects.conclusive().newest_first().only("key", "outcome")
        open_one = FilteredRelation("rotations", condition=Q(rotations__closed_at=None))
        return (
            self.annotate(listed=Value(1), listed_rotation=open_one)
            .select_related("team", "endpoint", "key_set", "listed_rotation", *place)
            .prefetch_related(
                Prefetch("secrets", Secret.objects.order_by("-created_at", "-pk")),
                Prefetch("public_keys", PublicKey.objects.order_by("-created_at", "-pk")),
                Prefetch("tests", shown[:TICKS], "recent"),
            )
            .fetch_mode(models.FETCH_RAISE)
        )

    def for_page(self) -> Self:
        return self.select_related(
            "team",
            "environment__organization",
            "endpoint",
            "key_set__set_by",
            "created_by",
            "disabled_by",
            "deleted_by",
        ).prefetch_related(
            Prefetch("rotations", Rotation.objects.open().select_related("old", "new"), "running")
        )


class Key(models.Model):
    """The named credential, with a public client ID. A secret or a public key proves it."""

    environment = models.ForeignKey(Environment, models.CASCADE, related_name="keys")
    team = models.ForeignKey(Team, models.RESTRICT, related_name="keys", null=True, blank=True)
    client_id = models.CharField(max_length=40, unique=True, default=mint_client_id, editable=False)
    endpoint = models.ForeignKey(
        TokenEndpoint, models.RESTRICT, related_name="keys", null=True, blank=True
    )
    """An outside token endpoint makes the key an imported one; null is the built-in endpoint."""
    outside_id = models.CharField(max_length=200, blank=True)
    """The client ID at the outside endpoint; ours is then only the address of its pages."""
    name = models.CharField(max_length=60)
    note = models.CharField(max_length=200, blank=True)
    used_by = models.CharField(max_length=200, blank=True)
    kept_in = models.CharField(max_length=200, blank=True)
    scopes = models.JSONField(null=True, blank=True)
    takes_token_url = models.BooleanField(default=False, db_default=False)
    """Its assertions may name the token URL as their audience, as clients did before RFC 10070."""
    allowed_networks = models.JSONField(null=True, blank=True)
    """From where its client may come, as CIDR ranges; null: from anywhere."""
    tokens_a_minute = models.PositiveIntegerField(null=True, blank=True)
    """How many tokens it may buy, in each process of the token service; null: any number."""
    redox_door = models.BooleanField(default=False, db_default=False)
    legacy_door = models.BooleanField(default=False, db_default=False)
    """Which of the doors that clients of Redox use are open to it, where its environment has them."""
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    form_hash = models.CharField(max_length=64, blank=True, default="", db_default="")
    """The form that made it, where no hand-over remembers that: the same one posted again leads here."""
    disabled_at = models.DateTimeField(null=True)
    disabled_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    last_tested_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=32, blank=True)
    failing_since = models.DateTimeField(null=True)
    failing_told_at = models.DateTimeField(null=True)
    """When its keepers were told of this failure; a recovery is told only to who heard of the failure."""
    recovered_at = models.DateTimeField(null=True)
    """It works again after a failure that was told; the recovery is told once it has lasted."""
    short_since = models.DateTimeField(null=True)
    """Its tokens lack a scope that was asked for, or the scope was refused: no failure of the credential."""
    short_told_at = models.DateTimeField(null=True)

    objects = KeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name"],
                condition=Q(deleted_at=None),
                name="key_name_per_environment",
            ),
            models.UniqueConstraint(
                fields=["created_by", "form_hash"],
                condition=~Q(form_hash=""),
                name="one_key_per_form",
            ),
        ]
        indexes = [
            models.Index(fields=["environment", "deleted_at", "name"], name="key_listed"),
            models.Index(fields=["environment", "team", "deleted_at"], name="key_of_team"),
            models.Index(
                fields=["environment", "failing_since"],
                condition=Q(failing_since__isnull=False, disabled_at=None, deleted_at=None),
                name="key_failing",
            ),
            models.Index(
                fields=["environment"],
                condition=Q(disabled_at__isnull=False, deleted_at=None),
                name="key_disabled",
            ),
            models.Index(
                fields=["failing_since"],
                condition=~Q(failing_since=None) | ~Q(failing_told_at=None),
                name="key_to_be_told",
            ),
            models.Index(
                fields=["environment"], condition=Q(short_since__isnull=False), name="key_short"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def imported(self) -> bool:
        return self.endpoint_id is not None

    @property
    def shown_id(self) -> str:
        """The client ID as its client sends it."""
        return self.outside_id if self.imported else self.client_id

    @property
    def granted_scopes(self) -> list[str]:
        """All that the environment offers, unless the key was given a subset."""
        offered: list[str] = self.environment.scopes
        return (
            offered if self.scopes is None else [scope for scope in offered if scope in self.scopes]
        )

    def judge_by_signatures(self, now: datetime) -> None:
        """Where no secret is left and public keys go on, what the last test of a secret found is past."""
        held = self.secrets.filter(revoked_at=None).exists()
        if held or not self.public_keys.unended(now).exists():
            return
        self.failing_since = self.failing_told_at = self.recovered_at = None
        self.last_outcome = ""
        self.save(
            update_fields=["failing_since", "failing_told_at", "recovered_at", "last_outcome"]
        )

    @property
    def address(self) -> dict[str, str]:
        """Keyword arguments of every page of this key."""
        return {
            "org": self.environment.organization.slug,
            "env": self.environment.slug,
            "client_id": self.client_id,
        }
