"""Is this process alive, and is the whole installation fit to serve?"""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard import heartbeat
from environments import append_only


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _beat() -> bool:
    return heartbeat.is_alive("beat", timezone.now())


def _worker() -> bool:
    return heartbeat.is_alive("worker", timezone.now())


EVERYWHERE: Mapping[str, Callable[[], bool]] = {
    "database": _database,
    "migrations": _migrations,
    "audit_triggers": append_only.triggers_present,
}
BACKGROUND: Mapping[str, Callable[[], bool]] = {"beat": _beat, "worker": _worker}


@require_safe
@never_cache
@login_not_required
def livez(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("alive\n", content_type="text/plain")


@require_safe
@never_cache
@login_not_required
def readyz(_request: HttpRequest) -> JsonResponse:
    # Tokens are sold without a worker: a token service that nobody sends requests to would be the greater outage.
    questions = dict(
        EVERYWHERE if settings.LATCHKEY_ROLE == "issuer" else {**EVERYWHERE, **BACKGROUND}
    )
    answers = {name: _answer(ask) for name, ask in questions.items()}
    ready = all(answers.values())
    words = {name: "ok" if fine else "failed" for name, fine in answers.items()}
    return JsonResponse({"ready": ready, "checks": words}, status=200 if ready else 503)


def _answer(ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except DatabaseError:
        return False
