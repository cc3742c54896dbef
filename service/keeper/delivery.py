"""One signed POST to an untrusted receiver."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import SSLContext
from time import monotonic
from typing import Final

import anyio
import httpx2
from standardwebhooks import Webhook

from service.keeper.ssrf import Refused, Resolver, aim, resolve

_AGENT: Final = "pentimento-webhooks"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is to be sent: every try of it carries the same `message_id` and the same body."""

    message_id: str
    url: str
    body: str
    secrets: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one try; `error` is None if the receiver took the letter."""

    at: datetime
    seconds: float
    status_code: int | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Courier:
    """How letters are sent: at most `timeout_s` for everything, from looking up the name to the answer."""

    timeout_s: float
    allow_private: bool = False
    resolver: Resolver = resolve
    tls: SSLContext = field(default_factory=httpx2.create_ssl_context)

    async def deliver(self, letter: Letter) -> Outcome:
        """Try once; whatever goes wrong outside becomes the outcome's error."""
        at, began = datetime.now(UTC), monotonic()
        status: int | None = None
        try:
            with anyio.fail_after(self.timeout_s):
                status = await self._post(letter, at)
            error = _judge(status)
        except Refused as refused:
            error = f"the URL is not called: {refused}"
        except TimeoutError:
            error = f"no answer within {self.timeout_s:g} s"
        except (httpx2.HTTPError, OSError) as failure:
            error = f"cannot be reached: {failure or type(failure).__name__}"
        return Outcome(at=at, seconds=monotonic() - began, status_code=status, error=error)

    async def _post(self, letter: Letter, at: datetime) -> int:
        """The status alone: nothing of the answer's body is read, so no receiver can fill our memory."""
        target = await aim(letter.url, resolver=self.resolver, allow_private=self.allow_private)
        headers = {"Host": target.authority, **signed(letter, at)}
        async with (
            httpx2.AsyncClient(
                verify=self.tls, trust_env=False, follow_redirects=False, timeout=self.timeout_s
            ) as http,
            http.stream(
                "POST",
                target.url,
                content=letter.body.encode(),
                headers=headers,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            return answer.status_code


def signed(letter: Letter, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks; the receiver checks them with any of the tenant's secrets."""
    signatures = [Webhook(secret).sign(letter.message_id, at, letter.body) for secret in letter.secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "webhook-id": letter.message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _judge(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"answered {status}; redirects are not followed"
    return f"answered {status}"
