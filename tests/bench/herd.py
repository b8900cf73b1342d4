"""Inside an installation of its own: plants a herd of due tests, rings them, and times what a worker makes of them."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db.models import Max, Min  # noqa: E402
from django.utils import timezone  # noqa: E402

from environments.models import Environment, Organization  # noqa: E402
from keys import tasks  # noqa: E402
from keys.answers import Asked  # noqa: E402
from keys.asking import Target  # noqa: E402
from keys.crypto import SecretText  # noqa: E402
from keys.fingerprint import mark  # noqa: E402
from keys.models import CredentialTest, Key, Secret  # noqa: E402
from keys.outcomes import Outcome  # noqa: E402
from keys.probe import fetch_token  # noqa: E402
from keys.sealing import seal_credential  # noqa: E402

TEXT = "lk_dev_a herd"
PROBES = 10


def plant(count: int) -> None:
    """So many keys of one environment, each with a secret and a scheduled test that is due."""
    organization, _ = Organization.objects.get_or_create(name="Herd", slug="herd")
    place, _ = Environment.objects.get_or_create(
        organization=organization, slug="development", name="Development", kind="development"
    )
    first = Key.objects.count()
    made = [Key(environment=place, name=f"key-{first + number}") for number in range(count)]
    Key.objects.bulk_create(made, batch_size=1000)
    pepper_id, digest = mark(TEXT)
    secrets = []
    for key in made:
        secret = Secret(key=key, hint="herd", pepper_id=pepper_id, mark=digest)
        secret.sealed = seal_credential(SecretText(TEXT), secret.context)
        secrets.append(secret)
    Secret.objects.bulk_create(secrets, batch_size=1000)
    due = timezone.now() - timedelta(seconds=1)
    tests = [
        CredentialTest(key=s.key, secret=s, reason="schedule", not_before=due) for s in secrets
    ]
    CredentialTest.objects.bulk_create(tests, batch_size=1000)


def ring() -> None:
    tasks.run_due_tests.apply_async(queue=tasks.DUE)


def throughput(count: int) -> float:
    """Tests a second, from the first one's start to the last one's end."""
    plant(count)
    ring()
    ours = CredentialTest.objects.filter(reason="schedule")
    ends = time.monotonic() + 300
    while ours.unfinished().exists() and time.monotonic() < ends:
        time.sleep(0.2)
    if ours.unfinished().exists():
        sys.exit(f"{ours.unfinished().count()} of {count} tests did not end")
    span = ours.aggregate(first=Min("started_at"), last=Max("finished_at"))
    return count / (span["last"] - span["first"]).total_seconds()


def floor(count: int) -> tuple[float, float]:
    """The same requests through the one door, by as many threads, and nothing else: a second, CPU ms of each."""
    target = Target(
        f"{settings.LATCHKEY_INTERNAL_URL}/t/bare/token", "ck_bare", asked=Asked(built_in=True)
    )
    text, began, used = SecretText(TEXT), time.monotonic(), time.process_time()
    with ThreadPoolExecutor(settings.LATCHKEY_WORKER_THREADS) as pool:
        found = list(pool.map(lambda _: fetch_token(target, text, ticket="t" * 43), range(count)))
    took, used = time.monotonic() - began, time.process_time() - used
    if any(each.outcome is not Outcome.WORKS for each in found):
        sys.exit("the bare requests did not all work")
    return count / took, used / count * 1000


def worker_cpu(pid: int) -> float:
    """Seconds, all threads, as the kernel counts them (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


def overtaking(count: int) -> list[float]:
    """Seconds from the asking of a test to its start, in the middle of the herd."""
    plant(count)
    ring()
    waits = []
    for secret in Secret.objects.order_by("?")[:PROBES]:
        test = CredentialTest.objects.create(
            key=secret.key, secret=secret, reason="person", interactive=True
        )
        tasks.ring(test.pk)
        while test.started_at is None:
            time.sleep(0.02)
            test.refresh_from_db()
        waits.append((test.started_at - test.asked_at).total_seconds())
    if not CredentialTest.objects.unfinished().filter(reason="schedule").exists():
        sys.exit("the herd was through before the last of the interactive ones")
    return waits


if __name__ == "__main__":
    many, herd, worker = map(int, sys.argv[1:])
    before = floor(many // 2)
    used = worker_cpu(worker)
    per_second = throughput(many)
    cpu = (worker_cpu(worker) - used) / many * 1000
    after = floor(many // 2)
    bare, bare_cpu = (sum(pair) / 2 for pair in zip(before, after, strict=True))
    CredentialTest.objects.all().delete()
    print(
        json.dumps(
            {
                "per_second": per_second,
                "cpu": cpu,
                "floor_per_second": bare,
                "floor_cpu": bare_cpu,
                "waits": overtaking(herd),
            }
        )
    )
