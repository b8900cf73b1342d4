"""A team or an environment is archived, and what stands in the way."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.models import Environment, Team, User
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.archiving import LastEnvironment, LiveKeys
from environments.services.archiving import archive_environment as archive_place
from environments.views.asking import asks_first
from keys.forms.archiving import ArchiveTeamForm
from keys.keepers import engineers_of
from keys.models import Key
from keys.services import archiving
from keys.services.archiving import MOST_KEYS, MayNotMove, TooManyKeys
from keys.services.room import NoRoom

NAMED = 100
LAST = "This is the only environment, and at least one stays."
MANY = f"{MOST_KEYS} at most are moved in one step. Move some of them on their pages, or delete those that nobody needs."


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.MANAGE_TEAMS)
@fresh_sign_in
def archive_team(request: SignedInRequest, scope: OrgScope, team: str) -> HttpResponse:
    found = get_object_or_404(scope.organization.teams.current(), slug=team)
    facts = _facts(scope, found)
    if not _can_be(facts):
        status = 409 if request.method == "POST" else 200
        return render(request, "keys/archive_team.html", facts, status=status)
    said = request.POST if request.method == "POST" else None
    form = ArchiveTeamForm(said, team=found, asked=bool(facts["count"]))
    if request.method == "POST" and form.is_valid():
        try:
            moved = archiving.archive_team(scope, found.slug, form.team_chosen)
        except NoRoom as full:
            form.add_error("to", str(full))
        except (MayNotMove, TooManyKeys):  # somebody made keys in between
            return redirect(request.path)
        else:
            _say(request, found, moved, form.team_chosen)
            return redirect("environments:team", scope.organization.slug, found.slug)
    status = 422 if form.is_bound else 200
    return render(request, "keys/archive_team.html", facts | {"form": form}, status=status)


def _can_be(facts: dict[str, Any]) -> bool:
    return not facts["missing"] and not facts["too_many"]


def _facts(scope: OrgScope, team: Team) -> dict[str, Any]:
    """Its keys, as far as the person sees them, and what stands in the way."""
    count = archiving.living(team).count()
    seen = Key.objects.visible_to(scope.actor).existing().filter(team=team)
    keys = list(seen.select_related("environment").order_by("environment", "name")[:NAMED])
    return {
        "scope": scope,
        "team": team,
        "count": count,
        "keys": keys,
        "unnamed": count - len(keys),
        "missing": _missing(scope, team),
        "too_many": MANY if count > MOST_KEYS else "",
        "form": None,
    }


def _missing(scope: OrgScope, team: Team) -> list[tuple[Environment, list[User]]]:
    """Where the person may not move the team's keys, and who may."""
    try:
        archiving.movers(scope, team)
    except MayNotMove as refused:
        return [(place, list(engineers_of(place.pk))) for place in refused.places]
    return []


def _say(request: SignedInRequest, team: Team, moved: int, to: Team | None) -> None:
    where = f"moved to {to.name}" if to else "left to the engineers of their environments"
    keys = f" {moved} key{'' if moved == 1 else 's'} {'was' if moved == 1 else 'were'} {where}."
    messages.success(request, f"{team.name} is archived.{keys if moved else ''}")


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.EDIT)
@fresh_sign_in
@asks_first()
def archive_environment(request: SignedInRequest, scope: OrgScope, place: str) -> HttpResponse:
    found = get_object_or_404(scope.organization.environments.current(), slug=place)
    refusal = ""
    if request.method == "POST":
        try:
            archive_place(scope, found.slug)
        except LastEnvironment:
            refusal = LAST
        except LiveKeys:  # named below
            refusal = "It has live keys."
        else:
            messages.success(request, f"{found.name} is archived. It can be brought back here.")
            return redirect("environments:environments", scope.organization.slug)
    live = Key.objects.visible_to(scope.actor).scheduled().filter(environment=found)
    keys = list(live.order_by("name")[:NAMED])
    count = found.keys.filter(deleted_at=None, disabled_at=None).count()
    facts = {
        "scope": scope,
        "place": found,
        "count": count,
        "keys": keys,
        "unnamed": count - len(keys),
        "refusal": refusal,
        "engineers": engineers_of(found.pk),
        "needed": found.approvals_policy,
    }
    status = 409 if refusal else 200
    return render(request, "keys/archive_environment.html", facts, status=status)
