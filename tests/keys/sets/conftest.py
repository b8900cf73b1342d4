"""A key that takes its public keys from an address, and a server there that says what a test tells it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone

from environments.models import AuditEvent
from keys.models import HourOfUse, Key, KeySet, PublicKey
from keys.public_keys import read_public_keys
from keys.services.issuing import NewKey
from keys.services.key_sets import NewKeySet, enter_key_set
from keys.services.public_keys import add_public_keys, create_key
from keys.upkeep import key_sets
from tests.keys.pairs import P256, key_set, public
from tests.servers import Answer, Server, saying, serving


@dataclass
class Partner:
    """Who publishes the key set; what is said next is the test's choice."""

    server: Server | None = None
    answer: Answer = field(default_factory=lambda: saying("{}"))

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url.replace("/token", "/jwks.json")

    @property
    def asked(self) -> int:
        assert self.server is not None
        return len(self.server.requests)

    def publish(self, *keys, **changes) -> None:
        self.answer = saying(key_set(*(public(each, **changes) for each in keys)))


@pytest.fixture
def partner(settings) -> Iterator[Partner]:
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    found = Partner()
    with serving(lambda sock: found.answer(sock)) as server:
        found.server = server
        yield found


@pytest.fixture
def signed(acme) -> Key:
    return create_key(acme.enter("engineer"), NewKey("signer", acme.team))


@pytest.fixture
def held(acme, signed, partner) -> KeySet:
    """Entered, and not fetched yet."""
    return enter_key_set(acme.enter("engineer"), signed.client_id, NewKeySet(partner.url))


def fetch_due() -> int:
    """What the clock and a worker do in one round; how many sets were fetched."""
    found = key_sets.due(timezone.now())
    for each in found:
        key_sets.fetch(each)
    return len(found)


def living(key: Key) -> set[str]:
    return set(key.public_keys.filter(revoked_at=None).values_list("kid", flat=True))


@pytest.fixture
def followed(partner, held, signed) -> KeySet:
    """Read once, with one public key."""
    partner.publish(P256, kid="a")
    assert fetch_due() == 1
    held.refresh_from_db()
    return held


def pass_by(time_machine, span: timedelta) -> None:
    time_machine.move_to(timezone.now() + span, tick=False)


def miss(key: Key, count: int = 1) -> None:
    """A client was refused for its kid, as the token service counts it."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    row, _ = HourOfUse.objects.get_or_create(key=key, hour=hour, reason="unknown kid", address="")
    HourOfUse.objects.filter(pk=row.pk).update(count=row.count + count)


def events() -> list[str]:
    kinds = ("public-key.", "key-set.")
    lines = AuditEvent.objects.order_by("sequence").values_list("event", flat=True)
    return [each for each in lines if each.startswith(kinds)]


def paste(acme, key, pair, kid) -> PublicKey:
    found = read_public_keys(key_set(public(pair, kid=kid)), now=timezone.now())
    (made,) = add_public_keys(acme.enter("engineer"), key.client_id, found)
    return made
