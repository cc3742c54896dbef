"""What the service has: images, models, methods."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from api_schemas.base import ImageId, JobId, Response, Time
from api_schemas.errors import Problem
from api_schemas.results import InvertResult


class ImageStatus(StrEnum):
    """Whether an image can be edited."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Image(Response):
    """An image that was sent for inversion."""

    id: ImageId = Field(description="Name this in edits.")
    status: ImageStatus = Field(description="Pending edits wait; failed ones are refused.")
    prompt: str = Field(description="What the image was said to show.")
    model: str = Field(description="The model that inverts and edits it.")
    method: str = Field(description="How it is inverted.")
    steps: int = Field(description="Steps of the inversion and of its edits.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the inversion.")
    width: int = Field(gt=0, description="Pixels of the picture that was sent.")
    height: int = Field(gt=0, description="Pixels of the picture that was sent.")
    source_url: str = Field(description="The picture that was sent, re-encoded as PNG.")
    job_id: JobId = Field(description="The job that inverts or inverted it.")
    created_at: Time = Field(description="When it was first sent.")
    expires_at: Time = Field(
        description="When it is removed with all that was made from it; every use puts this off."
    )
    result: InvertResult | None = Field(default=None, description="What the inversion made.")
    error: Problem | None = Field(default=None, description="Why the inversion failed.")


class ImageList(Response):
    """A page of images."""

    images: list[Image] = Field(description="Newest first.")
    next_cursor: str | None = Field(
        default=None, description="Give this as `cursor` for the page after; null on the last one."
    )


class ModelInfo(Response):
    """A model that at least one live worker serves."""

    name: str = Field(description="The name by which requests choose it.", examples=["miniature"])
    size: int = Field(gt=0, description="Pixels of the short side of working pictures.", examples=[64])
    token_limit: int = Field(gt=0, description="Tokens a prompt may have, its two markers included.")
    guidance_scale: float = Field(description="How strongly prompts are followed by default.")
    device: str = Field(default="cpu", description="Where it runs.")
    dtype: str = Field(default="float32", description="The numbers it computes with.")
    defaults: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="By method, the values that parameters left at null take with this model; where it has "
        "none, the method's published ones are taken.",
        examples=[{"p2p": {"tau_c": 0.2, "tau_s": 0.8}}],
    )
    workers: int = Field(default=1, ge=0, description="Workers that serve it now.")


class MethodInfo(Response):
    """A method and what can be set about it."""

    name: str = Field(description="The name by which requests choose it.", examples=["p2p"])
    kind: Literal["invert", "edit"] = Field(description="Whether it inverts or edits.")
    summary: str = Field(description="What it does, in a sentence.")
    default: bool = Field(description="Whether it is taken when none is named.")
    needs: list[str] = Field(
        default_factory=list, description="What an edit needs that its image's inversion has to give."
    )
    gives: list[str] = Field(default_factory=list, description="What an inversion gives to edits.")
    published: dict[str, Any] = Field(
        default_factory=dict, description="The settings of the method's paper, which `preset` takes."
    )
    params_schema: dict[str, Any] = Field(description="JSON schema of its params.")
