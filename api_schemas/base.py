"""What every wire model has in common."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

ImageId = Annotated[str, StringConstraints(pattern=r"^img_[0-9a-z]{26}$")]
JobId = Annotated[str, StringConstraints(pattern=r"^job_[0-9a-z]{26}$")]
Time = AwareDatetime


class Request(BaseModel):
    """A body sent by a client: a field nobody knows is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Response(BaseModel):
    """A body sent by the service: clients ignore fields that are newer than they are."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
