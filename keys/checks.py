"""Are the keyrings there, well formed, and where they belong? Asked before the first request."""

import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from environments.keyrings import BadKeyring
from environments.signing import Signer, Verifier
from keys.crypto import Peppers, PrivateKeyring, PublicKeyring, SymmetricKeyring

MAKE_THEM: Final = (
    "Run `manage.py keyring make`, which makes what is missing in DATA_DIR/keys, "
    "or give the text in {name} or the path of a file in {name}_FILE."
)


@dataclass(frozen=True, slots=True)
class Need:
    """A setting that holds a keyring, and the roles that cannot work without it."""

    name: str
    parse: Callable[[str], object]
    roles: frozenset[str]


NEEDS: Final = (
    Need("LATCHKEY_PEPPERS", Peppers.parse, frozenset({"web", "pages", "issuer"})),
    Need(
        "LATCHKEY_CREDENTIAL_PUBLIC_KEYS",
        PublicKeyring.parse,
        frozenset({"web", "pages", "worker"}),
    ),
    Need("LATCHKEY_CREDENTIAL_PRIVATE_KEYS", PrivateKeyring.parse, frozenset({"worker"})),
    Need(
        "LATCHKEY_ISSUER_PUBLIC_KEYS", PublicKeyring.parse, frozenset({"web", "issuer", "worker"})
    ),
    Need("LATCHKEY_ISSUER_PRIVATE_KEYS", PrivateKeyring.parse, frozenset({"web", "issuer"})),
    Need("LATCHKEY_AUDIT_PUBLIC_KEYS", Verifier.parse, frozenset({"web", "pages", "worker"})),
    Need("LATCHKEY_AUDIT_PRIVATE_KEYS", Signer.parse, frozenset({"worker"})),
    Need("LATCHKEY_WEB_KEYS", SymmetricKeyring.parse, frozenset({"web", "pages"})),
)

WORKERS_ALONE: Final = {
    "LATCHKEY_CREDENTIAL_PRIVATE_KEYS": "open credentials",
    "LATCHKEY_AUDIT_PRIVATE_KEYS": "sign the audit log",
}
type Ids = Callable[[str], Collection[str]]
PAIRS: Final[Sequence[tuple[str, Callable[[str], str], Ids]]] = (
    (
        "CREDENTIAL",
        lambda text: PublicKeyring.parse(text).newest_id,
        lambda text: PrivateKeyring.parse(text).keys,
    ),
    (
        "ISSUER",
        lambda text: PublicKeyring.parse(text).newest_id,
        lambda text: PrivateKeyring.parse(text).keys,
    ),
    (
        "AUDIT",
        lambda text: list(Verifier.parse(text).keys)[-1],
        lambda text: [Signer.parse(text).key_id],
    ),
)


def prove_settings(role: str) -> None:
    """Stop a process that would fail, or leak, later. Names the setting and the remedy."""
    for problem in problems(role):
        raise ImproperlyConfigured(problem)


def problems(role: str) -> Iterator[str]:
    for need in NEEDS:
        yield from _missing_or_malformed(need, role)
    yield from _misplaced(role)
    yield from _mismatched()
    yield from _readable_by_others(settings.DATA_DIR / "keys")


def keyrings_are_well_formed(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 (Django's signature)
    **kwargs: object,  # noqa: ARG001
) -> list[CheckMessage]:
    return [Error(problem, id="keys.E001") for problem in problems(settings.LATCHKEY_ROLE)]


def _text(name: str) -> str:
    return str(getattr(settings, name)).strip()


def _missing_or_malformed(need: Need, role: str) -> Iterator[str]:
    text = _text(need.name)
    if not text:
        if role in need.roles:
            yield f"{need.name} is missing. {MAKE_THEM.format(name=need.name)}"
        return
    try:
        need.parse(text)
    except BadKeyring as error:
        yield f"{need.name} is malformed: {error}. Restore it from a backup; do not edit it."


def _misplaced(role: str) -> Iterator[str]:
    for name, why in WORKERS_ALONE.items():
        if role != "worker" and _text(name):
            yield (
                f"{name} is set, and this process is a {role}: only workers may be able to {why}. "
                "Remove it from this process' environment."
            )


def _mismatched() -> Iterator[str]:
    """What is sealed to a key that nobody here can open is lost, and a signature that nobody can check proves nothing."""
    for box, newest_public, held_privately in PAIRS:
        public, private = f"LATCHKEY_{box}_PUBLIC_KEYS", f"LATCHKEY_{box}_PRIVATE_KEYS"
        try:
            newest, held = newest_public(_text(public)), held_privately(_text(private))
        except BadKeyring:
            continue  # missing or malformed, and named as such above
        if newest not in held:
            yield (
                f"{private} does not hold {newest}, the newest key of {public}. "
                "The two belong to different installations: restore the pair from one backup."
            )


def _readable_by_others(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*")):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield f"{path} can be read by others. Run `chmod 600 {path}`."
