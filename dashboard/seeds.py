"""What must be read back to sign people in rests sealed with the web processes' own key (design part 7)."""

import base64

from django.conf import settings

from keys.crypto import SecretText, SymmetricKeyring, key_id_of

PURPOSE = "sign-in seed"


def seal(text: str, purpose: str = PURPOSE) -> str:
    sealed = SymmetricKeyring.parse(settings.LATCHKEY_WEB_KEYS).seal(SecretText(text), purpose)
    return base64.b64encode(sealed).decode()


def open(sealed: str, purpose: str = PURPOSE) -> str:  # noqa: A001  # the counterpart of seal, as elsewhere
    box = base64.b64decode(sealed, validate=True)
    return SymmetricKeyring.parse(settings.LATCHKEY_WEB_KEYS).open(box, purpose).reveal()


def newest() -> str:
    return SymmetricKeyring.parse(settings.LATCHKEY_WEB_KEYS).newest_id


def held_by(sealed: str) -> str:
    """The id of the key that opens it."""
    return key_id_of(base64.b64decode(sealed, validate=True))


def renewed(sealed: str, purpose: str = PURPOSE) -> str:
    """The same, under the newest key; as it is, where it rests under that one already."""
    return sealed if held_by(sealed) == newest() else seal(open(sealed, purpose), purpose)
