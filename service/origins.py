"""Checks of the Host and Origin headers: which names this service has, and whose pages may call it.

A page of another site must not reach the API through the browser of a user who can: neither by a plain
cross-site request, nor by a name of its own that it lets point here (DNS rebinding).
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api_schemas import ErrorCode, Problem
from service.settings import ServiceSettings, is_loopback

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Origins:
    """The hosts that requests may name and the origins whose pages may send them.

    Loopback names are always among the hosts. `addresses` adds every IP address: a browser sends one only to
    that very address, so no foreign name hides behind it. `names` are host names, `*.example.org` covers all
    below. A page may always call the host that it came from.
    """

    addresses: bool = False
    names: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Origins":
        """As the settings have it; on loopback alone no other address counts."""
        return cls(
            addresses=not is_loopback(settings.host) or settings.allow_remote,
            names=_listed(settings.allowed_hosts),
            pages=_listed(settings.allowed_origins),
        )

    def refusal(self, headers: Headers, method: str, path: str, http_version: str = "1.1") -> Problem | None:
        """Why the request is not served, or None."""
        host = _host(headers)
        name = _name(host)
        if not name and http_version != "1.0":
            return Problem.of(ErrorCode.BAD_REQUEST, "The request needs a Host header.", instance=path)
        # Without the header it is no browser's, and cannot be led here by a foreign name.
        if name and not self._known(name):
            detail = (
                f"This service answers to localhost, not to {name!r}; PENTIMENTO_ALLOWED_HOSTS names the "
                "other hosts it answers to."
            )
            return Problem.of(ErrorCode.NOT_FOUND, detail, instance=path)
        origin = headers.get("origin")
        followed_link = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        if origin is not None:
            foreign = not self._welcome(origin.lower(), host)
        else:
            foreign = headers.get("sec-fetch-site") == "cross-site" and not followed_link
        if not foreign:
            return None
        detail = (
            "This service takes no requests from pages of other sites; PENTIMENTO_ALLOWED_ORIGINS names the "
            "sites whose pages may send some."
        )
        return Problem.of(ErrorCode.FORBIDDEN, detail, instance=path)

    def _known(self, name: str) -> bool:
        if is_loopback(name) or any(fnmatchcase(name, known) for known in self.names):
            return True
        return self.addresses and _is_address(name)

    def _welcome(self, origin: str, host: str) -> bool:
        if origin in self.pages:
            return True
        try:
            parts = urlsplit(origin)
            port = parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError):  # "null" is an origin too
            return False
        name = parts.hostname or ""
        if is_loopback(name) and is_loopback(_name(host)):
            return True
        # TLS may end in front of this process, so that a missing port stands for either scheme's.
        ports = _PORTS.values() if _port(host) is None else (_port(host),)
        return name == _name(host).strip("[]") and port in ports


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip().rstrip("/").lower() for part in text.split(",") if part.strip())


def _host(headers: Headers) -> str:
    return headers.get("host", "").rpartition("@")[2].lower()


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rsplit(":", 1)[0]


def _port(host: str) -> int | None:
    port = host.removeprefix(_name(host)).removeprefix(":")
    return int(port) if port.isdecimal() and len(port) < 6 else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
