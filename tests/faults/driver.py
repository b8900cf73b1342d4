"""Run beside a living installation, with its settings: rotates keys while it breaks what it can, then counts.

`python -m tests.faults.driver FAULTS SEED SUPERVISOR_PID`; the last line says faults, lost, doubled, stuck.
"""

import contextlib
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import DatabaseError, InterfaceError, connection  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.crypto import get_random_string  # noqa: E402

from environments import audit  # noqa: E402
from environments.access import Scope, enter  # noqa: E402
from environments.events import Event  # noqa: E402
from environments.models import AuditEvent, Environment  # noqa: E402
from environments.origin import NOWHERE  # noqa: E402
from environments.services.invitations import new_person  # noqa: E402
from environments.services.organizations import create_organization  # noqa: E402
from keys.handover import Browser, show  # noqa: E402
from keys.models import CredentialTest, Key, Rotation, Secret  # noqa: E402
from keys.rotation import Step  # noqa: E402
from keys.services import issuing, rotating, testing  # noqa: E402
from keys.services.issuing import NewKey, OneSight  # noqa: E402
from tests.faults.breakage import Breakage  # noqa: E402

KEYS = 6
SETTLE = 90.0
FOR_A_PERSON = frozenset({Step.AWAIT_SECRET, Step.AWAIT_COLLECTION, Step.DRAIN, Step.HOLD})


def again[Answer](act: Callable[[], Answer], patience: float = 60.0) -> Answer:
    """What a person does when the page says 503: once more."""
    ends = time.monotonic() + patience
    while True:
        try:
            return act()
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > ends:
                raise
            time.sleep(0.3)


@dataclass
class Held:
    """A key as its people know it: the texts of its secrets."""

    key: Key
    texts: dict[int, str] = field(default_factory=dict)


class Driver:
    def __init__(self, seed: int, supervisor: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.breakage = Breakage(supervisor, self.random)
        self.counted: Counter[str] = Counter()
        self.without: set[str] = set()
        self.rotations = 0
        self.scope = self._place()
        self.held = [self._key() for _ in range(KEYS)]
        self._until_all(lambda: all(self._current(each).has_worked for each in self.held), "proven")

    def _place(self) -> Scope:
        owner = new_person(
            f"{get_random_string(8)}@faults.test", get_random_string(20), name="Faults"
        )
        slug = f"faults-{get_random_string(8).lower()}"
        create_organization(owner, name="Faults", slug=slug, timezone="UTC", origin=NOWHERE)
        Environment.objects.filter(organization__slug=slug).update(
            test_interval=timedelta(minutes=1)
        )
        scope = enter(owner, slug, "production")
        assert scope
        return scope

    def _sight(self) -> OneSight:
        return OneSight(Browser(get_random_string(43)), get_random_string(32))

    def _key(self) -> Held:
        sight = self._sight()
        shown = issuing.create_key(self.scope, NewKey(name=get_random_string(12)), sight)
        held = Held(shown.secret.key)
        held.texts[shown.secret_id] = show(shown, sight.browser, timezone.now()).reveal()
        issuing.collect_secret(self.scope, shown)
        return held

    def _current(self, held: Held) -> Secret:
        return held.key.secrets.unended(timezone.now()).latest("created_at", "pk")

    def run(self, faults: int) -> None:
        for number in range(faults):
            again(self._act)
            name = self.breakage.one()
            self.counted[name] += 1
            again(self._act)
            time.sleep(self.random.uniform(0.1, 0.9))
            if number % 5 == 4:
                again(self._look)
        self.breakage.mend()
        self._settle()

    def _act(self) -> None:
        """A person does something to a key: mostly rotates, sometimes tests, presses, discards."""
        held = self.random.choice(self.held)
        rotation = held.key.rotations.open().first()
        if rotation is None:
            self._rotate(held)
        elif rotation.proven_at and not rotation.pressed_at and self.random.random() < 0.6:
            self._try(rotating.press_rotation, held)
        elif self.random.random() < 0.1:
            self._try(rotating.discard_rotation, held)
        else:
            testing.request_test(self.scope, held.key.client_id)

    def _try(self, verb: Callable[[Scope, str], object], held: Held) -> None:
        with contextlib.suppress(rotating.TooLate):  # a worker was quicker
            verb(self.scope, held.key.client_id)

    def _rotate(self, held: Held) -> None:
        sight = self._sight()
        plan = rotating.Plan(timedelta(seconds=self.random.choice([0, 2, 10])))
        shown = again(lambda: rotating.start_rotation(self.scope, held.key.client_id, plan, sight))
        held.texts[shown.secret_id] = show(shown, sight.browser, timezone.now()).reveal()
        again(lambda: issuing.collect_secret(self.scope, shown))
        self.rotations += 1

    def _look(self) -> None:
        """Some secret of each key buys a token, whenever the token service answers at all."""
        for held in self.held:
            alive = list(held.key.secrets.unended(timezone.now()).exclude(collected_at=None))
            answers = [self._buys(held, secret) for secret in alive]
            if None not in answers and not any(answers):
                self.without.add(held.key.client_id)

    def _buys(self, held: Held, secret: Secret) -> bool | None:
        url = f"{settings.LATCHKEY_BASE_URL}/t/{held.key.environment.issuer_id}/token"
        who = (held.key.client_id, held.texts[secret.pk])
        form = {"grant_type": "client_credentials"}
        try:
            answer = requests.post(url, data=form, auth=who, timeout=20)
        except requests.RequestException:
            return None
        if answer.status_code >= 500:
            return None
        # Retired between our look at the row and the request: then the row says so now.
        secret.refresh_from_db()
        return answer.ok or (None if secret.revoked_at else False)

    def _settle(self) -> None:
        self._until_all(lambda: not self._unfinished(), "settled", SETTLE, fatal=False)

    def _unfinished(self) -> list[str]:
        now = timezone.now()
        tests = CredentialTest.objects.unfinished().filter(
            key__environment=self.scope.environment, not_before__lte=now - timedelta(seconds=90)
        )
        open_ones = Rotation.objects.open().filter(key__environment=self.scope.environment)
        for rotation in open_ones.exclude(proven_at=None).filter(pressed_at=None):
            key_id = rotation.key.client_id
            self._try(
                rotating.press_rotation, next(h for h in self.held if h.key.client_id == key_id)
            )
        waiting = [f"{each} at {each.step}" for each in open_ones]
        return waiting + [str(each) for each in tests]

    def _until_all(
        self, true: Callable[[], bool], word: str, patience: float = 90.0, *, fatal: bool = True
    ) -> None:
        ends = time.monotonic() + patience
        while not again(true):
            if time.monotonic() > ends:
                if fatal:
                    sys.exit(f"not {word} within {patience} s")
                return
            time.sleep(0.5)

    def report(self) -> int:
        self._look()
        stuck = self._unfinished()
        lost = self._lost()
        doubled = self._doubled()
        gaps = self._gaps()
        for title, found in (("stuck", stuck), ("lost", lost), ("doubled", doubled)):
            for each in found:
                print(f"{title}: {each}")  # noqa: T201
        by_kind = ", ".join(f"{name} {count}" for name, count in sorted(self.counted.items()))
        strangers = self.breakage.by_strangers()
        print(f"rotations={self.rotations} audit_gaps={gaps} by_strangers={strangers} ({by_kind})")  # noqa: T201
        total = self.counted.total()
        print(  # noqa: T201
            f"faults={total} lost={len(lost)} doubled={len(doubled)} stuck={len(stuck)}", flush=True
        )
        return 1 if stuck or lost or doubled or gaps else 0

    def _lost(self) -> list[str]:
        """A key that was without a working secret; a rotation that closed without its proofs."""
        here = Rotation.objects.filter(key__environment=self.scope.environment)
        bare = here.filter(outcome=Rotation.Outcome.PROVEN_DEAD, accepted_by=None)
        missing = self.rotations - here.exclude(new=None).count()
        return [
            *(f"{client_id} had no secret that works" for client_id in sorted(self.without)),
            *(f"{each} has no receipt" for each in bare),
            *([f"{missing} rotations"] if missing > 0 else []),
        ]

    def _doubled(self) -> list[str]:
        here = Rotation.objects.filter(key__environment=self.scope.environment)
        told = AuditEvent.objects.filter(
            organization_id=self.scope.organization_id,
            event__in=[Event.SECRET_RETIRED, Event.SECRET_PROVEN_DEAD],
        )
        times = Counter((line.event, line.detail["rotation"]) for line in told)
        crowded = [h for h in self.held if h.key.secrets.unended(timezone.now()).count() > 2]
        return [
            *(
                f"{event} of {rotation} told {n} times"
                for (event, rotation), n in times.items()
                if n > 1
            ),
            *(f"{h.key} has more than two secrets" for h in crowded),
            *(
                f"{each} made two secrets"
                for each in here
                if each.new_id and Rotation.objects.filter(new=each.new_id).count() > 1
            ),
        ]

    def _gaps(self) -> int:
        lines = AuditEvent.objects.filter(organization_id=self.scope.organization_id)
        previous, gaps = "", 0
        for number, line in enumerate(lines.order_by("sequence"), start=1):
            whole = line.sequence == number and line.previous == previous
            gaps += not (whole and line.digest == audit.digest(line))
            previous = line.digest
        return gaps


def main() -> int:
    faults, seed, supervisor = (int(word) for word in sys.argv[1:4])
    driver = Driver(seed, supervisor)
    driver.run(faults)
    return driver.report()


if __name__ == "__main__":
    sys.exit(main())
