"""What signs people in goes under the newest web key; and all the rings, with what rests under each."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from dashboard import seeds
from dashboard.flow import purpose_of
from dashboard.sessions import sealed_seed, with_seed_renewed
from environments.models import IdentityProvider, Session
from keys import fingerprint, sealing
from keys.crypto import CannotOpen
from keys.issuer.resealing import SIGNING_KEYS
from keys.resting import Lot, Moved
from keys.upkeep.resealing import CREDENTIALS, MARKS

SEALED_TYPES: Final = (Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES)


def _factors() -> Any:
    return Authenticator.objects.filter(type__in=SEALED_TYPES).order_by("pk")


def _texts(data: Mapping[str, Any]) -> list[str]:
    """What allauth seals: an app's secret, the seed of recovery codes, or codes that came from elsewhere."""
    single = [data[name] for name in ("secret", "seed") if name in data]
    return single + list(data.get("migrated_codes") or [])


def _renewed(data: Mapping[str, Any]) -> dict[str, Any]:
    new = {**data, **{n: seeds.renewed(data[n]) for n in ("secret", "seed") if n in data}}
    if data.get("migrated_codes"):
        new["migrated_codes"] = [seeds.renewed(code) for code in data["migrated_codes"]]
    return new


def _move_factor(pk: int) -> int:
    """Locked, as allauth locks it: a code that is spent meanwhile stays spent."""
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().filter(pk=pk).first()
        if row is None or not _older(_texts(row.data)):
            return 0
        row.data = _renewed(row.data)
        row.save(update_fields=["data"])
    return 1


def _move_factors() -> Iterator[Moved]:
    for row in _factors().iterator():
        if _older(_texts(row.data)):
            yield _one(f"{row.type} of user {row.user_id}", partial(_move_factor, row.pk))


def _move_providers() -> Iterator[Moved]:
    for row in IdentityProvider.objects.order_by("pk"):
        if _older([row.sealed_secret]):
            yield _one(
                f"provider of organization {row.organization_id}", partial(_move_provider, row)
            )


def _move_provider(row: IdentityProvider) -> int:
    held = IdentityProvider.objects.filter(pk=row.pk, sealed_secret=row.sealed_secret)
    return held.update(sealed_secret=seeds.renewed(row.sealed_secret, purpose_of(row)))


def _sessions() -> Iterator[tuple[Session, str]]:
    for row in Session.objects.order_by("pk").iterator():
        seed = sealed_seed(row)
        if seed is not None:
            yield row, seed


def _move_sessions() -> Iterator[Moved]:
    """One whose seed stays shut loses it: the person scans a new one."""
    for row, seed in _sessions():
        if _older([seed]):
            held = Session.objects.filter(pk=row.pk, session_data=row.session_data)
            yield Moved(held.update(session_data=with_seed_renewed(row)))


def _older(texts: Sequence[str]) -> bool:
    newest = seeds.newest()
    return any(seeds.held_by(text) != newest for text in texts)


def _one(name: str, move: Callable[[], int]) -> Moved:
    try:
        return Moved(move())
    except CannotOpen as error:
        return Moved(0, [f"{name}: {error}"])


def _count(texts: Iterator[str]) -> Counter[str]:
    return Counter(seeds.held_by(text) for text in texts)


WEB: Final = (
    Lot(
        "authenticator apps and recovery codes",
        lambda: _count(text for row in _factors().iterator() for text in _texts(row.data)),
        _move_factors,
    ),
    Lot(
        "client secrets of single sign-on",
        lambda: _count(row.sealed_secret for row in IdentityProvider.objects.all()),
        _move_providers,
    ),
    Lot("apps not confirmed yet", lambda: _count(seed for _, seed in _sessions()), _move_sessions),
)


@dataclass(frozen=True, slots=True)
class Ring:
    """A keyring, what rests under its keys, and who can move that."""

    lots: Sequence[Lot]
    needs: Sequence[str]
    """The settings without which nothing of it can be opened."""
    roles: str
    newest: Callable[[], str]

    @property
    def at_hand(self) -> bool:
        return all(getattr(settings, name) for name in self.needs)

    def under(self, key_id: str) -> dict[str, int]:
        """How many boxes of each kind rest under this key."""
        counts = {lot.name: lot.under()[key_id] for lot in self.lots}
        return {name: count for name, count in counts.items() if count}


RINGS: Final[Mapping[str, Ring]] = {
    "credentials": Ring(
        CREDENTIALS,
        ("LATCHKEY_CREDENTIAL_PUBLIC_KEYS", "LATCHKEY_CREDENTIAL_PRIVATE_KEYS"),
        "worker",
        lambda: sealing.parse(settings.LATCHKEY_CREDENTIAL_PUBLIC_KEYS).newest_id,
    ),
    "peppers": Ring(
        MARKS,
        ("LATCHKEY_PEPPERS", "LATCHKEY_CREDENTIAL_PRIVATE_KEYS"),
        "worker",
        lambda: fingerprint.parse(settings.LATCHKEY_PEPPERS).newest_id,
    ),
    "issuer": Ring(
        SIGNING_KEYS,
        ("LATCHKEY_ISSUER_PUBLIC_KEYS", "LATCHKEY_ISSUER_PRIVATE_KEYS"),
        "web or issuer",
        lambda: sealing.parse(settings.LATCHKEY_ISSUER_PUBLIC_KEYS).newest_id,
    ),
    "web": Ring(WEB, ("LATCHKEY_WEB_KEYS",), "web or pages", seeds.newest),
}
