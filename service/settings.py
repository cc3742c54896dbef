"""How the service behaves, where it listens, and what it refuses to do there."""

import ipaddress

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RemoteRefused(ValueError):
    """The address is reachable by other machines, and nothing would keep them out."""


class WebhookSettings(BaseSettings):
    """What API and keeper must agree on; each field is also an environment variable PENTIMENTO_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="PENTIMENTO_", frozen=True, extra="ignore")

    webhooks: bool = Field(
        default=False, description="Call the URLs that requests name once a job has ended."
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Call webhooks by http and at addresses that are not of the internet too: only where "
        "everyone who can post may also reach everything that the keeper can.",
    )

    path_prefix: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="The path of the host under which others reach the service, such as /pentimento; a proxy "
        "may take it off or leave it on.",
    )


class ServiceSettings(WebhookSettings):
    """The webhooks, and where the service listens."""

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port to listen on.")
    allow_remote: bool = Field(
        default=False,
        description="Listen beyond loopback although there are no API keys: safe only where something else "
        "controls access, such as a container's network or a proxy that authenticates.",
    )
    allowed_hosts: str = Field(
        default="",
        description="The host names under which others reach the service, by comma; *.example.org covers all "
        "below. localhost and, where others are answered, IP addresses need no mention.",
    )
    allowed_origins: str = Field(
        default="",
        description="The sites, by comma, whose pages may call the service from a browser, such as "
        "https://shop.example; the service's own page needs no mention.",
    )
    keep_alive_s: int = Field(
        default=75,
        gt=0,
        description="How long a connection is kept for its next request; take longer than a proxy in front "
        "does.",
    )
    drain_s: float = Field(
        default=0,
        ge=0,
        description="How long `/readyz` says after SIGTERM that the service is not ready, before it ends.",
    )
    max_connections: int = Field(
        default=1000, gt=0, description="How many connections there may be at once, in all."
    )
    max_requests: int = Field(
        default=200, gt=0, description="How many requests of one key may be served at once."
    )
    max_streams: int = Field(
        default=100,
        gt=0,
        description="How many streams of events, and waits for an end, a key may have open.",
    )
    upload_bytes: int = Field(
        default=512 * 2**20,
        ge=192 * 2**20,
        description="How many bytes of bodies with pictures may be on their way at once, on the disk of "
        "temporary files; a tenant may have half of them.",
    )
    rate_limit: int = Field(
        default=600,
        gt=0,
        description="How many POSTs a minute may be sent with a key that has no rate of its own, or in all "
        "where there are no keys.",
    )
    max_pixels: int = Field(
        default=40_000_000,
        ge=65_536,
        le=80_000_000,
        description="Pictures of more pixels are scaled down to this many before they are kept.",
    )

    @property
    def key_needed(self) -> bool:
        """Whether every request needs a key, even while there are none."""
        return not is_loopback(self.host) and not self.allow_remote

    def refusal(self) -> RemoteRefused:
        """Why this address is not listened on while there are no keys."""
        return RemoteRefused(
            f"refusing to listen on {self.host}: there are no API keys, so everyone who can reach that "
            "address could use the service. Make one with `pentimento keys add NAME`, listen on 127.0.0.1 "
            "behind a proxy that authenticates, or set PENTIMENTO_ALLOW_REMOTE=1 if the network itself "
            "controls access."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; names other than localhost are not trusted."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
