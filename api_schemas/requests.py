"""Requests for inversions."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from api_schemas.base import Request
from api_schemas.params import (
    InversionName,
    InversionParams,
    Preset,
    chosen_by_method,
    with_published,
)
from api_schemas.regions import Region
from parameters import INVERSIONS, Aligned

Prompt = Annotated[str, Field(max_length=2000)]
FitName = Literal["crop", "pad", "stretch"]

FIT = (
    "What becomes of a picture of which one side is more than twice the other: keep its middle, add white, "
    "or squeeze it to 2:1; null refuses it."
)
FILE = "The picture's file (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or HEIC) in base64, bare or as a data URL."


class Submission(Request):
    """What every request for work can say."""

    webhook_url: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description="Where to POST the job, signed, once it has ended; https, and reachable by the service.",
        examples=["https://example.com/hooks/pentimento"],
    )


class InvertOptions(Submission):
    """How an image is to be inverted."""

    prompt: Prompt = Field(
        description="What the image shows, in plain words; edits by word need it.",
        examples=["a cat on grass"],
    )
    method: InversionName = Field(default="aligned", description="How the image is inverted.")
    steps: int = Field(default=50, ge=1, le=1000, description="Steps of the inversion and of its edits.")
    preset: Preset | None = Field(
        default=None,
        description="'published' takes the settings of the method's paper, steps included, for all that is "
        "not given.",
    )
    params: Annotated[InversionParams, chosen_by_method(INVERSIONS)] = Field(
        default_factory=Aligned,
        validate_default=True,
        description="Parameters of the method.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model to use; null takes the one that is served.",
    )
    fit: FitName | None = Field(default=None, description=FIT)
    region: Region | None = Field(
        default=None,
        description="Invert only this part of the image, [x, y, width, height] in its pixels, at the model's "
        "full size, for edits that name the same region; null is the whole image.",
        examples=[[120, 80, 256, 256]],
    )

    @model_validator(mode="before")
    @classmethod
    def _published(cls, data: Any) -> Any:
        return with_published(data, INVERSIONS, Aligned.name, "steps")


GREEN = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUoeDxZraX7AAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAA"
    "AElFTkSuQmCC"
)


class InvertRequest(InvertOptions):
    """An image to prepare for editing, with the image in the body."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"image": f"data:image/png;base64,{GREEN}", "prompt": "grass"},
                {"image": GREEN, "prompt": "grass", "method": "ddim", "steps": 30},
            ]
        }
    )

    image: str = Field(min_length=1, description=FILE, examples=[GREEN])


class OutputFormat(StrEnum):
    """How pictures are encoded."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
