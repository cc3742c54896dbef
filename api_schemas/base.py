"""What every wire model has in common."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

IMAGE_ID: Final = "^img_[0-9a-z]{26}$"
JOB_ID: Final = "^job_[0-9a-z]{26}$"
RECORD_ID: Final = "^rec_[0-9a-z]{26}$"
_UNDER: Final = r"(?:https?://[^/?#\s]+)?(?:/[A-Za-z0-9._~-]+)*/images/(img_[0-9a-z]{26})"
_FORMAT: Final = r"\.(?:png|jpg|webp)(?:\?[^#\s]*)?"
# A result or a mask as answers name it, under whatever host and path; groups: its image, and which it is.
PICTURE_URL: Final = f"^{_UNDER}/((?:results|masks)/[0-9a-f]{{64}}){_FORMAT}$"
RESULT_URL: Final = f"^{_UNDER}/(results/[0-9a-f]{{64}}){_FORMAT}$"
ImageId = Annotated[str, StringConstraints(pattern=IMAGE_ID)]
JobId = Annotated[str, StringConstraints(pattern=JOB_ID)]
RecordId = Annotated[str, StringConstraints(pattern=RECORD_ID)]
Time = AwareDatetime


class Request(BaseModel):
    """A body sent by a client: an unknown field is an error, not a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Response(BaseModel):
    """A body sent by the service: clients ignore fields that are newer than they are."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Notice(Response):
    """A warning: what was done differently from asked, or what the answer may suffer from."""

    code: str = Field(description="The stable name of the warning; branch on this.", examples=["scaled_down"])
    message: str = Field(description="What happened, and what to change where something can be.")
    word: str | None = Field(default=None, description="The word of a prompt that it is about.")
    nearest: list[str] = Field(
        default_factory=list, description="Words that the model knows, the nearest first."
    )


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
