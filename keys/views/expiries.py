"""What ends in the organization, as far as the person sees its keys."""

from datetime import timedelta

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from environments.access import OrgScope, enter
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from keys.expiries import HORIZONS, already, as_ending, by_week, crunches, ending
from keys.models import Key

PER_PAGE = 50
USUAL = 90


@require_safe
@in_organization(OrgAction.VIEW)
def expiries(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    now = timezone.now()
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, HORIZONS) else USUAL
    mine = Key.objects.visible_to(scope.actor).filter(environment__organization=scope.organization)
    keys = ending(mine, now, timedelta(days=days))
    rows = keys.select_related("team", "environment__organization")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    slugs = sorted({key.environment.slug for key in page})
    standing = {slug: enter(request.user, scope.organization.slug, slug) for slug in slugs}
    endings = [as_ending(key, standing[key.environment.slug], now) for key in page]
    facts = {
        "scope": scope,
        "page": page,
        "weeks": list(by_week(endings, now)),
        "crunches": crunches(keys, now),
        "may_rotate": any(each.may_rotate for each in endings),
        "may_edit": any(each.may_edit for each in endings),
        "past": already(keys, now),
        "days": days,
        "horizons": HORIZONS,
        "any": mine.existing().exists(),
    }
    return render(request, "keys/expiries.html", facts)
