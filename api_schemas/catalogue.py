"""What the service has: images, models, methods."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from api_schemas.base import ImageId, JobId, Response, Time
from api_schemas.errors import Problem
from api_schemas.knowledge import Knowledge
from api_schemas.results import InversionInfo, InvertResult
from parameters import Table


class ImageStatus(StrEnum):
    """Whether an inversion of an image can be edited; an image's status is that of its own inversion."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


class Inversion(InversionInfo):
    """One of an image's inversions."""

    status: ImageStatus = Field(description="Edits of a pending one wait; those of a failed one are refused.")
    own: bool = Field(description="Whether the latest `/invert` named it: edits that name none take it.")
    chosen: bool = Field(
        default=False,
        description="Whether `auto` chose it, for the edit that the picture came with: edits that name none "
        "take the usual one in its place, of the same prompt and steps.",
    )
    job_id: JobId = Field(description="The job that makes or made it: an inversion or an edit.")
    created_at: Time = Field(description="When it was first asked for.")
    bytes: int | None = Field(default=None, ge=0, description="What is stored of it; null until it is made.")
    result: InvertResult | None = Field(
        default=None, description="What its inversion measured; null also if an edit made it."
    )
    error: Problem | None = Field(default=None, description="Why it failed.")


class Image(Response):
    """An image that was sent for inversion; the fields of one inversion are those of its own."""

    id: ImageId = Field(description="Name this in edits.")
    status: ImageStatus = Field(description="Edits of a pending one wait; those of a failed one are refused.")
    prompt: str = Field(description="What the image shows, by its inversion.")
    model: str = Field(description="The model that inverts and edits it.")
    method: str = Field(description="How it is inverted.")
    steps: int = Field(description="Steps of the inversion and of its edits.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the inversion.")
    width: int = Field(gt=0, description="Pixels of the picture that was sent.")
    height: int = Field(gt=0, description="Pixels of the picture that was sent.")
    fit: str | None = Field(
        default=None, description="How it was made to fit, if it was to; a mask of it is made so too."
    )
    source_url: str = Field(description="The picture that was sent, re-encoded as PNG.")
    job_id: JobId = Field(description="The job that inverts or inverted it.")
    created_at: Time = Field(description="When it was first sent.")
    expires_at: Time = Field(
        description="When it is removed with all that was made from it; every use puts this off."
    )
    result: InvertResult | None = Field(default=None, description="What the inversion made.")
    error: Problem | None = Field(default=None, description="Why the inversion failed.")
    inversions: list[Inversion] = Field(
        default_factory=list, description="All inversions of the image, the oldest first."
    )


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
    stride: int = Field(
        default=8, gt=0, description="Sides of the pictures it works on are multiples of so many pixels."
    )
    token_limit: int = Field(gt=0, description="Tokens a prompt may have, its two markers included.")
    guidance_scale: float = Field(description="How strongly prompts are followed by default.")
    family: str = Field(
        default="Stable Diffusion", description="What models it is one of.", examples=["Stable Diffusion 1"]
    )
    demo: bool = Field(
        default=False, description="Whether it is there to try the service, not for photographs."
    )
    knows: Knowledge | None = Field(
        default=None, description="What it was taught; null where its folder does not say."
    )
    licence: str | None = Field(
        default=None,
        description="The licence that its card states; null where there is none.",
        examples=["openrail++"],
    )
    device: str = Field(default="cpu", description="Where it runs.")
    dtype: str = Field(default="float32", description="The numbers it computes with.")
    defaults: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="By method, the values that parameters left at null take with this model; where it has "
        "none, the method's published ones are taken.",
        examples=[{"p2p": {"tau_c": 0.2, "tau_s": 0.8}}],
    )
    offers: list[str] | None = Field(
        default=None,
        description="What methods can need of a model and find here, by the names of their `needs_of_model`; "
        "null where its workers do not say.",
        examples=[["cross_attention", "features", "self_attention", "unconditional"]],
    )
    auto: Table | None = Field(
        default=None, description="What `auto` chooses with this model; null where its folder does not say."
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
    needs_of_model: list[str] = Field(
        default_factory=list, description="What it needs that the model has to offer."
    )
    published: dict[str, Any] = Field(
        default_factory=dict, description="The settings of the method's paper, which `preset` takes."
    )
    params_schema: dict[str, Any] = Field(description="JSON schema of its params.")
