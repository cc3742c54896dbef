"""Requests for edits, of images, of pictures that come along and of results."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, model_validator

from api_schemas.base import IMAGE_ID, RESULT_URL, JobId, Request
from api_schemas.params import (
    CHOICES,
    EditName,
    EditParams,
    InversionName,
    Preset,
    chosen_by_method,
    with_method,
    with_published,
)
from api_schemas.regions import RegionChoice
from api_schemas.requests import FILE, FIT, GREEN, FitName, OutputFormat, Prompt, Submission
from parameters import AUTO, Auto

ResultUrl = Annotated[str, StringConstraints(pattern=RESULT_URL)]
Editable = Annotated[str, StringConstraints(pattern=f"{IMAGE_ID}|{RESULT_URL}")]
TargetPrompt = Annotated[str, Field(min_length=1, max_length=2000)]

_MASK = (
    "Where the picture may change, white, and where it may not, black: a picture of any size in the image's "
    "proportions, its file in base64, bare or as a data URL; or the path of one that was sent before or of a "
    "mask among the results. It is cut and scaled as the image was."
)


class InversionChoice(Request):
    """An inversion of an image, by what is to be different from the image's own one."""

    method: InversionName | None = Field(
        default=None, description="How the image is inverted; null takes the method of the image's own."
    )
    steps: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Steps of the inversion and of the edit; null takes those of the own."
    )
    prompt: Prompt | None = Field(
        default=None, description="What the image shows; null takes the prompt of the own."
    )
    params: dict[str, JsonValue] | None = Field(
        default=None,
        description="Parameters of the method. Those left out are as in the image's own inversion if that is "
        "by the same method, else at their defaults.",
    )


class Resolution(StrEnum):
    """The size of an edited picture."""

    SOURCE = "source"
    MODEL = "model"


# Not as `oneOf`, which generators of clients take for a union of types.
_ONE_OR_SEVERAL: dict[str, JsonValue] = {
    "if": {"properties": {"prompts": {"type": "null"}}},
    "then": {"required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
    "else": {"required": ["prompts"], "properties": {"prompt": {"type": "null"}}},
}


class EditOptions(Submission):
    """How an image is to be edited, by one target prompt or by several that share the work."""

    inversion: InversionChoice | None = Field(
        default=None,
        description="The inversion of the image to edit, which is made if it is not there; null takes the "
        "image's own, which the latest `/invert` of it named.",
    )
    prompt: TargetPrompt | None = Field(default=None, description="What the image is to show.")
    prompts: list[TargetPrompt] | None = Field(
        default=None, min_length=1, max_length=8, description="Several edits of the image in one job."
    )
    method: EditName = Field(
        default=AUTO,
        description="How the image is edited. 'auto' chooses the inversion, the method and a mask by what "
        "changes between the prompts, and reads instructions; parameters that only some methods have select "
        "the first of these instead, and a preset 'p2p'.",
    )
    preset: Preset | None = Field(
        default=None,
        description="'published' takes the settings of the method's paper, its guidance scale included, for "
        "all that is not given.",
    )
    params: Annotated[EditParams, chosen_by_method(CHOICES)] = Field(
        default_factory=Auto,
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
    negative_prompt: Prompt | None = Field(
        default=None,
        description="What the image is not to show, read in place of the empty prompt that guidance leads "
        "away from.",
        examples=["blurred, distorted"],
    )
    region: RegionChoice | None = Field(
        default=None,
        description="The only part of the image that is edited, [x, y, width, height] in its pixels: it is "
        "inverted and edited at the model's full size, for small things in large pictures, and put back at "
        "its place. 'auto' takes the surroundings of what changes. Null edits the whole image.",
        examples=["auto", [120, 80, 256, 256]],
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**63, description="Seed of what is random about the method; null takes 0."
    )
    mask: Annotated[str, Field(min_length=1)] | None = Field(default=None, description=_MASK)
    resolution: Resolution | None = Field(
        default=None,
        description="What `url` of the result shows: 'source', the image at its own size with the change "
        "applied to it, and no value different outside the mask; 'model', what the model made at its own "
        "size. Null takes 'source' where a mask or a region confines the change, else 'model'.",
    )
    output_format: OutputFormat = Field(
        default=OutputFormat.PNG, description="What the URLs of the edited pictures serve."
    )
    quality: int | None = Field(
        default=None, ge=1, le=100, description="Of JPEG and WebP; null takes 90. PNG loses nothing."
    )

    @model_validator(mode="before")
    @classmethod
    def _published(cls, data: Any) -> Any:
        return with_published(with_method(data), CHOICES, AUTO, "guidance_scale")

    @model_validator(mode="after")
    def _one_or_several(self) -> Self:
        if (self.prompt is None) == (self.prompts is None):
            raise ValueError("give either 'prompt' or 'prompts'")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        """The target prompts, however they were given."""
        return (self.prompt,) if self.prompt is not None else tuple(self.prompts or ())


class EditRequest(EditOptions):
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
                {
                    "image_id": "img_mfzgs3tbonrw65dfon2gk4tfmq",
                    "prompt": "a dog on grass",
                    "inversion": {"method": "ddim", "steps": 30},
                },
            ],
            **_ONE_OR_SEVERAL,
        }
    )

    image_id: Editable = Field(
        description="The image, as the inversion's answer named it; or the path of a picture that an edit "
        "made, as its result names it, which becomes an image of its own."
    )


class EditUpload(EditOptions):
    """An inversion and an edit in one request: the picture comes with what it shows and is to show."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"image": GREEN, "source_prompt": "grass", "prompt": "snow"}],
            **_ONE_OR_SEVERAL,
        }
    )

    image: str = Field(min_length=1, description=FILE, examples=[GREEN])
    source_prompt: Prompt = Field(
        description="What the image shows, in plain words.", examples=["a cat on grass"]
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model to use; null takes the one that is served.",
    )
    fit: FitName | None = Field(default=None, description=FIT)

    @model_validator(mode="after")
    def _prompted_once(self) -> Self:
        if self.inversion is not None and self.inversion.prompt is not None:
            raise ValueError("give what the image shows as 'source_prompt', not in 'inversion'")
        return self


class JobResult(Request):
    """One of the pictures of an edit that has succeeded."""

    job_id: JobId = Field(description="The edit.")
    index: int = Field(
        default=0, ge=0, lt=8, description="Which of its pictures, in the order of its prompts."
    )


class ResultRequest(Submission):
    """A picture that an edit made, to be edited in its turn."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"from_result": {"job_id": "job_01k9s0v6x1p4q8w2z3e5r7t9y0"}}]}
    )

    from_result: JobResult | ResultUrl = Field(
        description="An edit, whose picture is taken at the image's own size where there is one; or the "
        "path of a picture as a result names it."
    )
    prompt: Prompt | None = Field(
        default=None,
        description="What the picture shows; null takes the prompt that it was made by.",
    )
