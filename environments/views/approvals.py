"""Requests for approval: those to decide, one's own, and what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments import approvals, inbox
from environments.access import OrgScope, Refused
from environments.approval_forms import WhyForm
from environments.guard import SignedInRequest, in_organization
from environments.inbox import to_close, to_decide
from environments.models import AccessRequest, Permit
from environments.permit_words import deed, noun
from environments.policy import Act, OrgAction
from environments.reauth import by_second_factor
from environments.services import permits
from environments.services.permits import Over, seen_by, state_of
from environments.views.asking import rows_of

PER_PAGE = 30
TABS = {"": "To decide", "mine": "Mine", "decided": "Decided"}


@dataclass(frozen=True, slots=True)
class Row:
    """A request in a list: what, and how it stands."""

    permit: Permit
    deed: str
    given: int
    needed: int
    state: str
    tone: str


def _row(scope: OrgScope, permit: Permit, now: datetime) -> Row:
    needed = approvals.needed(scope.organization, Act(permit.act), permit.environment)
    given: int = permit.given  # type: ignore[attr-defined]  # annotated by for_page
    state, tone = _standing(permit, given, needed, now)
    return Row(permit, deed(permit), given, needed, state, tone)


def _standing(permit: Permit, given: int, needed: int, now: datetime) -> tuple[str, str]:
    """In a word or two, as of now."""
    over = [
        (permit.spent_at, "Done", "ok"),
        (permit.withdrawn_at, "Withdrawn", "idle"),
        (permit.rejected_at, "Rejected", "bad"),
        (permit.overtaken_at, "Void: changed since", "idle"),
        (permit.ends_at <= now, "Ended", "idle"),
        (permit.glass_broken_at, "Glass broken", "bad"),
        (given >= needed, "Approved", "ok"),
    ]
    return next(((word, tone) for happened, word, tone in over if happened), ("Waits", "run"))


@require_safe
@in_organization(OrgAction.VIEW)
def approvals_page(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    now = timezone.now()
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else ""
    waiting = to_decide(scope, now)
    found = {
        "": scope.organization.permits.filter(pk__in=[each.pk for each in waiting]),
        "mine": scope.organization.permits.filter(asked_by=scope.actor),
        "decided": scope.organization.permits.filter(decisions__by=scope.actor)
        | scope.organization.permits.filter(glass_closed_by=scope.actor),
    }[tab]
    page = Paginator(found.for_page().order_by("-asked_at", "-pk").distinct(), PER_PAGE)
    shown = page.get_page(request.GET.get("page"))
    access = _access(scope, tab)
    facts = {
        "scope": scope,
        "tab": tab,
        "tabs": _tabs(tab, inbox.count(scope, now)),
        "access": access,
        "page": shown,
        "rows": [_row(scope, permit, now) for permit in shown],
    }
    return render(request, "environments/approvals.html", facts)


def _access(scope: OrgScope, tab: str) -> Iterable[AccessRequest]:
    """Requests for a role stand beside those for approval."""
    if not tab:
        return inbox.access_to_decide(scope)
    every = scope.organization.access_requests.select_related("member__user", "environment")
    mine = {
        "mine": every.filter(member=scope.member),
        "decided": every.filter(decided_by=scope.actor),
    }
    return mine[tab].order_by("-asked_at")[:PER_PAGE]


def _tabs(current: str, waiting: int) -> list[dict[str, object]]:
    counts = {"": waiting}
    return [
        {
            "label": label,
            "href": f"?tab={tab}" if tab else "?",
            "current": tab == current,
            "count": counts.get(tab, 0),
        }
        for tab, label in TABS.items()
    ]


def _found(scope: OrgScope, public_id: str) -> Permit:
    mine = seen_by(scope).filter(public_id=public_id).values("pk")
    found = scope.organization.permits.for_page().filter(pk__in=mine).first()
    if found is None:
        raise Http404("No such request.")
    return found


@require_safe
@in_organization(OrgAction.VIEW)
def approval(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    return _page(request, scope, _found(scope, permit), WhyForm())


def _page(
    request: SignedInRequest,
    scope: OrgScope,
    permit: Permit,
    form: WhyForm,
    said: str = "",
) -> HttpResponse:
    now = timezone.now()
    row = _row(scope, permit, now)
    own = permit.asked_by_id == scope.actor.pk
    decisions = list(permit.decisions.select_related("by").order_by("pk"))
    counting = {each.pk for each in permit.decisions.approvals()}
    may = scope.organization.permits.decided_by(scope.actor).filter(pk=permit.pk).exists()
    spoken = any(each.by_id == scope.actor.pk for each in decisions)
    others = approvals.approvers(scope.organization, Act(permit.act), permit.environment)
    still = permit.is_open(now)
    facts = {
        "scope": scope,
        "permit": permit,
        "row": row,
        "noun": noun(permit),
        "rows": rows_of(permit.before, permit.after),
        "new": not permit.before,
        "own": own,
        "over": state_of(permit, now),
        "said": said,
        "decisions": [(each, each.pk in counting) for each in decisions],
        "void": sum(1 for each in decisions if each.approved_at and each.pk not in counting),
        "others": [each.user for each in others if each.user_id != permit.asked_by_id],
        "left": max(row.needed - row.given, 0),
        "may_decide": may and still and not spoken,
        "spoken": spoken,
        "ready": own and still and (row.given >= row.needed or approvals.glass_counts(permit)),
        "may_break": own and still and scope.may(OrgAction.APPROVE) and not permit.glass_broken_at,
        "may_close": permit in to_close(scope) if permit.glass_broken_at else False,
        "key_page": _key_page(scope, permit),
        "form": form,
    }
    status = 409 if said else 422 if form.errors else 200
    return render(request, "environments/approval.html", facts, status=status)


def _key_page(scope: OrgScope, permit: Permit) -> str:
    """Where tests, use and history of the key are; this floor knows its address alone."""
    kind, _, client_id = permit.subject.partition(":")
    if kind != "key" or permit.environment is None:
        return ""
    where = [scope.organization.slug, permit.environment.slug, client_id]
    return reverse("keys:detail", args=where)


def _back(scope: OrgScope, permit: str) -> HttpResponse:
    return redirect("environments:approval", scope.organization.slug, permit)


@require_POST
@in_organization(OrgAction.VIEW)
def approve(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    try:
        done = permits.approve(scope, permit)
    except Over as over:
        return _page(request, scope, _found(scope, permit), WhyForm(), str(over))
    messages.success(request, f"You approved it. {done.asked_by} does it; nothing was done yet.")
    return _back(scope, permit)


@require_POST
@in_organization(OrgAction.VIEW)
def reject(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    found = _found(scope, permit)
    form = WhyForm(request.POST)
    if not form.is_valid():
        permits.refuse_stranger(scope, found)
        return _page(request, scope, found, form)
    try:
        permits.reject(scope, permit, form.cleaned_data["why"])
    except Over as over:
        return _page(request, scope, _found(scope, permit), WhyForm(), str(over))
    messages.success(request, "Rejected. Nothing was done.")
    return _back(scope, permit)


@require_POST
@in_organization(OrgAction.VIEW)
def withdraw(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    try:
        permits.withdraw(scope, permit)
    except Over as over:
        return _page(request, scope, _found(scope, permit), WhyForm(), str(over))
    messages.success(request, "Withdrawn. Nothing was done.")
    return _back(scope, permit)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.APPROVE)
@by_second_factor
def break_glass(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    """An owner's way past a policy, in daylight: for the own request, which the verb asks again."""
    found = _found(scope, permit)
    if found.asked_by_id != scope.actor.pk:
        raise Refused(OrgAction.APPROVE, f"approval:{permit}")
    form = WhyForm(
        request.POST if request.method == "POST" else None,
        label="Why it cannot wait",
        help_text="Every owner reads it, now and in the log.",
    )
    if form.is_valid():
        try:
            permits.break_glass(scope, permit, form.cleaned_data["why"])
        except Over as over:
            return _page(request, scope, _found(scope, permit), WhyForm(), str(over))
        return redirect(found.page)
    status = 422 if form.errors else 200
    facts = {"scope": scope, "permit": found, "deed": deed(found), "form": form}
    return render(request, "environments/break_glass.html", facts, status=status)


@require_POST
@in_organization(OrgAction.APPROVE)
def close_glass(request: SignedInRequest, scope: OrgScope, permit: str) -> HttpResponse:
    found = _found(scope, permit)
    if found.asked_by_id == scope.actor.pk:
        raise Refused(OrgAction.APPROVE, f"approval:{permit}")
    form = WhyForm(request.POST, label="What you found")
    if not form.is_valid():
        return _page(request, scope, found, form)
    try:
        permits.close_glass(scope, permit, form.cleaned_data["why"])
    except Over as over:
        return _page(request, scope, _found(scope, permit), WhyForm(), str(over))
    messages.success(request, "Closed. The log keeps who broke the glass, and who looked.")
    return _back(scope, permit)
