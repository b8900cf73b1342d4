"""Where an act takes approvals, its page turns into the request for them, with the form's exact values."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, cast
from urllib.parse import urlencode

from django.core import signing
from django.core.signing import BadSignature
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.defaultfilters import date as formatted
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from environments import approvals
from environments.access import OrgScope, Scope
from environments.approval_forms import AskForm
from environments.approvals import SEVERAL, Change, NeedsApproval
from environments.guard import SignedInRequest, in_organization
from environments.models import Permit
from environments.permit_words import deed
from environments.policy import Act, OrgAction
from environments.services import permits
from environments.services.permits import TooMany, Wish

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
SALT = "environments.views.asking"
SECONDS = 3600
LONGEST_PAGE = 4000

type ActView[S, **P] = Callable[Concatenate[SignedInRequest, S, P], HttpResponseBase]


def asks_first[S: Scope | OrgScope, **P](
    *kept: str,
) -> Callable[[ActView[S, P]], ActView[S, P]]:
    """`kept`: the fields that fill in the page again, once the change is approved. Never a secret."""

    def guarded(view: ActView[S, P]) -> ActView[S, P]:
        @wraps(view)
        def act(
            request: SignedInRequest, scope: S, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            try:
                return view(request, scope, *args, **kwargs)
            except NeedsApproval as needs:
                page = _person(scope, needs.change) or _page(request, kept)
                return ask_page(request, scope, needs, page)

        return cast("ActView[S, P]", act)

    return guarded


def _page(request: SignedInRequest, kept: tuple[str, ...]) -> str:
    names = [name for name in request.POST if name in kept or _begins(name, kept)]
    said = [(name, value) for name in names for value in request.POST.getlist(name)]
    page = f"{request.path}?{urlencode(said)}" if said else request.path
    return page if len(page) <= LONGEST_PAGE else request.path


def _begins(name: str, kept: tuple[str, ...]) -> bool:
    """`role-*`: fields of which there is one for each row of a table."""
    return any(each.endswith("*") and name.startswith(each[:-1]) for each in kept)


def _person(scope: Scope | OrgScope, change: Change) -> str:
    """Of several roles on one page only one takes an approval: the request leads to the person."""
    kind, _, pk = change.subject.partition(":")
    if kind != "member" or change.subject == SEVERAL:
        return ""
    return reverse("environments:person", args=[scope.organization.slug, pk])


def ask_page(
    request: SignedInRequest, scope: Scope | OrgScope, needs: NeedsApproval, page: str
) -> HttpResponse:
    asked = signing.dumps(_packed(needs.change, page, request.user.pk), salt=SALT, compress=True)
    return _ask(request, scope, needs.change, AskForm(initial={"asked": asked}))


def _ask(
    request: SignedInRequest, scope: Scope | OrgScope, change: Change, form: AskForm
) -> HttpResponse:
    now = timezone.now()
    organization = scope.organization
    own = organization.permits.open(now).filter(asked_by=scope.actor, act=change.act)
    digest = change.digest(organization.pk)
    others = approvals.approvers(organization, change.act, change.environment)
    facts = {
        "organization": organization,
        "deed": deed(change),
        "change": change,
        "rows": rows_of(change.before, change.after),
        "new": not change.before,
        "needed": approvals.needed(organization, change.act, change.environment),
        "others": [member.user for member in others if member.user_id != scope.actor.pk],
        "same": own.filter(digest=digest).first(),
        "other": own.filter(subject=change.subject, label=change.label)
        .exclude(digest=digest)
        .first(),
        "form": form,
    }
    return render(request, "environments/ask_approval.html", facts, status=409)


def rows_of(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> list[tuple[str, str, str]]:
    """Each value with what it is and what it would be; '–' where there is none."""
    return [
        (_called(name), _shown(before.get(name)), _shown(after.get(name)))
        for name in dict.fromkeys([*before, *after])
    ]


def _called(name: str) -> str:
    """A field's name in words; an address stays as it is."""
    return name if "@" in name else name.replace("_", " ").capitalize()


def _shown(value: str | None) -> str:
    """An instant as people read it; anything else as it is."""
    if not value:
        return "–"
    if not INSTANT.fullmatch(value):
        return value
    at = timezone.localtime(datetime.fromisoformat(value))
    return formatted(at, "D j M Y, H:i T")


def _packed(change: Change, page: str, actor: int) -> dict[str, Any]:
    return {
        "act": change.act,
        "subject": change.subject,
        "label": change.label,
        "environment": change.environment.slug if change.environment else None,
        "before": dict(change.before),
        "after": dict(change.after),
        "page": page,
        "actor": actor,
    }


def _unpacked(scope: OrgScope, asked: str) -> tuple[Change, str]:
    try:
        said = signing.loads(asked, salt=SALT, max_age=SECONDS)
    except BadSignature:
        raise Http404("Nothing was asked for, or too long ago.") from None
    slug = said["environment"]
    place = scope.organization.environments.filter(slug=slug).first() if slug else None
    if said["actor"] != scope.actor.pk or (slug and place is None):
        raise Http404("Somebody else has asked for this.")
    act, subject, label = Act(said["act"]), said["subject"], said["label"]
    return Change(act, subject, label, place, said["before"], said["after"]), said["page"]


@dataclass(frozen=True, slots=True)
class Note:
    """For the page of an act: how many approvals it takes, and what this person has asked for already."""

    needed: int
    asked: Sequence[Permit]

    @classmethod
    def of(cls, scope: Scope, act: Act, subject: str) -> "Note | None":
        """None where nobody is asked."""
        needed = approvals.needed(scope.organization, act, scope.environment)
        if not needed:
            return None
        own = scope.organization.permits.open(timezone.now()).filter(asked_by=scope.actor, act=act)
        theirs = own.filter(subject=subject, environment=scope.environment)
        return cls(needed, list(theirs.with_given().order_by("-asked_at")[:5]))


@require_POST
@in_organization(OrgAction.ASK_ACCESS)
def ask(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    form = AskForm(request.POST)
    form.is_valid()
    change, page = _unpacked(scope, str(form.cleaned_data.get("asked", "")))
    if not page.startswith(f"/o/{scope.organization.slug}/"):
        raise Http404("This page belongs to another organization.")
    if form.errors:
        return _ask(request, scope, change, form)
    try:
        permit = permits.ask(scope, Wish(change, page, form.cleaned_data["why"]))
    except TooMany:
        form.add_error(None, "So many of your requests wait already. Withdraw some first.")
        return _ask(request, scope, change, form)
    return redirect("environments:approval", scope.organization.slug, permit.public_id)
