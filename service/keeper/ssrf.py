"""Which URLs of clients may be called: internal addresses never are (server-side request forgery)."""

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

import anyio
import httpx2

Resolver = Callable[[str, int], Awaitable[list[str]]]

_PORTS: Final = {"https": 443, "http": 80}
# Outside it lie the forms of IPv6 that wrap an IPv4 address, and could wrap one of ours; 6to4 is one inside.
_ROUTED: Final = IPv6Network("2000::/3")
# What Python takes for global: 6to4 and its relays, and the protocol assignments, which it learned of late.
_SPECIAL: Final = (IPv6Network("2002::/16"), IPv4Network("192.88.99.0/24"), IPv4Network("192.0.0.0/24"))


class Refused(Exception):
    """The URL must not be called; the text says why, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to connect, and the name that was asked for."""

    url: httpx2.URL
    host: str
    authority: str


def parse(url: str, *, allow_private: bool = False) -> httpx2.URL:
    """The URL, if nothing in its text forbids calling it; raises Refused.

    A host that is an address must be one of the internet. Names are not looked up.
    """
    try:
        parsed = httpx2.URL(url)
        schemes = _PORTS if allow_private else {"https": 443}
        if parsed.scheme not in schemes:
            raise Refused(f"only {' and '.join(schemes)} is called, not '{parsed.scheme}'")
        if not parsed.host:
            raise Refused("it names no host")
        if parsed.port is not None and not 0 < parsed.port < 2**16:
            raise Refused(f"there is no port {parsed.port}")
    except (httpx2.InvalidURL, ValueError) as error:
        raise Refused(f"it is not a URL ({error})") from None
    if parsed.userinfo:
        raise Refused("it holds a user name or a password; the signature identifies the caller")
    address = _literal(parsed.host)
    if address is not None:
        _check(address, allow_private)
    return parsed


async def aim(url: str, *, resolver: Resolver, allow_private: bool = False) -> Target:
    """Look the host up, once, and pin the URL to the address found; raises Refused and OSError.

    One address that is not of the internet refuses them all: a name with both kinds is a trap or a mistake.
    """
    parsed = parse(url, allow_private=allow_private)
    host = parsed.raw_host.decode("ascii")
    found = await resolver(host, parsed.port or _PORTS[parsed.scheme])
    for address in found:
        _check(ip_address(address), allow_private)
    if not found:
        raise OSError(f"no address of {host} is known")
    return Target(url=parsed.copy_with(host=found[0]), host=host, authority=parsed.netloc.decode("ascii"))


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as the system finds them, best first; raises OSError."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to one host of the internet."""
    if isinstance(address, IPv6Address) and address not in _ROUTED:
        return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check(address: IPv4Address | IPv6Address, allow_private: bool) -> None:
    if not allow_private and not is_public(address):
        raise Refused(f"{address} is no address of the internet")
