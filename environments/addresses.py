"""Which addresses the one door may connect to; plain Python, no settings and no sockets."""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, unquote, urlsplit

type IPAddress = IPv4Address | IPv6Address
type IPNetwork = IPv4Network | IPv6Network

# IPv6 networks whose last 32 bits are an IPv4 address that a translator or tunnel will connect to.
_CARRIES_IPV4_LAST = (
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    IPv6Network("::/96"),  # "compatible", given up by RFC 4291
    IPv6Network("::ffff:0:0:0/96"),  # "translated", RFC 2765
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # the third quarter of an ISATAP address, RFC 5214
_PORTS = {"http": 80, "https": 443}


class BadAddress(Exception):
    """An address that is neither public nor listed as allowed."""


def believed_address(forwarded: str, direct: str, proxies: int) -> str:
    """Where a request came from: so many entries from the right are ours as there are proxies of ours."""
    hops = forwarded.split(",")
    return hops[-proxies].strip() if proxies and len(hops) >= proxies and forwarded else direct


def parse_networks(texts: Iterable[str]) -> list[IPNetwork]:
    """Ranges as an installation lists them; ValueError names the first that is none."""
    return [ip_network(text.strip()) for text in texts]


def judged(addresses: Iterable[IPAddress], allowed: Sequence[IPNetwork]) -> list[IPAddress]:
    """All of them, or BadAddress: one bad address in the answer spoils the name."""
    found = list(addresses)
    for address in found:
        if not all(_is_reachable(each, allowed) for each in carried(address)):
            raise BadAddress(str(address))
    return found


def carried(address: IPAddress) -> Iterator[IPAddress]:
    """Every address that a connection to this one may end at: tunnels and translators carry another."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped  # the same socket address as its IPv4 form
    yield address
    # Loopback and "any" lie in ::/96, but carry nothing.
    if isinstance(address, IPv6Address) and not (address.is_loopback or address.is_unspecified):
        yield from _hidden(address)


def _hidden(address: IPv6Address) -> Iterator[IPAddress]:
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _CARRIES_IPV4_LAST) or _is_isatap(address):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def in_networks(addresses: Iterable[IPAddress], networks: Sequence[IPNetwork]) -> bool:
    """Whether every one of them lies in a listed network."""
    return all(
        any(each in network for network in networks)
        for address in addresses
        for each in carried(address)
    )


def is_under(url: str, prefix: str) -> bool:
    """Whether a URL lies under a listed one: same scheme, host and port, and whole path segments."""
    asked, listed = urlsplit(url), urlsplit(prefix)
    # What a server would climb out by, however it is written, is not under anything.
    steps = set(re.split(r"[/\\]", unquote(asked.path)))
    if _origin(asked) != _origin(listed) or steps & {".", ".."}:
        return False
    root = listed.path.rstrip("/")
    return asked.path == root or asked.path.startswith(f"{root}/")


def likely_port(port: int | None, *, secure: bool) -> bool:
    """Whether a web service may be there: its own port, or one that no other service was given."""
    return port is None or port == _PORTS["https" if secure else "http"] or 1024 <= port <= 65535


def as_address(text: str) -> IPAddress | None:
    """A host that is written as an address already, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_reachable(address: IPAddress, allowed: Sequence[IPNetwork]) -> bool:
    # is_global calls multicast and the deprecated site-local range global: neither is a place to send a secret.
    public = address.is_global and not address.is_multicast
    if isinstance(address, IPv6Address):
        public = public and not address.is_site_local
    return public or any(address in network for network in allowed)


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFFFFFFFF in _ISATAP


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
