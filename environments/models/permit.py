"""A permit: one exact change that somebody asked for, what others said, and whether it was done."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from environments.models.places import Environment, EnvironmentGrant, Member, Organization
from environments.models.user import User
from environments.models.words import choices, opaque_id
from environments.policy import ABOUT_KEYS, APPROVERS, KEY_APPROVERS, Act


class PermitQuerySet(models.QuerySet["Permit"]):
    def open(self, now: datetime) -> Self:
        """Neither done nor over: it may be decided, or used once it is approved."""
        return self.filter(
            spent_at=None, withdrawn_at=None, rejected_at=None, overtaken_at=None, ends_at__gt=now
        )

    def glass_open(self) -> Self:
        """Done, or to be done, without approvals; a second person has not looked at it yet."""
        return self.filter(glass_broken_at__isnull=False, glass_closed_at=None)

    def decided_by(self, user: User) -> Self:
        """What this person may decide, as the roles stand now; never the own requests."""
        grants = EnvironmentGrant.objects.filter(member__user=user, role__in=KEY_APPROVERS)
        owning = Member.objects.filter(user=user, role__in=APPROVERS).values("organization")
        about_keys = Q(act__in=ABOUT_KEYS)
        mine = about_keys & Q(environment__in=grants.values("environment"))
        return self.filter(mine | (~about_keys & Q(organization__in=owning))).exclude(asked_by=user)

    def with_given(self) -> Self:
        """`given`: how many have approved who may still do so."""
        said = Decision.objects.filter(permit=OuterRef("pk")).approvals().order_by()
        number = said.values("permit").annotate(number=Count("pk")).values("number")
        return self.annotate(given=Coalesce(Subquery(number), 0))

    def for_page(self) -> Self:
        return self.with_given().select_related(
            "organization", "environment", "asked_by", "rejected_by", "glass_closed_by"
        )


class Permit(models.Model):
    """A request that becomes, with enough approvals, the right to do this one change once. Nothing is done by it."""

    public_id = models.CharField(max_length=20, unique=True, default=opaque_id, editable=False)
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="permits")
    environment = models.ForeignKey(
        Environment, models.CASCADE, related_name="permits", null=True, blank=True
    )
    """Null: of the organization, as an organization role."""
    act = models.CharField(max_length=8, choices=choices(Act))
    subject = models.CharField(max_length=120)
    label = models.CharField(max_length=254)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    """SHA-256 of the exact change, in hex."""
    page = models.CharField(max_length=4000)
    """Where the one who asked does it afterwards, filled in as it was asked for."""
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    rejected_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    overtaken_at = models.DateTimeField(null=True)
    """What it is about was changed by somebody else: what was approved is not what would be done."""
    glass_broken_at = models.DateTimeField(null=True)
    glass_reason = models.CharField(max_length=200, blank=True)
    glass_closed_at = models.DateTimeField(null=True)
    glass_closed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    glass_note = models.CharField(max_length=200, blank=True)

    objects = PermitQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-asked_at"], name="permit_newest"),
            models.Index(
                fields=["organization", "subject"],
                condition=Q(spent_at=None, withdrawn_at=None, rejected_at=None, overtaken_at=None),
                name="permit_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.label}"

    @property
    def about_keys(self) -> bool:
        return self.act in ABOUT_KEYS

    def is_open(self, now: datetime) -> bool:
        over = (self.spent_at, self.withdrawn_at, self.rejected_at, self.overtaken_at)
        return not any(over) and self.ends_at > now


class DecisionQuerySet(models.QuerySet["Decision"]):
    def approvals(self) -> Self:
        """Those that count: who has left, or may no longer approve, has not approved."""
        place, organization = OuterRef("permit__environment"), OuterRef("permit__organization")
        by = OuterRef("by")
        grants = EnvironmentGrant.objects.filter(
            environment=place, member__user=by, role__in=KEY_APPROVERS
        )
        owning = Member.objects.filter(organization=organization, user=by, role__in=APPROVERS)
        about_keys = Q(permit__act__in=ABOUT_KEYS)
        standing = (about_keys & Exists(grants)) | (~about_keys & Exists(owning))
        return self.filter(standing, approved_at__isnull=False)


class Decision(models.Model):
    """What one person said to a permit, once."""

    permit = models.ForeignKey(Permit, models.CASCADE, related_name="decisions")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    rejected_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["permit", "by"], name="one_decision_per_person"),
            models.CheckConstraint(
                condition=Q(approved_at=None) ^ Q(rejected_at=None), name="approved_or_rejected"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by} on {self.permit_id}"

    @property
    def at(self) -> datetime | None:
        return self.approved_at or self.rejected_at
