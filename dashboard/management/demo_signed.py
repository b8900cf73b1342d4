"""The demo's keys that are proven by signature: their pairs are made here, and only the public halves are kept."""

import json
from typing import NamedTuple

from django.utils import timezone
from joserfc import jwk

from dashboard.management.demo_keys import DEVELOPMENT, PRODUCTION
from environments.access import Scope
from environments.models import Team
from keys.public_keys import read_public_keys
from keys.services import key_sets, public_keys
from keys.services.issuing import NewKey
from keys.services.key_sets import NewKeySet


class Signer(NamedTuple):
    environment: str
    name: str
    team: str
    note: str
    kids: tuple[str, ...]
    key_set: str = ""
    """Where its public keys are published; of a demo nobody publishes any."""


SIGNERS = (
    Signer(DEVELOPMENT, "records-reader", "platform", "Signs; nothing secret came here", ("main",)),
    Signer(
        PRODUCTION, "claims-export", "payments", "Two pairs: one of them is next", ("2026", "2027")
    ),
    Signer(DEVELOPMENT, "new-partner", "search", "Waits for its public key", ()),
    Signer(
        DEVELOPMENT,
        "partner-feed",
        "search",
        "Takes public keys from an address, where nobody answers",
        (),
        "https://keys.partner.example/jwks.json",
    ),
)


def make(here: Scope, wanted: Signer) -> dict[str, object] | None:
    """What the demo's file says of it; the private key of the first pair. Nothing of a key that cannot be used yet."""
    team = Team.objects.get(organization=here.organization, slug=wanted.team)
    new = NewKey(wanted.name, team, wanted.note, used_by="Demo", kept_in="Demo vault")
    key = public_keys.create_key(here, new)
    pairs = {kid: jwk.ECKey.generate_key("P-384", {"kid": kid}) for kid in wanted.kids}
    for pair in pairs.values():
        text = json.dumps(pair.as_dict(private=False))
        entered = read_public_keys(text, now=timezone.now())
        public_keys.add_public_keys(here, key.client_id, entered)
    if wanted.key_set:
        key_sets.enter_key_set(here, key.client_id, NewKeySet(wanted.key_set))
    if not pairs:
        return None
    kid, first = next(iter(pairs.items()))
    return {
        "client_id": key.client_id,
        "name": wanted.name,
        "environment": wanted.environment,
        "team": wanted.team,
        "method": "private_key_jwt",
        "private_jwk": first.as_dict(private=True),
        "kid": kid,
    }
