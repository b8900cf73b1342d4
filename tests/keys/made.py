"""Rows that tests of the machine's verbs begin with."""

from datetime import timedelta

from environments.models import Environment, Organization
from keys.crypto import SecretText
from keys.fingerprint import mark
from keys.models import CredentialTest, Key, Secret
from keys.sealing import seal_credential

TEXT = "lk_dev_planted+secret/with=signs"


def make_key(name: str = "billing", *, environment: Environment | None = None, **values) -> Key:
    if environment is None:
        organization, _ = Organization.objects.get_or_create(name="Acme", slug="acme")
        environment, _ = Environment.objects.get_or_create(
            organization=organization, slug="production", name="Production", kind="production"
        )
    return Key.objects.create(environment=environment, name=name, **values)


def make_secret(key: Key, text: str = TEXT, **values) -> Secret:
    pepper_id, digest = mark(text)
    secret = Secret(key=key, hint=text[-4:], pepper_id=pepper_id, mark=digest, **values)
    secret.sealed = seal_credential(SecretText(text), secret.context)
    secret.save()
    return secret


def ask(secret: Secret, **values) -> CredentialTest:
    """A test that somebody asked for a minute ago."""
    test = CredentialTest(key=secret.key, secret=secret, reason="person", interactive=True)
    test.not_before = test.asked_at - timedelta(minutes=1)
    for name, value in values.items():
        setattr(test, name, value)
    test.save()
    return test
