"""What became of the webhook of a job."""

from enum import StrEnum

from pydantic import Field

from api_schemas.base import Response, Time


class DeliveryStatus(StrEnum):
    """Where a webhook is."""

    NONE = "none"
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Response):
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


class DeliveryList(Response):
    """The delivery log of a job."""

    status: DeliveryStatus = Field(
        description="`none` without a `webhook_url`; `pending` until it is delivered or given up."
    )
    deliveries: list[Delivery] = Field(description="Every try so far, oldest first.")
    next_at: Time | None = Field(
        default=None, description="When it is tried next, null while the job runs and after the last try."
    )
