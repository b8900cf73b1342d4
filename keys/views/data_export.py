"""An owner takes the organization's data along: what is in it, the page of an archive, the file."""

from collections.abc import Iterator

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.models import DataExport
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.services.data_export import download_data, export_data
from keys.upkeep.data_export import KEPT
from keys.upkeep.inventory import SHEETS


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.READ_LOG)
@fresh_sign_in
def data_export(request: SignedInRequest, scope: OrgScope) -> HttpResponse:
    if request.method == "POST":
        return redirect("keys:data_file", scope.organization.slug, export_data(scope).public_id)
    facts = {
        "scope": scope,
        "organization": scope.organization,
        "sheets": SHEETS,
        "days": KEPT.days,
        "exports": DataExport.objects.within(scope).order_by("-asked_at")[:10],
    }
    return render(request, "keys/data_export.html", facts)


@require_safe
@in_organization(OrgAction.READ_LOG)
def data_file(request: SignedInRequest, scope: OrgScope, parcel: str) -> HttpResponse:
    """The page of one: until it is there, and for as long as it is kept."""
    made = get_object_or_404(DataExport.objects.within(scope), public_id=parcel)
    facts = {
        "scope": scope,
        "made": made,
        "given_up": made.given_up(timezone.now()),
        "until": made.asked_at + KEPT,
    }
    page = "keys/data_file_state.html" if request.htmx else "keys/data_file.html"
    return render(request, page, facts)


@require_safe
@in_organization(OrgAction.READ_LOG)
@fresh_sign_in
def download(request: SignedInRequest, scope: OrgScope, parcel: str) -> HttpResponseBase:
    made = get_object_or_404(DataExport.objects.within(scope), public_id=parcel)
    if made.finished_at is None:
        raise Http404("It is not there yet.")
    if request.method == "GET":
        download_data(scope, made)
    response = StreamingHttpResponse(_parts(made), content_type="application/zip")
    name = f"{scope.organization.slug}-data-{made.asked_at:%Y-%m-%d}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Length"] = str(made.size)
    response["Cache-Control"] = "no-store"
    return response


def _parts(made: DataExport) -> Iterator[bytes]:
    for number in made.parts.order_by("number").values_list("number", flat=True):
        yield bytes(made.parts.get(number=number).data)
