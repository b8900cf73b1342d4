"""Roles: the table that is edited, the page that says what each change means, and who holds which right."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from environments import policy, rights
from environments.access import OrgScope
from environments.forms import words_of
from environments.guard import SignedInRequest, in_organization
from environments.models import Member
from environments.policy import Action, OrgAction
from environments.reauth import fresh_sign_in
from environments.role_form import ORGANIZATION, cells, read
from environments.second_factor import without_one
from environments.services import role_changes
from environments.services.role_changes import Change, ChangedMeanwhile, ReasonMissing
from environments.services.roles import LastOwner
from environments.views.asking import asks_first

PER_PAGE = 25
LONGEST_REASON = 300
PROBLEMS = {
    ChangedMeanwhile: "Somebody else changed one of these roles meanwhile. Look at them again.",
    ReasonMissing: "Say why: a change in production needs a reason.",
    LastOwner: LastOwner.WORDS,
}


@require_safe
@in_organization(OrgAction.MANAGE_ENVIRONMENT_ROLES)
@fresh_sign_in
def edit(request: SignedInRequest, scope: OrgScope) -> HttpResponseBase:
    """Nothing applies here: what was chosen is looked over first."""
    places = list(scope.organization.environments.current())
    words = words_of(request.GET.get("q", ""))
    found = rights.with_roles(scope.organization.members.all())
    if words:
        found = found.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))
    ordered = found.order_by("user__name", "user__email", "pk")
    page = Paginator(ordered, PER_PAGE).get_page(request.GET.get("page"))
    facts = {
        "scope": scope,
        "places": places,
        "page": page,
        "words": words,
        "rows": [(member, cells(scope, member, places)) for member in page],
    }
    return render(request, "environments/edit_roles.html", facts)


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.MANAGE_ENVIRONMENT_ROLES)
@fresh_sign_in
@asks_first("role-*", "was-*", "reason")
def review(request: SignedInRequest, scope: OrgScope) -> HttpResponseBase:
    """What each change gives and takes; said yes to, all of it is done or nothing.

    A request that was approved leads here by an address that holds the changes."""
    said = request.POST if request.method == "POST" else request.GET
    wanted = read(said)
    if request.method != "POST" and not wanted:
        return redirect("environments:edit_roles", scope.organization.slug)
    reason = words_of(said.get("reason", ""))[:LONGEST_REASON]
    problem = ""
    if wanted and "confirmed" in request.POST:
        try:
            count = role_changes.change_roles(scope, wanted, reason=reason)
        except tuple(PROBLEMS) as refused:
            problem = PROBLEMS[type(refused)]
        else:
            messages.success(request, f"{count} role{'' if count == 1 else 's'} changed.")
            return redirect("environments:members", scope.organization.slug)
    changes = role_changes.look(scope, wanted)
    if not changes:
        messages.info(request, "Nothing was changed.")
        return redirect("environments:members", scope.organization.slug)
    return _review_page(request, scope, changes, reason=reason, problem=problem)


def _review_page(
    request: SignedInRequest, scope: OrgScope, changes: list[Change], *, reason: str, problem: str
) -> HttpResponse:
    people: dict[Member, list[Change]] = {}
    for change in changes:
        people.setdefault(change.member, []).append(change)
    facts = {
        "scope": scope,
        "people": [(member, theirs, _warnings(scope, theirs)) for member, theirs in people.items()],
        "count": len(changes),
        "needs_reason": any(change.in_production for change in changes),
        "stale": any(change.stale for change in changes),
        "reason": reason,
        "problem": problem,
        "organization_cell": ORGANIZATION,
        "longest": LONGEST_REASON,
    }
    return render(request, "environments/review_roles.html", facts, status=422 if problem else 200)


def _warnings(scope: OrgScope, changes: list[Change]) -> list[str]:
    member = changes[0].member
    said = []
    if member.pk == scope.member.pk and any(change.lost for change in changes):
        said.append("This is you: what you lose here you cannot give back to yourself.")
    gains = [c.place for c in changes if c.in_production and c.gained]
    if gains and without_one(scope.organization).filter(pk=member.pk).exists():
        said.append(f"{member.user} has no second factor and gains rights in production.")
    for change in changes:
        unseen = _keys_out_of_sight(scope, change)
        if unseen and change.place:
            said.append(f"Will no longer see {unseen} in {change.place.name}.")
    return said


def _keys_out_of_sight(scope: OrgScope, change: Change) -> str:
    """How many keys a person loses from view with their last role in a place; those of their teams stay."""
    if change.place is None or policy.SENTENCES[Action.VIEW] not in change.lost:
        return ""
    held = change.member.team_memberships.filter(team__archived_at=None)
    teams = set(held.values_list("team", flat=True))
    here = scope.organization.environments.filter(pk=change.place.pk, keys__deleted_at=None)
    keys = here.values_list("keys", "keys__team")
    count = sum(1 for key, team in keys if key and team not in teams)
    return f"{count} key{'' if count == 1 else 's'}" if count else ""


@require_safe
@in_organization(OrgAction.VIEW_ROLES)
def who_can(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    """Pick a right: everybody who holds it, and why."""
    places = {place.slug: place for place in scope.organization.environments.current()}
    right = _right(request.GET.get("right", Action.ROTATE))
    place = None
    if isinstance(right, Action):
        usual = next(reversed(places), "")
        place = places.get(request.GET.get("in", usual)) or places.get(usual)
    facts = {
        "scope": scope,
        "places": places.values(),
        "on_keys": [(each.value, policy.SENTENCES[each]) for each in Action],
        "on_it": [(each.value, policy.SENTENCES[each]) for each in OrgAction],
        "right": right,
        "sentence": policy.SENTENCES[right],
        "place": place,
        "holders": rights.who_can(scope.organization, right, place),
    }
    return render(request, "environments/who_can.html", facts)


def _right(asked: str) -> Action | OrgAction:
    for kind in (Action, OrgAction):
        if asked in set(kind):
            return kind(asked)
    raise BadRequest("There is no such right.")
