"""The log to take along: what is asked for and how much it is, the file, the page of a large one; the public keys."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.inquiry import Inquiry, Reach
from environments.models import Heartbeat, LogExport
from environments.policy import OrgAction
from environments.services.log import (
    LARGE,
    NotSigned,
    TooMany,
    Wanted,
    check_log,
    download_export,
    export_log,
)
from environments.upkeep.log_work import KEPT
from environments.views.history import chips_of

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.READ_LOG)
def export(request: SignedInRequest, scope: OrgScope) -> HttpResponseBase:
    """The filter stands in the address, as on the log's page."""
    form = request.POST.get("form") or request.GET.get("form", "")
    asked = Inquiry.read(request.GET)
    form = form if form in LogExport.Form.values else LogExport.Form.CSV
    wanted = Wanted(Reach.of(scope.organization, asked), asked, form, timezone.now())
    trouble: dict[str, bool] = {}
    if request.method == "POST":
        try:
            made = export_log(scope, wanted)
        except NotSigned:
            trouble = {"unsigned": True}
        except TooMany:
            trouble = {"busy": True}
        else:
            if made:
                return redirect("environments:log_export", scope.organization.slug, made.public_id)
            return _file(scope, wanted)
    return render(request, "environments/export_log.html", _facts(scope, wanted, asked) | trouble)


def _facts(scope: OrgScope, wanted: Wanted, asked: Inquiry) -> dict[str, Any]:
    everything = Wanted(wanted.reach, asked, LogExport.Form.LINES, wanted.now)
    return {
        "scope": scope,
        "asked": asked,
        "chips": chips_of("", scope, asked),
        "count": Wanted(wanted.reach, asked, LogExport.Form.CSV, wanted.now).count(scope),
        "span": everything.span(scope),
        "whole": everything.whole,
        "large": LARGE,
        "form": wanted.form,
        "exports": LogExport.objects.within(scope).order_by("-asked_at")[:10],
    }


def _file(scope: OrgScope, wanted: Wanted) -> StreamingHttpResponse:
    response = StreamingHttpResponse(wanted.lines(scope), content_type=TYPES[wanted.form])
    return _attached(response, f"{_name(scope)}-{wanted.now:%Y-%m-%d}.{wanted.form}")


@require_safe
@in_organization(OrgAction.READ_LOG)
def log_export(request: SignedInRequest, scope: OrgScope, export: str) -> HttpResponse:
    """The page of a large one: until it is there, and for as long as it is kept."""
    made = get_object_or_404(LogExport.objects.within(scope), public_id=export)
    facts = {
        "scope": scope,
        "made": made,
        "given_up": made.given_up(timezone.now()),
        "until": made.asked_at + KEPT,
        "worker": Heartbeat.last("worker"),
    }
    page = "environments/log_export_state.html" if request.htmx else "environments/log_export.html"
    return render(request, page, facts)


@require_safe
@in_organization(OrgAction.READ_LOG)
def download(request: SignedInRequest, scope: OrgScope, export: str) -> HttpResponseBase:
    made = get_object_or_404(LogExport.objects.within(scope), public_id=export)
    if made.finished_at is None:
        raise Http404("It is not there yet.")
    if request.method == "GET":
        download_export(scope, made)
    response = StreamingHttpResponse(_parts(made), content_type="application/gzip")
    return _attached(response, f"{_name(scope)}-{made.asked_at:%Y-%m-%d}.{made.form}.gz")


def _parts(made: LogExport) -> Iterator[bytes]:
    for number in made.parts.order_by("number").values_list("number", flat=True):
        yield bytes(made.parts.get(number=number).data)


def _name(scope: OrgScope) -> str:
    return f"{scope.organization.slug}-log"


def _attached[Answer: StreamingHttpResponse](response: Answer, name: str) -> Answer:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@in_organization(OrgAction.READ_LOG)
def check(request: SignedInRequest, scope: OrgScope) -> HttpResponse:  # noqa: ARG001  # the door's signature
    check_log(scope)
    return redirect("environments:log", scope.organization.slug)


@require_safe
@login_not_required
def audit_keys(_request: HttpRequest) -> HttpResponse:
    """What an export is checked with, for anybody: the public keys that sign the log."""
    return HttpResponse(settings.LATCHKEY_AUDIT_PUBLIC_KEYS, content_type="application/json")
