"""Whether a webhook may be asked for."""

from api_schemas import ErrorCode
from service.errors import ServiceError
from service.keeper.guard import Refused, parse
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
