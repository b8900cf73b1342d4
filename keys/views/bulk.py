"""Bulk work: the page that says what will happen to which keys, and the page of its run."""

import csv
import io
from collections import Counter

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.access import OrgScope
from environments.guard import SignedInRequest, in_organization
from environments.policy import OrgAction
from environments.reauth import fresh_sign_in
from environments.sheets import safe_cell
from keys.filters import seen_everywhere
from keys.forms.bulk import BulkForm
from keys.models import Batch, BatchItem
from keys.services import bulk
from keys.views.making import new_once

WORDS = {
    Batch.Kind.TEST: ("Test", "Test {} keys", "A worker fetches a token with the secret of each."),
    Batch.Kind.ROTATE: (
        "Rotate",
        "Prepare {} rotations",
        "No secret is made now: a keeper of each key makes it, sees it once and stores it. "
        "What nobody takes up within 7 days lapses, and the old secret goes on working.",
    ),
    Batch.Kind.EXPIRY: (
        "Set expiry",
        "Set the expiry of {} keys",
        "The newest secret of each gets this end. Once it has passed, tokens are refused.",
    ),
}
ORDER = {
    BatchItem.State.FAILED: 0,
    BatchItem.State.RUNNING: 1,
    BatchItem.State.WAITING: 2,
    BatchItem.State.CANCELLED: 3,
    BatchItem.State.OK: 4,
    BatchItem.State.SKIPPED: 5,
}
PER_PAGE = 50
TONES = {"ok": "ok", "failed": "bad", "running": "run"}
RUNS = {
    Batch.Kind.TEST: "Test",
    Batch.Kind.ROTATE: "Rotation",
    Batch.Kind.EXPIRY: "New expiry",
}
FOR_A_KEEPER = "Waiting for a keeper"


@require_http_methods(["GET", "HEAD", "POST"])
@in_organization(OrgAction.VIEW)
def new(request: SignedInRequest, scope: OrgScope) -> HttpResponseBase:
    """Which keys, each by name; what is confirmed here is what is done."""
    asked = request.POST if request.method == "POST" else request.GET
    kind = asked.get("act", "")
    if kind not in Batch.Kind.values:
        raise Http404("No such bulk work.")
    page = _confirm if kind == Batch.Kind.TEST else fresh_sign_in(_confirm)
    return page(request, scope, Batch.Kind(kind), asked)


def _confirm(
    request: SignedInRequest, scope: OrgScope, kind: Batch.Kind, asked: QueryDict
) -> HttpResponseBase:
    chosen = bulk.choose(scope, kind, _ids(scope, asked))
    bulk.refuse_all(kind, chosen)
    form = BulkForm(kind, chosen, asked if request.method == "POST" else None, once=new_once())
    if request.method == "POST" and form.is_valid():
        try:
            batch = bulk.start_batch(
                scope, form.order(timezone.now()), _ids(scope, asked), once=form.once
            )
        except bulk.NothingToDo:
            pass  # the page below says why for each
        else:
            return _to(scope, batch)
    eligible = [each for each in chosen if not each.excluded]
    name, button, sentence = WORDS[kind]
    count = len(eligible)
    context = {
        "scope": scope,
        "kind": kind,
        "form": form,
        "eligible": eligible,
        "excluded": [each for each in chosen if each.excluded],
        "name": name,
        "button": button.format(count) if count != 1 else button.format(1).removesuffix("s"),
        "sentence": sentence,
        "changed": asked.get("expect", "") not in ("", str(len(chosen))),
        "limit": bulk.MOST_KEYS,
    }
    return render(request, "keys/bulk_new.html", context, status=422 if form.is_bound else 200)


def _ids(scope: OrgScope, asked: QueryDict) -> list[str]:
    """The ticked ones, or all that the filters match: their ids are then in the form, so that they stay the same."""
    if "key" in asked or "all" not in asked:
        return asked.getlist("key")[: bulk.MOST_KEYS]
    keys, _, filters = seen_everywhere(scope, asked)
    found = filters.apply(keys, timezone.now())
    return list(found.values_list("client_id", flat=True)[: bulk.MOST_KEYS])


@require_safe
@in_organization(OrgAction.VIEW)
def batch(request: SignedInRequest, scope: OrgScope, batch: str) -> HttpResponse:
    work = _found(scope, batch)
    items = sorted(
        work.items.select_related("key__environment__organization", "test", "rotation"),
        key=lambda item: (ORDER[BatchItem.State(item.state)], item.position),
    )
    if request.GET.get("format") == "csv":
        return _csv(work, items)
    page = Paginator(items, PER_PAGE).get_page(request.GET.get("page"))
    totals = bulk.totals(work)
    chosen = totals.total() - totals["skipped"]
    context = {
        "scope": scope,
        "batch": work,
        "rows": [_row(item) for item in page],
        "page": page,
        "parts": _parts(totals, items),
        "chosen": chosen,
        "ended": chosen - totals["waiting"] - totals["running"],
        "failed": totals["failed"],
        "waiting": totals["waiting"],
        "cancellable": totals["waiting"] or (work.kind == Batch.Kind.ROTATE and totals["running"]),
        "name": RUNS[Batch.Kind(work.kind)],
    }
    shown = "keys/batch_run.html" if request.htmx else "keys/batch.html"
    response = render(request, shown, context)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["HX-Request"])
    return response


def _row(item: BatchItem) -> dict[str, object]:
    if _for_a_keeper(item):
        return {"item": item, "tone": "idle", "word": FOR_A_KEEPER}
    return {
        "item": item,
        "tone": TONES.get(item.state, "idle"),
        "word": item.get_state_display(),
    }


def _for_a_keeper(item: BatchItem) -> bool:
    """Prepared, and no secret is made yet."""
    rotation = item.rotation if item.state == BatchItem.State.RUNNING else None
    return rotation is not None and rotation.new_id is None


def _parts(totals: Counter[str], items: list[BatchItem]) -> list[tuple[int, str]]:
    """They add up: what waits for a person runs no more than what waits for a worker."""
    waits = sum(_for_a_keeper(item) for item in items)
    parts = [(totals[state], str(label)) for state, label in BatchItem.State.choices]
    return [(waits, FOR_A_KEEPER)] + [
        (count - waits if label == BatchItem.State.RUNNING.label else count, label)
        for count, label in parts
    ]


def _csv(work: Batch, items: list[BatchItem]) -> HttpResponse:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["key", "client_id", "environment", "state", "note", "ended_at"])
    for item in items:
        key = item.key
        ended = item.ended_at.isoformat() if item.ended_at else ""
        cells = (key.name, key.client_id, key.environment.slug, item.state, item.note, ended)
        rows.writerow([safe_cell(cell) for cell in cells])
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{work.public_id}.csv"'
    return response


@require_POST
@in_organization(OrgAction.VIEW)
def cancel(_request: SignedInRequest, scope: OrgScope, batch: str) -> HttpResponse:
    return _to(scope, bulk.cancel_waiting(scope, _found(scope, batch).public_id))


@require_POST
@in_organization(OrgAction.VIEW)
def retry(_request: SignedInRequest, scope: OrgScope, batch: str) -> HttpResponse:
    return _to(scope, bulk.retry_failed(scope, _found(scope, batch).public_id))


@require_POST
@in_organization(OrgAction.VIEW)
def go_on(_request: SignedInRequest, scope: OrgScope, batch: str) -> HttpResponse:
    return _to(scope, bulk.go_on(scope, _found(scope, batch).public_id))


def _found(scope: OrgScope, public_id: str) -> Batch:
    found = Batch.objects.within(scope).select_related("asked_by").filter(public_id=public_id)
    work = found.first()
    if work is None:
        raise Http404("No such bulk work.")
    return work


def _to(scope: OrgScope, work: Batch) -> HttpResponseRedirect:
    place = {"org": scope.organization.slug, "batch": work.public_id}
    return HttpResponseRedirect(reverse("keys:batch", kwargs=place))
