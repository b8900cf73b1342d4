"""A wrong setting stops the start and says which one and how to mend it. Each test starts a real interpreter."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

KEPT = ("PATH", "HOME", "LANG")


def read(tmp_path, expression: str = "1", **environment: str) -> subprocess.CompletedProcess[str]:
    code = f"import dashboard.settings as s, json; print(json.dumps({expression}, default=str))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={name: os.environ[name] for name in KEPT if name in os.environ}
        | {"DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def value(tmp_path, expression: str, **environment: str):
    done = read(tmp_path, expression, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "wrong", "remedy"),
    [
        ("PORT", "eighty", "whole number from 1 to 65535"),
        ("PORT", "0", "whole number"),
        ("LATCHKEY_ROLE", "admin", "one of web, pages, issuer, worker, beat"),
        ("LATCHKEY_BASE_URL", "keys.example.org", "https://"),
        ("LATCHKEY_BASE_URL", "https://keys.example.org/path", "without a path"),
        ("LATCHKEY_BASE_URL", "https://me@keys.example.org", "without a path"),
        ("LATCHKEY_BASE_URL", "https://[", "without a path"),
        ("LATCHKEY_INTERNAL_URL", "ftp://web", "http://"),
        ("LATCHKEY_ALLOWED_NETWORKS", "10.0.0.1/8", "10.1.0.0/16"),
        ("LATCHKEY_ALLOWED_URL_PREFIXES", "https://host", "at least a final /"),
        ("LATCHKEY_WORKER_THREADS", "-1", "whole number from 1 to 256"),
        ("DATABASE_URL", "mysql://somewhere", "sqlite:// or postgres://"),
        ("CELERY_BROKER_URL", "kafka://somewhere", "redis://"),
        ("CACHE_URL", "somewhere", "redis://"),
        ("MAIL_URL", "mail.example.org", "smtp://"),
        ("SECRET_KEY_FILE", "/nowhere/at/all", "cannot be read"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(tmp_path, name, wrong, remedy):
    done = read(tmp_path, **{name: wrong})
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert "ImproperlyConfigured" in last
    assert name in last
    assert remedy in last


def test_a_password_in_a_wrong_url_is_not_printed(tmp_path):
    done = read(tmp_path, DATABASE_URL="mysql://me:planted-password@host/db")
    assert "planted-password" not in done.stderr


def test_an_empty_setting_is_the_default(tmp_path):
    assert (
        value(tmp_path, "s.LATCHKEY_BASE_URL", LATCHKEY_BASE_URL="", PORT="8123")
        == "http://localhost:8123"
    )


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("from a file\n")
    assert value(tmp_path, "s.SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "key")) == "from a file"


def test_https_makes_the_cookies_host_bound_and_secure(tmp_path):
    expression = "[s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT]"
    found = value(tmp_path, expression, LATCHKEY_BASE_URL="https://keys.example.org")
    assert found == ["__Host-session", True, True, True]


def test_only_our_own_hosts_are_answered(tmp_path):
    hosts = value(
        tmp_path,
        "s.ALLOWED_HOSTS",
        LATCHKEY_BASE_URL="https://keys.example.org",
        LATCHKEY_INTERNAL_URL="http://web:8000",
    )
    assert hosts == ["127.0.0.1", "[::1]", "keys.example.org", "localhost", "web"]


@pytest.mark.parametrize(
    ("role", "credentials", "issuer", "web"),
    [
        ("web", "", "i", "w"),
        ("pages", "", "", "w"),
        ("issuer", "", "i", ""),
        ("worker", "c", "", ""),
        ("beat", "", "", ""),
    ],
)
def test_each_role_reads_the_private_keys_it_needs_and_no_other(
    tmp_path, role, credentials, issuer, web
):
    keys = tmp_path / "keys"
    keys.mkdir()
    for file, text in {
        "credential-private": "c",
        "audit-private": "a",
        "issuer-private": "i",
        "web": "w",
    }.items():
        (keys / f"{file}.json").write_text(text)
    names = (
        "[s.LATCHKEY_CREDENTIAL_PRIVATE_KEYS, s.LATCHKEY_ISSUER_PRIVATE_KEYS, s.LATCHKEY_WEB_KEYS,"
        " s.LATCHKEY_AUDIT_PRIVATE_KEYS]"
    )
    log = "a" if role == "worker" else ""
    assert value(tmp_path, names, LATCHKEY_ROLE=role) == [credentials, issuer, web, log]


def test_mail_goes_where_one_url_says(tmp_path):
    url = "smtps://me%40example.org:p%20w@mail.example.org"
    options = value(tmp_path, "s.MAILERS['default']['OPTIONS']", MAIL_URL=url)
    assert (options["host"], options["port"], options["use_ssl"]) == ("mail.example.org", 465, True)
    assert (options["username"], options["password"]) == ("me@example.org", "p w")


def test_people_s_passwords_are_hashed_with_argon2(tmp_path):
    assert value(tmp_path, "s.PASSWORD_HASHERS") == [
        "django.contrib.auth.hashers.Argon2PasswordHasher"
    ]


def start(tmp_path, module: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=settings.BASE_DIR,
        env={name: os.environ[name] for name in KEPT if name in os.environ}
        | {
            "DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_web_process_without_keys_does_not_start(tmp_path):
    done = start(tmp_path, "dashboard.wsgi")
    assert done.returncode != 0
    assert "SECRET_KEY is missing. Run `manage.py keyring make`" in done.stderr


def test_a_web_process_without_peppers_does_not_start(tmp_path):
    done = start(tmp_path, "dashboard.wsgi", SECRET_KEY="x" * 50)
    assert "LATCHKEY_PEPPERS is missing" in done.stderr


def test_a_web_process_that_could_open_credentials_does_not_start(tmp_path):
    given = {
        name: getattr(settings, name)
        for name in dir(settings)
        if name.startswith("LATCHKEY_") and name.endswith(("_KEYS", "_PEPPERS"))
    }
    assert "LATCHKEY_CREDENTIAL_PRIVATE_KEYS" in given
    done = start(tmp_path, "dashboard.wsgi", SECRET_KEY="x" * 50, **given)
    assert "only workers may be able to open credentials" in done.stderr
    del given["LATCHKEY_CREDENTIAL_PRIVATE_KEYS"]
    done = start(tmp_path, "dashboard.wsgi", SECRET_KEY="x" * 50, **given)
    assert "only workers may be able to sign the audit log" in done.stderr
    del given["LATCHKEY_AUDIT_PRIVATE_KEYS"]
    assert start(tmp_path, "dashboard.wsgi", SECRET_KEY="x" * 50, **given).returncode == 0


def test_the_web_process_forgets_its_secrets_before_the_first_request(tmp_path):
    given = {
        name: getattr(settings, name)
        for name in dir(settings)
        if name.startswith("LATCHKEY_")
        and name.endswith(("_KEYS", "_PEPPERS"))
        and not name.endswith(("CREDENTIAL_PRIVATE_KEYS", "AUDIT_PRIVATE_KEYS"))
    }
    code = "dashboard.wsgi, os; assert not [n for n in os.environ if n in dashboard.wsgi.settings.SECRET_NAMES]"
    done = start(tmp_path, code, SECRET_KEY="x" * 50, **given)
    assert done.returncode == 0, done.stderr


def test_a_command_beside_a_running_installation_speaks_of_its_port(tmp_path):
    noted = tmp_path / "run" / "port"
    noted.parent.mkdir()
    noted.write_text("8123")
    assert value(tmp_path, "s.LATCHKEY_BASE_URL") == "http://localhost:8123"
    assert value(tmp_path, "s.LATCHKEY_BASE_URL", PORT="8001") == "http://localhost:8001"


@pytest.mark.parametrize("garbage", ["", "eighty", "-1", "1" * 400, "\xff"])
def test_garbage_where_the_port_was_noted_is_as_nothing(tmp_path, garbage):
    noted = tmp_path / "run" / "port"
    noted.parent.mkdir()
    noted.write_bytes(garbage.encode("latin-1"))
    assert value(tmp_path, "s.PORT") == 8000
