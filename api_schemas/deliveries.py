"""What became of the webhooks of a job."""

from enum import StrEnum

from pydantic import Field

from api_schemas.base import Response, Time


class DeliveryStatus(StrEnum):
    """Where a webhook is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryTry(Response):
    """One try to deliver a webhook."""

    at: Time = Field(description="When it began.")
    seconds: float = Field(ge=0, description="How long it took.")
    status_code: int | None = Field(
        default=None, description="The HTTP status of the answer, null if there was none."
    )
    error: str | None = Field(
        default=None,
        description="Why it does not count as delivered, null if it does.",
        examples=["answered 503"],
    )
    retry_at: Time | None = Field(default=None, description="When it is tried again, null if it is not.")


class Delivery(Response):
    """What became of one webhook of a job."""

    url: str = Field(description="The `webhook_url` that was asked for.")
    status: DeliveryStatus = Field(
        description="`pending` until it is delivered or given up; no try is made before the job has ended."
    )
    tries: list[DeliveryTry] = Field(description="Every try so far, oldest first.")


class DeliveryList(Response):
    """The webhooks of a job."""

    deliveries: list[Delivery] = Field(
        description="One per URL: empty if none was asked for, several if requests shared the job."
    )
