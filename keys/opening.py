"""Open what was sealed. Only the machine's verbs may import this, and only workers hold the keys."""

from functools import cache

from django.conf import settings

from keys.crypto import Context, PrivateKeyring, SecretText

parse = cache(PrivateKeyring.parse)


def open_credential(sealed: bytes | memoryview, context: Context) -> SecretText:
    return parse(settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS).open(bytes(sealed), context)
