"""A round of the tests that the clock asked for: claimed by the handful, run side by side, kept by the handful.

So a test costs little more than its request. What somebody waits for comes by a message of its own and finds a thread
of the worker free, since a round needs but one of them beside the threads that it brings along.
"""

import secrets
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from hashlib import sha256
from time import monotonic

import structlog
from django.conf import settings
from django.utils import timezone

from keys.models import CredentialTest, Rotation
from keys.probe import Finding
from keys.upkeep import hosts
from keys.upkeep.findings import keep, keep_quiet
from keys.upkeep.testing import look, this_worker
from keys.upkeep.turns import my_turn

TICK = 0.1  # seconds between two looks at what has ended; so long an answer may wait to be kept
PAUSE = 1.0  # seconds before another look, once nothing more was due
OUTSIDE = 8  # of outside hosts at a look: each is claimed by itself, in its host's order

log = structlog.get_logger(__name__)
closing = threading.Event()
"""Set when this process is told to stop: what is claimed is finished, nothing more is claimed."""
_under_way = threading.Lock()

type Running = dict[Future[Finding], CredentialTest]


def run_due_tests() -> Iterator[int]:
    """Until nothing is due; the ids of the rotations that this brings on. One round at a time in a process."""
    if not _under_way.acquire(blocking=False):
        return
    try:
        with ThreadPoolExecutor(settings.LATCHKEY_WORKER_THREADS, "round") as pool:
            yield from _round(pool)
    finally:
        _under_way.release()


def _round(pool: ThreadPoolExecutor) -> Iterator[int]:
    # One for each thread and one at hand for when it ends; all are through well before their lease is.
    most = 2 * settings.LATCHKEY_WORKER_THREADS
    running: Running = {}
    look_again = 0.0
    while True:
        room = most - len(running)
        if room and monotonic() >= look_again and not closing.is_set():
            begun, more = _begin(pool, room)
            running |= begun
            look_again = monotonic() + (0 if more else PAUSE)
        if not running and (monotonic() < look_again or closing.is_set()):
            return
        ended, _ = wait(running, timeout=TICK)
        yield from _keep({future: running.pop(future) for future in ended})


def _begin(pool: ThreadPoolExecutor, room: int) -> tuple[Running, bool]:
    """What is run now, and whether more may be due."""
    ticket = secrets.token_urlsafe(32)
    lease = {"worker": this_worker(), "ticket_hash": sha256(ticket.encode()).hexdigest()}
    with my_turn():
        outside, more = _claim_outside(min(room, OUTSIDE), lease)
    left = room - len(outside)
    with my_turn():
        built_in = CredentialTest.objects.claim_built_in(left, timezone.now(), **lease)
    tests = [*outside, *built_in]
    running = {pool.submit(look, test, ticket): test for test in tests}
    return running, more or len(built_in) == left


def _claim_outside(most: int, lease: Mapping[str, str]) -> tuple[list[CredentialTest], bool]:
    due = CredentialTest.objects.due(timezone.now()).scheduled().exclude(secret__endpoint=None)
    asked = list(due.order_by("not_before", "pk").values_list("pk", flat=True)[:most])
    found = [hosts.claim(pk, timezone.now(), **lease) for pk in asked]
    return [test for test in found if test], len(asked) == most


def _keep(ended: Running) -> Iterator[int]:
    found = {test: future.result() for future, test in ended.items() if _answered(future, test)}
    if not found:
        return
    with my_turn():
        kept = keep_quiet(found)
    for test in found.keys() - kept:
        _keep_one(test, found[test])
    keys = {test.key_id for test in found}
    yield from Rotation.objects.open().filter(key__in=keys).values_list("pk", flat=True)


def _keep_one(test: CredentialTest, finding: Finding) -> None:
    try:
        with my_turn():
            keep(test, finding)
            hosts.heed(test, finding, timezone.now())
    except Exception:
        log.exception("finding not kept", test=test.pk)


def _answered(future: Future[Finding], test: CredentialTest) -> bool:
    """One that broke stays leased and is tried again later; the others go on."""
    error = future.exception()
    if error:
        log.error("test broke", test=test.pk, exc_info=error)
    return error is None
