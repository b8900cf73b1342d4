"""Inside an installation of its own: plants many keys, and times the list's pages beside bare SQL."""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
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
FLOOR = """
    SELECT k.id, k.name, k.client_id, k.note, t.name, p.created_at, p.expires_at, p.last_used_at, k.last_tested_at
    FROM keys_key k LEFT JOIN environments_team t ON t.id = k.team_id
    LEFT JOIN keys_secret p ON p.key_id = k.id
    WHERE k.environment_id = %s AND k.deleted_at IS NULL ORDER BY k.name, k.id LIMIT %s OFFSET %s
"""


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
            Key(environment=place, name=f"key {number:06}", last_tested_at=now)
            for number in range(first, min(first + STEP, count))
        )
        secrets = Secret.objects.bulk_create(
            Secret(
                key=key,
                pepper_id="x",
                mark=key.pk.to_bytes(32),
                expires_at=now + timedelta(days=key.pk % 400 + 1),
                last_used_at=now,
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
    address = f"/o/many/e/{place.slug}/?page="
    last = count // PER_PAGE

    def page(number: int) -> int:
        with CaptureQueriesContext(connection) as seen:
            answer = browser.get(f"{address}{number}")
        if answer.status_code != 200:
            sys.exit(f"the list answered {answer.status_code}")
        return len(seen)

    def floor(number: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute(FLOOR, (place.pk, PER_PAGE, (number - 1) * PER_PAGE))
            cursor.fetchall()
        return 1

    kinds: dict[str, tuple[Callable[[int], int], int]] = {
        "floor, page 1": (floor, 1),
        f"floor, page {last}": (floor, last),
        "page 1": (page, 1),
        f"page {last}": (page, last),
    }
    costs: dict[str, list[float]] = {name: [] for name in kinds}
    statements = {name: ask(number) for name, (ask, number) in kinds.items()}
    for _ in range(rounds):
        for name, (ask, number) in kinds.items():
            before = time.process_time()
            ask(number)
            costs[name].append((time.process_time() - before) * 1000)
    _tell(costs, statements, last)


def _tell(costs: dict[str, list[float]], statements: dict[str, int], last: int) -> None:
    for name, cost in costs.items():
        print(f"{name:20}{median(cost):10.1f} ms of CPU{statements[name]:6} statements")
    bare, _, first, deep = (median(cost) for cost in costs.values())
    print(f"÷ floor {first / bare:.1f}; page {last} ÷ page 1 {deep / first:.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
