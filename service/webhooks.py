"""Webhooks: whether one may be asked for, and the log of the tries to deliver it."""

from collections.abc import Iterable, Sequence

from api_schemas import Delivery, DeliveryStatus, DeliveryTry, ErrorCode
from service.errors import ServiceError
from service.keeper.ssrf import Refused, parse
from service.settings import WebhookSettings


def check_webhook(url: str | None, settings: WebhookSettings) -> None:
    """Raise invalid_parameter unless the URL is one that the keeper may call; its host is looked up later."""
    if url is None:
        return
    if not settings.webhooks:
        raise _refused(url, "this service sends no webhooks; leave it out, or have PENTIMENTO_WEBHOOKS=1 set")
    try:
        parse(url, allow_private=settings.webhook_allow_private)
    except Refused as refused:
        raise _refused(url, str(refused)) from None


def _refused(url: str, reason: str) -> ServiceError:
    return ServiceError(
        ErrorCode.INVALID_PARAMETER, f"webhook_url: {reason}.", parameter="webhook_url", value=url
    )


class Entry(DeliveryTry):
    """One line of the log."""

    url: str


def read_log(urls: Iterable[str], log: Sequence[str]) -> list[Delivery]:
    """What became of the webhooks that go to these URLs."""
    entries = [Entry.model_validate_json(line) for line in log]
    return [_delivery(url, [entry for entry in entries if entry.url == url]) for url in urls]


def _delivery(url: str, tries: list[Entry]) -> Delivery:
    status = DeliveryStatus.PENDING
    if tries and tries[-1].retry_at is None:
        status = DeliveryStatus.DELIVERED if tries[-1].error is None else DeliveryStatus.FAILED
    return Delivery(url=url, status=status, tries=[DeliveryTry.model_validate(dict(one)) for one in tries])
