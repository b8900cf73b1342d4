"""Seal to this installation's public keys. Who can seal cannot read back."""

from functools import cache

from django.conf import settings

from keys.crypto import Context, PublicKeyring, SecretText

parse = cache(PublicKeyring.parse)


def seal_credential(secret: SecretText, context: Context) -> bytes:
    return parse(settings.LATCHKEY_CREDENTIAL_PUBLIC_KEYS).seal(secret, context)


def seal_signing_key(private: SecretText, context: Context) -> bytes:
    return parse(settings.LATCHKEY_ISSUER_PUBLIC_KEYS).seal(private, context)
