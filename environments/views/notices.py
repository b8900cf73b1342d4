"""What a person was told: unread first."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.models import Notice, NoticeQuerySet
from environments.policy import OrgAction

PER_PAGE = 50


def _own(request: SignedInRequest, scope: OrgScope) -> NoticeQuerySet:
    own = Notice.objects.visible_to(request.user).shown()
    return own.filter(organization=scope.organization)


@require_safe
@in_organization(OrgAction.VIEW)
def notices(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    own = _own(request, scope)
    rows = own.annotate(was_read=Q(read_at__isnull=False)).order_by("was_read", "-at", "-pk")
    facts = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "unread": own.unread().count(),
    }
    return render(request, "environments/notices.html", facts)


@require_POST
@in_organization(OrgAction.VIEW)
def read_notice(request: SignedInRequest, scope: OrgScope, notice: int) -> HttpResponse:
    row = _own(request, scope).filter(pk=notice)
    if not row.exists():
        raise Http404("No such notice.")
    row.unread().update(read_at=timezone.now())
    return redirect("environments:notices", scope.organization.slug)


@require_POST
@in_organization(OrgAction.VIEW)
def read_all(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    count = _own(request, scope).unread().update(read_at=timezone.now())
    if count:
        messages.success(
            request, f"{count} {'notice' if count == 1 else 'notices'} marked as read."
        )
    return redirect("environments:notices", scope.organization.slug)
