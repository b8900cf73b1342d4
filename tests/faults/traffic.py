"""Run beside a living installation: a client buys a token every 50 ms while its key is rotated three times.

`python -m tests.faults.traffic ROTATIONS`; the last line says tokens, refused, rotations, proven_dead.
"""

import os
import sys
import threading
import time
from collections import Counter
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.crypto import get_random_string  # noqa: E402

from environments.access import Scope, enter  # noqa: E402
from environments.origin import NOWHERE  # noqa: E402
from environments.services.invitations import new_person  # noqa: E402
from environments.services.organizations import create_organization  # noqa: E402
from keys.handover import Browser, show  # noqa: E402
from keys.models import Handover, Key, Rotation  # noqa: E402
from keys.services import issuing, rotating  # noqa: E402
from keys.services.issuing import NewKey, OneSight  # noqa: E402

EVERY = 0.05
PATIENCE = 90.0


class Client(threading.Thread):
    """Knows one secret at a time, and counts what it is answered."""

    def __init__(self, url: str, client_id: str, text: str) -> None:
        super().__init__(daemon=True)
        self.url, self.client_id, self.text = url, client_id, text
        self.answers: Counter[int] = Counter()
        self.going = True

    def run(self) -> None:
        with requests.Session() as session:
            while self.going:
                started = time.monotonic()
                self.answers[self.buy(session, self.text)] += 1
                time.sleep(max(EVERY - (time.monotonic() - started), 0))

    def buy(self, session: requests.Session, text: str) -> int:
        form = {"grant_type": "client_credentials"}
        who = (self.client_id, text)
        return session.post(self.url, data=form, auth=who, timeout=20).status_code


def sight() -> OneSight:
    return OneSight(Browser(get_random_string(43)), get_random_string(32))


def text_of(shown: Handover, eye: OneSight) -> str:
    return show(shown, eye.browser, timezone.now()).reveal()


def until(true, what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > ends:
            sys.exit(f"not {what} within {PATIENCE} s")
        time.sleep(0.2)


def _place() -> Scope:
    name, slug = get_random_string(8), f"traffic-{get_random_string(8).lower()}"
    owner = new_person(f"{name}@traffic.test", get_random_string(20), name="Traffic")
    create_organization(owner, name="Traffic", slug=slug, timezone="UTC", origin=NOWHERE)
    scope = enter(owner, slug, "production")
    assert scope
    return scope


def _busy_key(scope: Scope) -> tuple[Key, Client]:
    eye = sight()
    shown = issuing.create_key(scope, NewKey(name="busy"), eye)
    key, text = shown.secret.key, text_of(shown, eye)
    issuing.collect_secret(scope, shown)
    url = f"{settings.LATCHKEY_BASE_URL}/t/{key.environment.issuer_id}/token"
    return key, Client(url, key.client_id, text)


def _rotate(scope: Scope, key: Key, client: Client) -> bool:
    """Whether the old secret was proven dead; the client switches when it is told, and not before."""
    eye = sight()
    plan = rotating.Plan(timedelta())
    made = rotating.start_rotation(scope, key.client_id, plan, eye)
    text = text_of(made, eye)
    issuing.collect_secret(scope, made)
    rotation = key.rotations.open().get()
    until(lambda: _fresh(rotation).proven_at, "proven")
    assert _fresh(rotation).retired_at is None, "in use, so it is held"
    client.text, old = text, client.text
    time.sleep(10 * EVERY)  # the last request with the old one is answered
    rotating.press_rotation(scope, key.client_id)
    until(lambda: _fresh(rotation).closed_at, "closed")
    with requests.Session() as session:
        assert client.buy(session, old) == 401, "the old one is refused"
    return _fresh(rotation).outcome == Rotation.Outcome.PROVEN_DEAD


def main() -> int:
    scope = _place()
    key, client = _busy_key(scope)
    client.start()
    time.sleep(2)
    rounds = int(sys.argv[1])
    dead = sum(_rotate(scope, key, client) for _ in range(rounds))
    client.going = False
    client.join(30)
    tokens, refused = client.answers[200], client.answers.total() - client.answers[200]
    print(f"tokens={tokens} refused={refused} rotations={rounds} proven_dead={dead}")  # noqa: T201
    return 1 if refused or dead != rounds else 0


def _fresh(rotation: Rotation) -> Rotation:
    return Rotation.objects.get(pk=rotation.pk)


if __name__ == "__main__":
    sys.exit(main())
