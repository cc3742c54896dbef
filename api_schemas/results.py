"""What finished jobs have made. Every URL is a path on the same host.

A picture's path is '/' + its storage key; with another suffix than `.png` it serves another format.
"""

from typing import Any

from pydantic import Field

from api_schemas.base import ImageId, Notice, RecordId, Response
from api_schemas.editing import Resolution
from api_schemas.regions import Region
from parameters import Kind


class InversionInfo(Response):
    """An inversion of an image: which one of the image's it is, and everything that it depends on."""

    id: RecordId = Field(description="Equal inversions of an image have equal ids.")
    prompt: str = Field(description="What the image shows, by its inversion.")
    model: str = Field(description="The model that inverts and edits.")
    method: str = Field(description="How the image is inverted.")
    steps: int = Field(description="Steps of the inversion and of its edits.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the method.")
    region: Region | None = Field(
        default=None,
        description="The part of the image that was inverted, [x, y, width, height] in its pixels; null is "
        "all of it.",
    )


class Chosen(Response):
    """What `auto` chose for an edit, and why."""

    kind: Kind = Field(description="What changes between the prompts.")
    prompts: list[str] = Field(description="What is painted: the prompts, or what they mean as instructions.")
    inversion: str = Field(description="How the image is inverted.")
    method: str = Field(description="How it is edited.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the method that are not at their defaults."
    )
    guidance_scale: float | None = Field(default=None, description="How strongly the prompt is followed.")
    kept: bool = Field(
        default=False, description="Whether the inversion was asked for and stays; else it was chosen too."
    )
    why: str = Field(description="What was found in the prompts, and why this suits it.")


class InvertResult(Response):
    """An image that is ready to be edited."""

    image_id: ImageId = Field(description="Name this in edits.")
    inversion: InversionInfo | None = Field(default=None, description="The inversion of the image.")
    source_url: str = Field(description="The picture as the model sees it: cut and scaled to its size.")
    reconstruction_url: str = Field(description="What the model makes of the inversion without an edit.")
    psnr: float = Field(description="Reconstruction against source, in dB, at most 100.")
    ssim: float = Field(description="Structural similarity of the two, at most 1.")
    width: int = Field(gt=0, description="Pixels of the working picture.")
    height: int = Field(gt=0, description="Pixels of the working picture.")
    cached: bool = Field(description="Whether the inversion was there already.")
    warnings: list[Notice] = Field(
        default_factory=list,
        description="Why edits of this picture may be poor: `poor_reconstruction`, `much_larger_than_model`.",
    )
    seconds: float = Field(ge=0, description="Time the worker spent.")


class Metrics(Response):
    """An edited picture against its source; PSNR in dB and at most 100."""

    psnr: float = Field(description="Over the whole picture.")
    ssim: float = Field(description="Over the whole picture.")
    psnr_outside: float | None = Field(default=None, description="Where the mask says nothing may change.")
    ssim_outside: float | None = Field(default=None, description="Where the mask says nothing may change.")
    psnr_inside: float | None = Field(default=None, description="Where the mask lets the picture change.")
    ssim_inside: float | None = Field(default=None, description="Where the mask lets the picture change.")


class WordAttention(Response):
    """Where one word attends: its cross-attention, averaged over the run and drawn over the picture."""

    word: str = Field(description="A word of the source prompt or of the target prompt.")
    source_url: str | None = Field(
        default=None, description="Drawn over the source, a PNG; null if its prompt lacks the word."
    )
    url: str | None = Field(
        default=None, description="Drawn over the edited picture, a PNG; null if its prompt lacks the word."
    )
    source_steps_url: str | None = Field(
        default=None, description="As `source_url`, small, in the steps `attention_steps`, side by side."
    )
    steps_url: str | None = Field(
        default=None, description="As `url`, small, in the steps `attention_steps`, side by side."
    )


class FeaturePicture(Response):
    """What one layer sees in one step: the three largest principal components, as red, green and blue.

    The source and the edits share one basis: equal colours are equal features.
    """

    kind: str = Field(description="'feature' of a residual block, or 'self' for self-attention.")
    layer: str = Field(description="The layer's name in the model.")
    step: int = Field(ge=0, description="The step of the run, counted from 0.")
    source_url: str | None = Field(default=None, description="Of the source, a PNG.")
    urls: list[str] = Field(description="Of every edited picture, PNGs.")


class EditedImage(Response):
    """The picture made for one prompt."""

    prompt: str = Field(description="The prompt.")
    url: str = Field(description="The picture, in the format and quality that were asked for.")
    mask_url: str | None = Field(
        default=None, description="Where that picture was allowed to change, if blended; of its size."
    )
    resolution: Resolution = Field(
        default=Resolution.MODEL,
        description="Whether `url` is `full_url` ('source') or `model_url` ('model').",
    )
    model_url: str | None = Field(default=None, description="The picture at the model's size, as it made it.")
    model_mask_url: str | None = Field(default=None, description="Its mask, if blended.")
    full_url: str | None = Field(
        default=None,
        description="The image at its own size with the change applied to it; made where a mask or a region "
        "confines the change, or where `resolution` asks for it.",
    )
    full_mask_url: str | None = Field(
        default=None,
        description="Its mask, if blended or of a region: where it is black, no value differs from the "
        "image's.",
    )
    metrics: Metrics = Field(description="How it differs from the source, at the model's size.")
    attention: list[WordAttention] | None = Field(
        default=None,
        description="Where each word attends, if `attention` or `attention_steps` was asked for.",
    )


class Timings(Response):
    """Where the time went, in seconds."""

    queued: float = Field(ge=0, description="From being accepted until a worker began.")
    source: float = Field(ge=0, description="Getting the inversion: from memory, from storage or anew.")
    edit: float = Field(ge=0, description="Computing the edited pictures, and of the source what they take.")
    save: float = Field(ge=0, description="Applying them to the original, measuring and storing them.")


class EditResult(Response):
    """The pictures of an edit, in the order of its prompts."""

    image_id: ImageId = Field(description="The image that was edited.")
    inversion: InversionInfo | None = Field(
        default=None, description="The inversion of the image that was edited."
    )
    chosen: Chosen | None = Field(
        default=None, description="What `auto` chose and why; null where a method was named."
    )
    images: list[EditedImage] = Field(min_length=1, description="One picture per prompt.")
    features: list[FeaturePicture] | None = Field(
        default=None, description="What layers see, if the method's `features` was asked for."
    )
    attention_steps: list[int] | None = Field(
        default=None,
        description="The steps of the run, counted from 0, that pictures of attention show one by one, if "
        "`attention_steps` was asked for.",
    )
    seed: int = Field(default=0, description="The seed of what was random.")
    source_cached: bool = Field(description="Whether the inversion was ready in memory or storage.")
    features_cached: bool = Field(
        default=False,
        description="Whether what the edit takes from the source was still in the worker's memory, so that "
        "only the targets were computed; the pictures are the same either way.",
    )
    timings: Timings = Field(description="Where the time went.")
