"""People's verbs on permits: ask, approve, reject, withdraw; break glass, and close what was broken."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from environments import approvals, audit, notices
from environments.access import OrgScope, Refused, enter
from environments.approvals import Change
from environments.events import Event
from environments.models import Decision, Permit, PermitQuerySet, Topic, User
from environments.notices import News
from environments.permit_words import deed
from environments.policy import ABOUT_KEYS, APPROVERS, Act, Action, OrgAction

LIFE = timedelta(hours=72)
GLASS_LIFE = timedelta(hours=1)
MOST_OPEN = 50
"""Requests of one person that wait at a time."""
TOPICS = {"asked": Topic.ASKED, "glass": Topic.SECURITY}


class Over(Exception):
    """The request was done, ended, withdrawn, rejected or overtaken, or this person has spoken already: `str` says which."""


class TooMany(Exception):
    """So many requests of this person wait already."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A change, why it is wanted, and the page where it is done once it is approved."""

    change: Change
    page: str
    reason: str


@transaction.atomic
def ask(scope: OrgScope, wish: Wish) -> Permit:
    """Asked again for the very same change while the first request is open, it stays one request."""
    change = wish.change
    _may_ask(scope, change)
    now = timezone.now()
    scope.organization.members.select_for_update(of=("self",)).get(pk=scope.member.pk)
    own = scope.organization.permits.open(now).filter(asked_by=scope.actor)
    digest = change.digest(scope.organization_id)
    same = own.filter(digest=digest).first()
    if same is not None:
        return same
    if own.count() >= MOST_OPEN:
        raise TooMany
    permit = Permit.objects.create(
        organization=scope.organization,
        environment=change.environment,
        act=change.act,
        subject=change.subject,
        label=change.label,
        before=dict(change.before),
        after=dict(change.after),
        digest=digest,
        page=wish.page,
        reason=wish.reason,
        asked_by=scope.actor,
        asked_at=now,
        ends_at=now + LIFE,
    )
    title = f"{scope.actor} asks for approval: {deed(permit)}"
    _tell(permit, _others(permit), "asked", title, f"Why: {wish.reason}")
    _record(scope, Event.APPROVAL_ASKED, permit, reason=wish.reason, before=permit.before, after=permit.after)  # fmt: skip
    return permit


def _may_ask(scope: OrgScope, change: Change) -> None:
    """As far as the roles tell; the verb asks again for the very thing."""
    action = ABOUT_KEYS.get(change.act)
    if action is None:
        asking = OrgAction.EDIT if change.act is Act.POLICY else OrgAction.MANAGE_ENVIRONMENT_ROLES
        scope.require(asking, change.subject)
    elif not may_somewhere(scope, change.environment.slug if change.environment else None, action):
        raise Refused(action, change.subject)


def may_somewhere(scope: OrgScope, environment: str | None, action: Action) -> bool:
    here = enter(scope.actor, scope.organization.slug, environment or "", scope.origin)
    return here is not None and here.may_somewhere(action)


@transaction.atomic
def approve(scope: OrgScope, public_id: str) -> Permit:
    """One of the voices that a permit takes. It does nothing by itself."""
    permit = _to_decide(scope, public_id)
    now = timezone.now()
    before = _given(permit)
    number = approvals.needed(scope.organization, Act(permit.act), permit.environment)
    if before >= number:
        raise Over("It has all the approvals that it takes.")
    Decision.objects.create(permit=permit, by=scope.actor, approved_at=now)
    left = number - before - 1
    if not left and permit.asked_by:
        title = f"Approved: {deed(permit)}"
        _tell(permit, [permit.asked_by], "approved", title, "You may do it now, once, until the request ends.", tone="ok")  # fmt: skip
    _record(scope, Event.APPROVAL_GIVEN, permit, of=number, given=before + 1)
    return permit


@transaction.atomic
def reject(scope: OrgScope, public_id: str, why: str) -> Permit:
    """Ends the request, approved by others or not, as long as it has not been used."""
    permit = _to_decide(scope, public_id)
    now = timezone.now()
    Decision.objects.create(permit=permit, by=scope.actor, rejected_at=now, note=why)
    permit.rejected_at, permit.rejected_by = now, scope.actor
    permit.save(update_fields=["rejected_at", "rejected_by"])
    if permit.asked_by:
        _tell(permit, [permit.asked_by], "rejected", f"Rejected: {deed(permit)}", f"{scope.actor}: {why}")  # fmt: skip
    _record(scope, Event.APPROVAL_REJECTED, permit, reason=why)
    return permit


@transaction.atomic
def withdraw(scope: OrgScope, public_id: str) -> Permit:
    permit = _own(scope, public_id)
    now = timezone.now()
    if not permit.is_open(now):
        raise Over(state_of(permit, now))
    permit.withdrawn_at = now
    permit.save(update_fields=["withdrawn_at"])
    _record(scope, Event.APPROVAL_WITHDRAWN, permit)
    return permit


@transaction.atomic
def break_glass(scope: OrgScope, public_id: str, why: str) -> Permit:
    """An owner makes the own request usable at once, for an hour. Every owner hears of it; another one closes it."""
    scope.require(OrgAction.APPROVE, f"approval:{public_id}")
    permit = _own(scope, public_id)
    now = timezone.now()
    if permit.glass_broken_at or not permit.is_open(now):
        raise Over(state_of(permit, now))
    permit.glass_broken_at, permit.glass_reason = now, why
    permit.ends_at = now + GLASS_LIFE
    permit.save(update_fields=["glass_broken_at", "glass_reason", "ends_at"])
    title = f"{scope.actor} broke the glass: {deed(permit)}"
    text = f"Done without approval. Why: {why} Look at it and close it."
    _tell(permit, _owners(permit), "glass", title, text, tone="bad")
    _record(scope, Event.GLASS_BROKEN, permit, reason=why)
    return permit


@transaction.atomic
def close_glass(scope: OrgScope, public_id: str, note: str) -> Permit:
    """A second owner has looked at what was done without approval; what was not done yet is not done any more."""
    scope.require(OrgAction.APPROVE, f"approval:{public_id}")
    permit = _locked(scope, public_id)
    if permit.asked_by_id == scope.actor.pk:
        raise Refused(OrgAction.APPROVE, f"approval:{public_id}")
    if permit.glass_broken_at is None or permit.glass_closed_at:
        raise Over("There is nothing to close any more.")
    now = timezone.now()
    permit.glass_closed_at, permit.glass_closed_by, permit.glass_note = now, scope.actor, note
    if permit.is_open(now):
        permit.ends_at = now
    permit.save(update_fields=["glass_closed_at", "glass_closed_by", "glass_note", "ends_at"])
    _record(scope, Event.GLASS_CLOSED, permit, note=note)
    return permit


def state_of(permit: Permit, now: datetime) -> str:
    """Why a request can be neither decided nor used; empty while it can."""
    if permit.spent_at:
        return "It was done already, and a permit is good for one time."
    if permit.withdrawn_at:
        return "It was withdrawn."
    if permit.rejected_at:
        return "It was rejected."
    if permit.overtaken_at:
        return "What it is about was changed since, so it is void."
    return "It has ended, and nothing was done." if permit.ends_at <= now else ""


def seen_by(scope: OrgScope) -> PermitQuerySet:
    """Those that this person asked for, may decide or has decided; owners see all."""
    every = scope.organization.permits.all()
    if scope.may(OrgAction.APPROVE):
        return every
    mine = every.filter(asked_by=scope.actor) | every.filter(decisions__by=scope.actor)
    theirs = every.decided_by(scope.actor).values("pk")
    return every.filter(pk__in=mine.values("pk")) | every.filter(pk__in=theirs)


def _locked(scope: OrgScope, public_id: str) -> Permit:
    found = seen_by(scope).filter(public_id=public_id).values("pk")
    rows = scope.organization.permits.select_related("organization", "environment", "asked_by")
    return rows.select_for_update(of=("self",)).get(pk__in=found)


def _own(scope: OrgScope, public_id: str) -> Permit:
    permit = _locked(scope, public_id)
    if permit.asked_by_id != scope.actor.pk:
        raise Refused(OrgAction.ASK_ACCESS, f"approval:{public_id}")
    return permit


def refuse_stranger(scope: OrgScope, permit: Permit) -> None:
    """Who may not decide it, or asked for it."""
    if not scope.organization.permits.decided_by(scope.actor).filter(pk=permit.pk).exists():
        action = Action.APPROVE if permit.about_keys else OrgAction.APPROVE
        raise Refused(action, f"approval:{permit.public_id}")


def _to_decide(scope: OrgScope, public_id: str) -> Permit:
    """Locked, so that of two who decide at once the second sees what the first has done."""
    permit = _locked(scope, public_id)
    refuse_stranger(scope, permit)
    if said := state_of(permit, timezone.now()):
        raise Over(said)
    if permit.decisions.filter(by=scope.actor).exists():
        raise Over("You have decided already.")
    return permit


def _given(permit: Permit) -> int:
    return permit.decisions.approvals().count()


def _others(permit: Permit) -> list[User]:
    members = approvals.approvers(permit.organization, Act(permit.act), permit.environment)
    return [each.user for each in members if each.user_id != permit.asked_by_id]


def _owners(permit: Permit) -> list[User]:
    owners = permit.organization.members.filter(role__in=APPROVERS).select_related("user")
    return [each.user for each in owners]


def _tell(
    permit: Permit, people: list[User], once: str, title: str, text: str, *, tone: str = "warn"
) -> None:
    place = permit.environment
    news = News(
        organization_id=permit.organization_id,
        once=f"approval:{permit.public_id}:{once}",
        title=title,
        text=text,
        path=reverse("environments:approval", args=[permit.organization.slug, permit.public_id]),
        environment=place.slug if place else "",
        tone=tone,
        topic=TOPICS.get(once, Topic.ANSWERS),
    )
    notices.tell(people, news)


def _record(scope: OrgScope, event: Event, permit: Permit, **detail: Any) -> None:
    place = permit.environment.slug if permit.environment else None
    audit.record(
        scope,
        event,
        f"approval:{permit.public_id}",
        label=deed(permit),
        about=permit.subject,
        environment=place,
        **detail,
    )
