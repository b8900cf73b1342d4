"""What it costs to check a chain of a million entries, as a ratio to a bare SHA-256 chain over the same rows in memory;
and what a page of the log costs at a million entries against a hundred. Judges nothing.

    .venv/bin/python -m tests.bench.audit_bench [entries]
"""

import json
import os
import subprocess
import sys
import tempfile

from tests.bench.servers import ROOT, Failed, conditions

BUDGET = "verify: must be ≤ 20, aim ≤ 8; memory ≤ 100 MB"
PLANT = """
import random, sys
from datetime import UTC, datetime, timedelta
from django.db import connection, transaction
from django.utils import timezone
from environments import chain, signing
from environments.chain import Entry
from environments.events import Event
from environments.models import AuditHead, Organization
from environments.upkeep.checkpoints import sign_heads

COUNT = {count}
KINDS = [str(event) for event in Event]
chance = random.Random(1)
start = timezone.now() - timedelta(days=400)
rare = COUNT // 2

def rows(organization, count):
    before = ""
    for number in range(1, count + 1):
        at = signing.instant(start + timedelta(seconds=number * 30))
        member = chance.randrange(1, 13)
        special = number == rare
        entry = Entry(
            organization, number, at, "batch.ended" if special else chance.choice(KINDS[:-20]),
            chance.random() < 0.01, 999 if special else member, f"person{{member}}@acme.test",
            chance.choice(["development", "staging", "production", ""]),
            f"key:ck_{{chance.randrange(2000):020d}}", f"service-{{chance.randrange(2000)}}",
            {{"before": {{"role": "viewer"}}, "after": {{"role": "engineer"}}}} if number % 3 == 0 else {{}},
            "192.0.2.1" if special else f"198.51.100.{{chance.randrange(255)}}", f"{{number:032x}}", before, "",
        )
        before = chain.digest(entry)
        yield entry._replace(digest=before)

SQL = ("INSERT INTO environments_auditevent (organization_id, sequence, at, event, denied, actor_id, actor, environment,"
       " subject, label, detail, address, request_id, previous, digest) VALUES (" + ",".join(["%s"] * 15) + ")")

def plant(organization, count):
    some = []
    with transaction.atomic(), connection.cursor() as cursor:
        for entry in rows(organization, count):
            at = entry.at.replace("T", " ").removesuffix("+00:00") if connection.vendor == "sqlite" else entry.at
            import json
            some.append((*entry[:2], at, *entry[3:10], json.dumps(entry.detail), *entry[11:]))
            if len(some) == 5000:
                cursor.executemany(SQL, some); some = []
        if some:
            cursor.executemany(SQL, some)
        AuditHead.objects.create(organization_id=organization, sequence=count, digest=entry.digest)

big = Organization.objects.create(name="Big", slug="big")
small = Organization.objects.create(name="Small", slug="small")
plant(big.pk, COUNT)
plant(small.pk, 100)
sign_heads(timezone.now())
if connection.vendor == "postgresql":  # as its autovacuum does by itself, a minute later
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE environments_auditevent")
"""
FLOOR = """
import hashlib, json, resource, time
from environments import chain, stored
from environments.models import AuditHead, Organization
big = Organization.objects.get(slug="big").pk
rows = []
for entry in stored.entries(big, 0, {count}):
    facts = entry._asdict(); del facts["digest"]
    rows.append(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode())
start = time.process_time()
before = b""
for row in rows:
    before = hashlib.sha256(before + row).digest()
print(json.dumps({{"seconds": time.process_time() - start}}))
"""
VERIFY = """
import json, resource, time
from django.conf import settings
from django.utils import timezone
from environments import verifying
from environments.signing import Verifier
start, cpu = time.perf_counter(), time.process_time()
report = verifying.verify(Verifier.parse(settings.LATCHKEY_AUDIT_PUBLIC_KEYS), timezone.now())
assert report.sound, report.problems
print(json.dumps({{"wall": time.perf_counter() - start, "seconds": time.process_time() - cpu,
                  "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
"""
PAGES = """
import json, statistics, time
from django.http import QueryDict
from django.utils import timezone
from environments.inquiry import Inquiry, Reach
from environments.models import AuditEvent, Organization
now = timezone.now()
def cost(slug, query, before=None):
    pk = Organization.objects.get(slug=slug).pk
    reach, asked = Reach(AuditEvent.objects.filter(organization_id=pk)), Inquiry.read(QueryDict(query))
    took = []
    for _ in range(15):
        start = time.perf_counter()
        found = asked.page(reach, now, rows=25, before=before)
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1e3, len(found.events), found.searched_to is not None
asks = {{
    "newest": "", "in the middle": "", "one event, once": "event=batch.ended", "one person, once": "by=999",
    "one address, once": "address=192.0.2.1", "one environment": "environment=production", "refused": "result=refused",
    "one object": "about=key:ck_00000000000000000007", "a week, a year ago": "since=2025-11-20T00:00&until=2025-11-27T00:00",
    "event and environment": "event=key.created&environment=production", "two that never meet": "by=999&environment=production&event=key.created",
    "a group": "event=team", "text, often": "q=service-7", "text, never": "q=nowhere-to-be-found",
}}
table = {{}}
for name, query in asks.items():
    middle = {{"big": {count} // 2, "small": 50}} if name == "in the middle" else {{}}
    table[name] = [*cost("big", query, middle.get("big")), *cost("small", query, middle.get("small"))]
print(json.dumps(table))
"""


def main(count: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        environment = _environment(folder)
        _manage(environment, "keyring", "make")
        _manage(environment, "migrate", "--verbosity", "0")
        before = conditions()
        _shell(environment, PLANT, count)
        floors, verified = [], []
        for _ in range(3):
            floors.append(json.loads(_shell(environment, FLOOR, count))["seconds"])
            verified.append(json.loads(_shell(environment, VERIFY, count)))
        pages = json.loads(_shell(environment, PAGES, count))
    database = environment.get("DATABASE_URL", "sqlite").partition(":")[0]
    print(f"Checking {count:,} entries ({BUDGET}); {database}, CPU seconds, three rounds in turns")
    for floor, each in zip(floors, verified, strict=True):
        print(
            f"  bare chain {floor:5.2f} s   verify {each['seconds']:6.2f} s   ratio {each['seconds'] / floor:5.1f}"
            f"   {each['megabytes']:4.0f} MB"
        )
    print(f"\nA page of 25, ms (median of 15): at {count:,} entries, at 100, ratio")
    for name, (big, found, stopped, small, _few, _stopped) in pages.items():
        note = f"{found} found" + (", looked at 20,000" if stopped else "")
        print(f"  {name:<24}{big:8.2f} {small:8.2f} {big / small:6.1f}   {note}")
    print(f"before: {before}\nafter:  {conditions()}")


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL") if name in os.environ}
    return kept | {"DATA_DIR": folder, "LATCHKEY_ROLE": "worker", "PYTHONWARNINGS": "ignore"}


def _shell(environment: dict[str, str], code: str, count: int) -> str:
    return _manage(environment, "shell", "--no-imports", "-c", code.format(count=count))


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"manage.py {arguments[0]} failed:\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
