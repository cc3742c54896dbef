"""The results of jobs, with their pictures."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

from PIL import Image as Pillow

from api_schemas import (
    Accepted,
    Chosen,
    EditResult,
    Image,
    Inversion,
    InversionInfo,
    InvertResult,
    Job,
    Notice,
)
from parameters import USUAL
from pentimento import calls, pictures
from pentimento.calls import Call
from pentimento.core import Core
from pentimento.keywords import Editing
from pentimento.pictures import Picture


@dataclass(frozen=True)
class Inverted:
    """An image that is ready to be edited."""

    job: Job
    result: InvertResult

    @property
    def warnings(self) -> list[Notice]:
        """What was done differently from asked, and why edits of the picture may be poor."""
        return self.job.warnings

    @property
    def image_id(self) -> str:
        """The name by which edits choose it."""
        return self.result.image_id

    @property
    def inversion(self) -> InversionInfo | None:
        """The inversion that was made; edits of this take it, whatever becomes of the image's own."""
        return self.result.inversion


@dataclass(frozen=True)
class Edited:
    """What an edit made: one picture per prompt, in their order."""

    job: Job
    result: EditResult
    files: Sequence[bytes]

    @property
    def warnings(self) -> list[Notice]:
        """What was done differently from asked, and what the pictures may suffer from."""
        return self.job.warnings

    @property
    def image_id(self) -> str:
        """The image that was edited."""
        return self.result.image_id

    @property
    def inversion(self) -> InversionInfo | None:
        """The inversion of it that was edited."""
        return self.result.inversion

    @property
    def chosen(self) -> Chosen | None:
        """What `auto` chose and why, None where a method was named."""
        return self.result.chosen

    @cached_property
    def images(self) -> list[Pillow.Image]:
        """The pictures."""
        return [pictures.decode(data) for data in self.files]

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the pictures side by side."""
        buffer = io.BytesIO()
        sheet = Pillow.new(
            "RGB",
            (sum(each.width for each in self.images), max(each.height for each in self.images)),
            "white",
        )
        left = 0
        for each in self.images:
            sheet.paste(each.convert("RGB"), (left, 0))
            left += each.width
        sheet.save(buffer, "PNG")
        return buffer.getvalue()

    def save(self, path: str | Path) -> list[Path]:
        """Write the pictures: one to the path, several beside it as dog-1.png, dog-2.png. Returns the paths.

        Raises ValueError if the suffix names no format, OSError if a file cannot be written.
        """
        there = Path(path)
        paths = [
            there if len(self.files) == 1 else there.with_stem(f"{there.stem}-{number}")
            for number in range(1, len(self.files) + 1)
        ]
        for data, file in zip(self.files, paths, strict=True):
            pictures.save(data, file)
        return paths


class OfAnImage(Protocol):
    """Whatever names an image: an answer, a job, a result."""

    @property
    def image_id(self) -> str:
        """The image's id."""
        ...


class OfAJob(Protocol):
    """Whatever names a job."""

    @property
    def job_id(self) -> str:
        """The job's id."""
        ...


AnImage = str | Image | OfAnImage
AJob = str | OfAJob


class Pending:
    """A job that was accepted."""

    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted

    @property
    def job_id(self) -> str:
        """The job."""
        return self.accepted.job_id

    @property
    def warnings(self) -> list[Notice]:
        """What was noticed at once: of the picture, and of words that the model was not taught."""
        return self.accepted.warnings

    @property
    def image_id(self) -> str:
        """The image; edits may name it at once."""
        return self.accepted.image_id

    @property
    def inversion(self) -> InversionInfo | None:
        """The inversion that the job makes or edits."""
        return self.accepted.inversion

    @property
    def chosen(self) -> Chosen | None:
        """What `auto` chose for an edit and why, None where a method was named."""
        return self.accepted.chosen

    def __repr__(self) -> str:
        return f"{type(self).__name__}(job_id={self.job_id!r}, image_id={self.image_id!r})"


def editing(image: AnImage | Picture, prompt: str | Sequence[str], how: Editing) -> Call[Accepted]:
    """The request for an edit of an image that was sent before, or of a picture if it says what that shows.

    Raises TypeError for a picture without `source_prompt`, and for an unknown keyword.
    """
    if how.get("source_prompt") is not None:
        return calls.edit_picture(cast(Picture, image), prompt, how)
    if isinstance(image, bytes | Path | Pillow.Image) or hasattr(image, "__array_interface__"):
        raise TypeError("a picture is edited with source_prompt=..., which says what it shows")
    known = cast(AnImage, image)
    return calls.edit(image_id(known), prompt, meaning(known, how))


def image_id(image: AnImage) -> str:
    """The id of an image, however it is named. Raises TypeError if it is not."""
    if isinstance(image, str):
        return image
    return image.id if isinstance(image, Image) else _named(image, "image_id")


def meaning(image: AnImage, how: Editing) -> Editing:
    """How to edit an image that is named by something that holds an inversion of it: that one is meant.

    So is the region that it is of, unless another is named. One that `auto` chose for an edit stands for the
    usual one of its prompt and steps, so that `auto` chooses for every edit.
    """
    if "inversion" in how:
        return how
    if isinstance(image, Image):
        held: InversionInfo | None = next((each for each in image.inversions if each.own), None)
        free = isinstance(held, Inversion) and held.chosen
    else:
        held, chosen = getattr(image, "inversion", None), getattr(image, "chosen", None)
        free = chosen is not None and not chosen.kept
    if held is None:
        return {**how, "inversion": None}
    region: Editing = {} if held.region is None else {"region": held.region}
    meant = {"method": USUAL, "steps": held.steps, "prompt": held.prompt} if free else held
    return {**region, **how, "inversion": meant}


def job_id(job: AJob) -> str:
    """The id of a job, however it is named. Raises TypeError if it is not."""
    return job if isinstance(job, str) else _named(job, "job_id")


def _named(something: object, attribute: str) -> str:
    found = getattr(something, attribute, None)
    if not isinstance(found, str):
        kind = attribute.removesuffix("_id")
        given = type(something).__name__
        raise TypeError(f"give the {kind} as its id or as what has one ({attribute}), not as {given}")
    return found


async def gather(core: Core, job: Job) -> Inverted | Edited:
    """What a job that succeeded has made, its pictures fetched."""
    if isinstance(job.result, InvertResult):
        return Inverted(job, job.result)
    assert job.result is not None, "a job that succeeded has a result"
    files = [await core.ask(calls.download(made.url)) for made in job.result.images]
    return Edited(job, job.result, files)
