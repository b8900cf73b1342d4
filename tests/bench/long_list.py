"""Inside an installation of its own: plants many keys, and times the list's pages beside bare SQL."""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from statistics import median

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from environments.models import Environment, EnvironmentGrant, Member, Organization, User  # noqa: E402
from environments.policy import EnvironmentRole, OrganizationRole  # noqa: E402
from environments.services.invitations import new_person  # noqa: E402
from keys.models import CredentialTest, Key, Secret  # noqa: E402
from keys.outcomes import Outcome  # noqa: E402
from keys.views.lists import PER_PAGE  # noqa: E402
from tests.browsers import Browser  # noqa: E402

STEP = 5000
OTHERS = {"all environments": "/o/many/keys/", "overview": "/o/many/", "log": "/o/many/log/"}
# The same rows and the same facts as on the page, by one statement that the indexes serve.
FLOOR = """
    WITH page AS (
        SELECT id FROM keys_key WHERE environment_id = %s AND deleted_at IS NULL ORDER BY name, id LIMIT %s OFFSET %s
    )
    SELECT k.id, k.client_id, k.outside_id, k.name, k.note, k.disabled_at, k.last_outcome, k.failing_since, k.last_tested_at,
        t.name, n.name, n.method, u.url, r.step, r.asked_at, r.next_at, r.proven_at, r.ends_at,
        (SELECT {all}({one}(p.created_at, p.expires_at, p.revoked_at, p.collected_at, p.last_used_at))
            FROM keys_secret p WHERE p.key_id = k.id),
        (SELECT {all}({one}(p.created_at, p.expires_at, p.revoked_at, p.last_used_at))
            FROM keys_publickey p WHERE p.key_id = k.id),
        (SELECT {all}(c.outcome) FROM (
            SELECT outcome FROM keys_credentialtest c WHERE c.key_id = k.id AND c.finished_at IS NOT NULL
                AND c.cancelled_at IS NULL AND c.reason <> 'death' ORDER BY c.asked_at DESC, c.id DESC LIMIT 20) c),
        (SELECT COUNT(*) FROM keys_key WHERE environment_id = %s AND deleted_at IS NULL),
        (SELECT COUNT(*) FROM keys_key WHERE environment_id = %s AND deleted_at IS NULL AND disabled_at IS NULL
            AND failing_since IS NOT NULL),
        (SELECT COUNT(*) FROM environments_environmentgrant WHERE environment_id = %s)
    FROM page JOIN keys_key k ON k.id = page.id
    LEFT JOIN environments_team t ON t.id = k.team_id LEFT JOIN keys_tokenendpoint n ON n.id = k.endpoint_id
    LEFT JOIN keys_keyset u ON u.key_id = k.id LEFT JOIN keys_rotation r ON r.key_id = k.id AND r.closed_at IS NULL
    ORDER BY k.name, k.id
"""
ROWS = """
    SELECT k.id, k.name, k.client_id, k.note, t.name, p.created_at, p.expires_at, p.last_used_at, k.last_tested_at
    FROM keys_key k LEFT JOIN environments_team t ON t.id = k.team_id
    LEFT JOIN keys_secret p ON p.key_id = k.id
    WHERE k.environment_id = %s AND k.deleted_at IS NULL ORDER BY k.name, k.id LIMIT %s OFFSET %s
"""
JSON = {
    "sqlite": {"all": "json_group_array", "one": "json_array"},
    "postgresql": {"all": "json_agg", "one": "json_build_array"},
}


def plant(count: int) -> tuple[Environment, User]:
    """So many keys of one environment, each with a secret and a test."""
    organization = Organization.objects.create(name="Many", slug="many")
    place = Environment.objects.create(
        organization=organization, slug="development", name="Development", kind="development"
    )
    person = new_person("engineer@many.test", "correct horse battery", name="Engineer")
    member = Member.objects.create(
        organization=organization, user=person, role=OrganizationRole.OWNER
    )
    EnvironmentGrant.objects.create(environment=place, member=member, role=EnvironmentRole.ENGINEER)
    now = timezone.now()
    for first in range(0, count, STEP):
        keys = Key.objects.bulk_create(
            Key(
                environment=place, name=f"key {number:06}", last_tested_at=now, last_outcome="works"
            )
            for number in range(first, min(first + STEP, count))
        )
        secrets = Secret.objects.bulk_create(
            Secret(
                key=key,
                pepper_id="x",
                mark=key.pk.to_bytes(32),
                expires_at=now + timedelta(days=key.pk % 400 + 1),
                last_used_at=now,
                collected_at=now,
            )
            for key in keys
        )
        CredentialTest.objects.bulk_create(
            CredentialTest(key=secret.key, secret=secret, finished_at=now, outcome=Outcome.WORKS)
            for secret in secrets
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return place, person


def main(count: int, rounds: int) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    place, person = plant(count)
    browser = Browser()
    browser.force_login(person)
    last = count // PER_PAGE
    facts = FLOOR.format(**JSON[connection.vendor])

    def ask(address: str) -> None:
        answer = browser.get(address)
        if answer.status_code != 200:
            sys.exit(f"{address} answered {answer.status_code}")

    def bare(text: str, number: int) -> None:
        here = [place.pk] * (text.count("%s") - 3)
        with connection.cursor() as cursor:
            cursor.execute(text, (place.pk, PER_PAGE, (number - 1) * PER_PAGE, *here))
            cursor.fetchall()

    kinds: dict[str, Callable[[], None]] = {}
    for number in (1, last):
        kinds[f"rows alone, page {number}"] = partial(bare, ROWS, number)
        kinds[f"floor, page {number}"] = partial(bare, facts, number)
        kinds[f"page {number}"] = partial(ask, f"/o/many/e/{place.slug}/?page={number}")
    for name, address in OTHERS.items():
        kinds[name] = partial(ask, address)
    statements = {name: _statements(ask) for name, ask in kinds.items()}
    _tell(_in_turns(kinds, rounds), statements, last)


def _in_turns(kinds: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of CPU."""
    costs: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, ask in kinds.items():
            before = time.process_time()
            ask()
            costs[name].append((time.process_time() - before) * 1000)
    return costs


def _statements(ask: Callable[[], None]) -> int:
    ask()
    with CaptureQueriesContext(connection) as seen:
        ask()
    return len(seen)


def _tell(costs: dict[str, list[float]], statements: dict[str, int], last: int) -> None:
    for name, cost in costs.items():
        print(f"{name:26}{median(cost):10.1f} ms of CPU{statements[name]:6} statements")
    _, bare, first, _, _, deep, *_ = (median(cost) for cost in costs.values())
    print(f"÷ floor {first / bare:.1f}; page {last} ÷ page 1 {deep / first:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
