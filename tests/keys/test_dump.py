"""Somebody has stolen the database and everything that a web process holds. What do they learn?"""

import json
import sys
from itertools import product
from subprocess import run
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings as project
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from joserfc import jwk

from environments import keyrings
from environments.access import Scope
from environments.keyrings import BadKeyring
from environments.models import Environment, Organization
from environments.policy import GRANTS, EnvironmentRole
from environments.services.invitations import new_person
from keys import fingerprint, sealing
from keys.crypto import (
    CannotOpen,
    PrivateKeyring,
    SecretText,
    SymmetricKeyring,
    mint_secret,
)
from keys.models import CredentialTest, Key, Secret
from keys.services.endpoints import NewEndpoint, add_endpoint
from keys.services.importing import Entered, NewImport, plug_in
from keys.upkeep.testing import run_credential_test
from tests.servers import saying, serving

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
    settings.LATCHKEY_CREDENTIAL_PRIVATE_KEYS = settings.LATCHKEY_AUDIT_PRIVATE_KEYS = ""
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


@pytest.mark.enable_socket
def test_no_cell_holds_what_was_entered_for_a_provider_or_a_part_of_it(planted, settings):
    """A secret and a private key, plugged in, tested at a provider that echoes all it is sent, and one ended."""
    settings.LATCHKEY_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    own, _ = planted
    pair = jwk.ECKey.generate_key("P-384", {"kid": "k1"})
    private = json.dumps(pair.as_dict(private=True))
    secret = "q7Zp9vK3xJw5Rt8yLm2Nb6Hd4Gf1Cs0a"
    with serving(lambda sock: _echo(server.requests[-1])(sock)) as server:
        tested = [_plugged(own.key, server.url, text) for text in (secret, private)]
    texts = [
        secret,
        str(pair.as_dict(private=True)["d"]),
        pair.as_pem(private=True).decode()[40:120],
    ]
    parts = [text[start : start + 8].encode() for text in texts for start in range(len(text) - 7)]
    cells = list(every_value())
    said = [test.said for test in tested]
    assert all("•••" in each for each in said), "it was echoed, and scrubbed"
    assert not [cell for cell, part in product(cells, parts) if part in cell]


def _echo(request: bytes):
    said = parse_qs(request.partition(b"\r\n\r\n")[2].decode())
    body = {"error": "invalid_client", "error_description": json.dumps(said)}
    return saying(json.dumps(body), "401 Unauthorized")


def _plugged(near: Key, url: str, text: str) -> CredentialTest:
    signed = text.startswith("{")
    method = "private_key_jwt" if signed else "client_secret_post"
    algorithm = "ES384" if signed else ""
    person = new_person(f"{method}@acme.test", "correct horse battery", name="Ana")
    scope = Scope(person, near.environment, GRANTS[EnvironmentRole.ENGINEER])
    endpoint = add_endpoint(scope, NewEndpoint(method, url, method, algorithm))
    new = NewImport(method, endpoint.public_id, "client")
    test = plug_in(scope, new, Entered(SecretText(text)))
    with override_settings(LATCHKEY_CREDENTIAL_PRIVATE_KEYS=_workers_keys()):
        run_credential_test(test.pk)
    test.refresh_from_db()
    return test


def _workers_keys() -> str:
    return str((project.DATA_DIR / "keys" / "credential-private.json").read_text())


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
