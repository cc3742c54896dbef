"""What clients ask for."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from api_schemas.base import ImageId, Request
from api_schemas.params import (
    INVERTERS,
    METHODS,
    DirectParams,
    InverterName,
    InverterParams,
    MethodName,
    MethodParams,
    P2PParams,
    chosen_by_method,
)

Prompt = Annotated[str, Field(max_length=2000)]
TargetPrompt = Annotated[str, Field(min_length=1, max_length=2000)]


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
    method: InverterName = Field(default="direct", description="How the image is inverted.")
    steps: int = Field(default=50, ge=1, le=1000, description="Steps of the inversion and of its edits.")
    params: Annotated[InverterParams, chosen_by_method(INVERTERS)] = Field(
        default_factory=DirectParams,
        validate_default=True,
        description="Parameters of the method.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model to use; null takes the one that is served.",
    )
    fit: Literal["crop", "pad", "stretch"] | None = Field(
        default=None,
        description="What becomes of a picture of which one side is more than twice the other: keep its "
        "middle, add white, or squeeze it to 2:1; null refuses it.",
    )


_GREEN = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUoeDxZraX7AAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAA"
    "AElFTkSuQmCC"
)


class InvertRequest(InvertOptions):
    """An image to prepare for editing, with the image in the body."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"image": f"data:image/png;base64,{_GREEN}", "prompt": "grass"},
                {"image": _GREEN, "prompt": "grass", "method": "ddim", "steps": 30},
            ]
        }
    )

    image: str = Field(
        min_length=1,
        description="The picture's file (PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF or HEIC) in base64, bare or "
        "as a data URL.",
        examples=[_GREEN],
    )


def _only(name: str, kind: str, *, but_not: str) -> dict[str, JsonValue]:
    return {"required": [name], "properties": {name: {"type": kind}, but_not: {"type": "null"}}}


class OutputFormat(StrEnum):
    """How pictures are encoded."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class EditRequest(Submission):
    """An edit of an image by one target prompt or by several that share the work."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"image_id": "img_mfzgs3tbonrw65dfon2gk4tfmq", "prompt": "a dog on grass"},
                {
                    "image_id": "img_mfzgs3tbonrw65dfon2gk4tfmq",
                    "prompts": ["a dog on grass", "a tiger on grass"],
                    "params": {"blend_words": "changed", "tau_c": 0.6},
                },
            ],
            "oneOf": [
                _only("prompt", "string", but_not="prompts"),
                _only("prompts", "array", but_not="prompt"),
            ],
        }
    )

    image_id: ImageId = Field(description="The image, as the inversion's answer named it.")
    prompt: TargetPrompt | None = Field(default=None, description="What the image is to show.")
    prompts: list[TargetPrompt] | None = Field(
        default=None, min_length=1, max_length=8, description="Several edits of the image in one job."
    )
    method: MethodName = Field(default="p2p", description="How the image is edited.")
    params: Annotated[MethodParams, chosen_by_method(METHODS)] = Field(
        default_factory=P2PParams,
        validate_default=True,
        description="Parameters of the method.",
    )
    guidance_scale: float | None = Field(
        default=None,
        ge=0,
        le=50,
        description="How strongly the prompt is followed; null takes the scale of the inversion if it holds "
        "for one alone, else the model's.",
    )

    output_format: OutputFormat = Field(
        default=OutputFormat.PNG, description="What the URLs of the edited pictures serve."
    )
    quality: int | None = Field(
        default=None, ge=1, le=100, description="Of JPEG and WebP; null takes 90. PNG loses nothing."
    )

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.prompt is None) == (self.prompts is None):
            raise ValueError("give either 'prompt' or 'prompts'")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The target prompts, however they were given."""
        return (self.prompt,) if self.prompt is not None else tuple(self.prompts or ())
