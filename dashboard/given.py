"""What is given to a process: its environment, read and judged. Only dashboard.settings asks."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.FileAwareEnv()


def text(name: str, default: str = "") -> str:
    try:
        return str(env.str(name, default="")).strip() or default
    except OSError as error:
        msg = f"{name}_FILE names a file that cannot be read ({error.strerror}). Point it at the right file."
        raise ImproperlyConfigured(msg) from None


def number(name: str, default: int, *, least: int, most: int) -> int:
    given = text(name, str(default))
    if not given.isascii() or not given.isdigit() or not least <= int(given) <= most:
        msg = f"{name} is {given!r}, but must be a whole number from {least} to {most}."
        raise ImproperlyConfigured(msg)
    return int(given)


def noted(path: Path, default: int) -> int:
    """What an earlier process left there for those that are given nothing."""
    try:
        said = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError, PermissionError, UnicodeDecodeError):
        return default
    return int(said) if said.isdigit() and len(said) <= 5 else default


def words(name: str) -> list[str]:
    return [word for word in text(name).replace(",", " ").split() if word]


def networks(name: str) -> list[str]:
    for network in words(name):
        try:
            ip_network(network)
        except ValueError as error:
            msg = f"{name}: {error}. Write networks like 10.1.0.0/16, separated by spaces."
            raise ImproperlyConfigured(msg) from None
    return words(name)


def prefixes(name: str) -> list[str]:
    for prefix in words(name):
        if urlsplit(prefix).scheme not in {"http", "https"} or not urlsplit(prefix).path:
            msg = (
                f"{name}: {prefix!r} must look like https://host.example/path (at least a final /)."
            )
            raise ImproperlyConfigured(msg)
    return words(name)


def address(name: str, default: str, *schemes: str) -> str:
    """A URL with one of these schemes."""
    given = text(name, default)
    if given.partition("://")[0] not in schemes or "://" not in given:
        msg = f"{name} must be a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}."
        raise ImproperlyConfigured(msg)
    return given


def origin(name: str, default: str) -> str:
    """Scheme, host and port, nothing else."""
    given = address(name, default, "https", "http").rstrip("/")
    try:
        parts = urlsplit(given)
        plain = (
            parts.hostname
            and f"{parts.scheme}://{parts.netloc}" == given
            and "@" not in given
            and parts.port != 0
        )
    except ValueError:
        plain = False
    if not plain:
        msg = f"{name} must be an address like https://keys.example.org, without a path, but is {given!r}."
        raise ImproperlyConfigured(msg)
    return given


def mailer(url: str) -> dict[str, Any]:
    """What a mail URL means to Django: a folder, or a server that is spoken to over TLS unless the URL says off."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        backend = "django.core.mail.backends.filebased.EmailBackend"
        return {"BACKEND": backend, "OPTIONS": {"file_path": unquote(parts.path)}}
    ssl = parts.scheme == "smtps"
    return {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": parts.hostname,
            "port": parts.port or (465 if ssl else 587),
            "username": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "use_ssl": ssl,
            "use_tls": not ssl and "tls=off" not in parts.query,
            "timeout": 10,
        },
    }
