"""The address of an outside service as a person types it: refused with the reason, before anything is kept for it.

Nothing is looked up here. A name is judged again, by the addresses that it leads to, each time the one door connects.
"""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from environments.addresses import (
    BadAddress,
    IPAddress,
    as_address,
    in_networks,
    judged,
    likely_port,
    parse_networks,
)
from environments.outbound import is_allowed

LONGEST: Final = 500
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_ODD: Final = re.compile(r"[\s\\\x00-\x1f\x7f\"<>^`{|}']")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_ASK: Final = "Whoever runs Latchkey can allow it with"


class BadPlace(Exception):
    """Nothing will be sent there; the text says why, for people."""


def check_place(url: str) -> None:
    """BadPlace unless the one door might go there."""
    parts = _parts(url)
    if is_allowed(url):
        return
    networks = parse_networks(settings.LATCHKEY_ALLOWED_NETWORKS)
    host = str(parts.hostname)
    address = _literal(host)
    if address is not None:
        _check_address(address)
    elif _is_this_machine(host) and not networks:
        raise BadPlace(
            f"{host} is the machine that the worker runs on. {_ASK} LATCHKEY_ALLOWED_NETWORKS."
        )
    if parts.scheme == "http" and not (
        networks if address is None else in_networks([address], networks)
    ):
        raise BadPlace("Only https is called: over http anybody on the way reads along.")
    if not likely_port(parts.port, secure=parts.scheme == "https"):
        raise BadPlace(
            f"Port {parts.port} belongs to another service than the web. {_ASK} LATCHKEY_ALLOWED_URL_PREFIXES."
        )


def _parts(url: str) -> SplitResult:
    if len(url) > LONGEST:
        raise BadPlace(f"An address has {LONGEST} characters at most.")
    if not url.isascii() or _ODD.search(url):
        raise BadPlace(
            "Write it without spaces and special characters; a name with accents as xn--…."
        )
    parts = _split(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise BadPlace("This is not a web address: it begins with https:// and a host.")
    if "@" in parts.netloc:
        raise BadPlace("An address must not carry a name or password.")
    if "#" in url:
        raise BadPlace("An address for machines has no part after #.")
    return parts


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        empty = parts.port == 0 or parts.netloc.endswith(":")
    except ValueError:
        empty = True
    if empty:
        raise BadPlace("This is not a web address: look at the host and the port.")
    return parts


def _literal(host: str) -> IPAddress | None:
    """An address written out, or None for a name. Other spellings of numbers are no names."""
    address = as_address(host)
    if address is not None and "%" not in host:
        return address
    labels = host.removesuffix(".").split(".")
    if ":" in host or _NUMBER.fullmatch(labels[-1]):
        raise BadPlace(
            f"{host} is an address in an unusual spelling. Write it as 192.0.2.1 or [2001:db8::1]."
        )
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise BadPlace(f"{host} is not a host name.")
    return None


def _check_address(address: IPAddress) -> None:
    try:
        judged([address], parse_networks(settings.LATCHKEY_ALLOWED_NETWORKS))
    except BadAddress:
        said = f"{address} is not a public address, so nothing is sent there."
        raise BadPlace(f"{said} {_ASK} LATCHKEY_ALLOWED_NETWORKS.") from None


def _is_this_machine(host: str) -> bool:
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith((".localhost", ".localdomain"))
