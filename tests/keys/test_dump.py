"""Somebody has stolen the database and everything that a web process holds. What do they learn?"""

import json
import sys
from itertools import product
from subprocess import run

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings as project
from django.core.management import call_command
from django.db import connection

from environments.models import Environment, Organization
from keys import fingerprint, keyrings, sealing
from keys.crypto import (
    CannotOpen,
    PrivateKeyring,
    SecretText,
    SymmetricKeyring,
    mint_secret,
)
from keys.keyrings import BadKeyring
from keys.models import Key, Secret

BOXES = {
    "LATCHKEY_PEPPERS": "peppers.json",
    "LATCHKEY_CREDENTIAL_PUBLIC_KEYS": "credential-public.json",
    "LATCHKEY_ISSUER_PUBLIC_KEYS": "issuer-public.json",
    "LATCHKEY_ISSUER_PRIVATE_KEYS": "issuer-private.json",
    "LATCHKEY_WEB_KEYS": "web.json",
}


@pytest.fixture
def installation(tmp_path, settings):
    """A web process as it stands: its keyrings, and not the workers' one."""
    settings.DATA_DIR = tmp_path
    call_command("keyring", "make", verbosity=0)
    for name, file in BOXES.items():
        setattr(settings, name, (tmp_path / "keys" / file).read_text())
    settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS = ""
    return tmp_path / "keys"


@pytest.fixture
def planted(db, installation):
    organization = Organization.objects.create(name="Acme", slug="acme")
    environment = Environment.objects.create(
        organization=organization, slug="dev", name="dev", kind="development"
    )
    key = Key.objects.create(environment=environment, name="shop")
    text = mint_secret("dev").reveal()
    pepper_id, mark = fingerprint.mark(text)
    secret = Secret(key=key, pepper_id=pepper_id, mark=mark, hint="????")
    secret.sealed = sealing.seal_credential(SecretText(text), secret.context)
    secret.save()
    return secret, text


def every_value():
    """Each cell of each table, as bytes."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 (names from the database itself)
            for row in cursor.fetchall():
                for cell in row:
                    yield (
                        bytes(cell) if isinstance(cell, bytes | memoryview) else str(cell).encode()
                    )


def test_no_cell_of_the_database_holds_the_secret_or_a_part_of_it(planted):
    _, text = planted
    body = text.split("_")[2]
    parts = [body[start : start + 8].encode() for start in range(len(body) - 7)]
    cells = list(every_value())
    assert any(b"shop" in cell for cell in cells), "the dump is a real one"
    assert not [cell for cell, part in product(cells, parts) if part in cell]


def test_no_keyring_that_a_web_process_holds_opens_the_box(planted, installation):
    """Every key of every ring is tried, each made to claim that the box was sealed to it."""
    secret, text = planted
    sealed, context = bytes(secret.sealed), secret.context
    tried = 0
    for name in BOXES:
        for entry in json.loads(getattr(project, name))["keys"]:
            raw = entry.get("secret") or entry.get("private") or entry["public"]
            pretender = X25519PrivateKey.from_private_bytes(keyrings._unpack(raw))
            with pytest.raises(CannotOpen, match="damaged"):
                PrivateKeyring({sealed[2:10].hex(): pretender}).open(sealed, context)
            tried += 1
    assert tried >= len(BOXES)
    with pytest.raises(CannotOpen):
        SymmetricKeyring.parse(project.LATCHKEY_WEB_KEYS).open(sealed, "secret")
    worker = PrivateKeyring.parse((installation / "credential-private.json").read_text())
    assert worker.open(sealed, context).reveal() == text, "the worker's keyring is what is missing"


def test_the_web_process_cannot_even_load_the_workers_keys(planted):
    with pytest.raises(BadKeyring):
        PrivateKeyring.parse(project.LATCHKEY_CREDENTIAL_PRIVATE_KEYS)


def test_a_mark_with_the_pepper_still_costs_a_guess_of_256_bits(planted):
    """The web process holds the pepper, so it can recognise a secret; it has nothing to start from."""
    secret, text = planted
    pepper_id, mark = secret.pepper_id, bytes(secret.mark)
    assert fingerprint.recognise(text, [(pepper_id, mark)]) == 0
    assert len(mark) == 32
    assert len(text.split("_")[2]) == 43


@pytest.mark.parametrize("role", ["web", "pages", "issuer"])
def test_a_really_started_process_of_this_role_does_not_load_the_key(installation, role):
    """Settings and all, with the default files beside it: only a worker reads the private one."""
    code = (
        "from django.conf import settings; print(repr(settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS))"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATA_DIR": str(installation.parent),
        "LATCHKEY_ROLE": role,
        "PATH": "/usr/bin:/bin",
    }
    done = run(
        [sys.executable, "-c", code],
        cwd=project.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "''"
