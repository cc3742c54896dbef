"""Requests for edits, and the plans made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from PIL import Image

import parameters
from engine.alignment import Tokens
from engine.attention import Control, Observer
from engine.backbones import Backbone
from engine.errors import InvalidParameter, RecordMismatch, is_number
from engine.guidance import Guidance
from engine.record import SourceRecord
from engine.window import Window
from parameters import INVERSIONS, P2P, EditParameters

Follows = Literal["path", "as_inverted", "noised"]
"""How the source goes down beside an edit: along its stored path, as it was inverted (which may be sampling),
or as its clean latent under one seeded noise at every level.
"""
P = TypeVar("P", bound=EditParameters, covariant=True)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A request for an edit: one target prompt or several, and how to get there.

    `method` are the parameters of an edit method, which name it; None for P2P's defaults. With the preset
    "published" whatever is not given is as in the method's paper, else as tuned for the model.
    `guidance_scale` None is the one that the record was made for, or else the preset's or the model's.
    `negative_prompt` is read by the unconditional branch. `seed` is of the noise that a method draws. `mask`
    is white where the picture may change, of any size in the proportions of what was inverted. `only` is the
    index of the one target to paint, None for all of them: what is asked of the method's words stays
    the same, but it takes the memory of one.
    """

    prompt: str | tuple[str, ...]
    method: EditParameters | None = None
    preset: Literal["published"] | None = None
    guidance_scale: float | None = None
    negative_prompt: str | None = None
    seed: int = 0
    mask: Image.Image | None = None
    only: int | None = None

    def __post_init__(self) -> None:
        several = self.prompt if isinstance(self.prompt, list | tuple) else (self.prompt,)
        if not several or not all(isinstance(prompt, str) for prompt in several):
            raise InvalidParameter("prompt", self.prompt, "a target prompt, or several")
        if not (self.method is None or isinstance(self.method, EditParameters)):
            raise InvalidParameter("method", self.method, "the parameters of an edit method, such as P2P()")
        if self.guidance_scale is not None and not is_number(self.guidance_scale):
            raise InvalidParameter("guidance_scale", self.guidance_scale, "a finite number")
        if not (self.mask is None or isinstance(self.mask, Image.Image)):
            raise InvalidParameter("mask", self.mask, "a picture of Pillow's, or None")
        if self.preset not in (None, "published"):
            raise InvalidParameter("preset", self.preset, "'published', or None")
        if self.only is not None and self.only not in range(len(several)):
            raise InvalidParameter("only", self.only, f"the index of one of {len(several)} target prompts")

    @property
    def prompts(self) -> tuple[str, ...]:
        """The target prompts, one per picture that comes back unless `only` one is painted."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)

    @property
    def painted(self) -> slice:
        """Those of the targets to paint."""
        return slice(None) if self.only is None else slice(self.only, self.only + 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class EditPlan:
    """An `Edit` resolved against one `SourceRecord`: nothing in it can be wrong any more.

    `source` and `targets` are the tokens of their prompts. `reads` are the prompts of the branches that do
    not read the targets, by name. The values of cross-attention are read from `value_prompt`, None for each
    target's own, and replaced by what the record learned while in `tau_v`. `takes` and `first` are the
    `Lane`'s. `follows` is how the source goes down beside the edit, None for not at all. `seed` is of the
    noise that a method draws.
    """

    source: Tokens
    targets: tuple[Tokens, ...]
    guidance: Guidance
    guidance_scale: float
    control: Control = field(default_factory=Control)
    observers: tuple[Observer, ...] = ()
    reads: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    first: int = 0
    value_prompt: Tokens | None = None
    tau_v: Window = field(default_factory=lambda: Window(0.0, 1.0))
    follows: Follows | None = "as_inverted"
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting(Generic[P]):
    """The input of a method's plan: what is known without computing anything.

    `params` have every None filled that the model or the paper has a value for.
    """

    model: Backbone
    record: SourceRecord
    edit: Edit
    params: P
    guidance_scale: float

    @staticmethod
    def of(model: Backbone, record: SourceRecord, edit: Edit) -> Setting[EditParameters]:
        """Resolve the parameters of an edit of this record.

        Raises:
            Incompatible, UnsupportedByModel, InvalidParameter, RecordMismatch, UnknownWord,
                PromptsDoNotAlign, PromptTooLong: as their names say.
        """
        given = edit.method or P2P()
        inversion = parameters.find(parameters.INVERSIONS, record.method)
        parameters.compatible(type(given), inversion)
        spec = model.spec
        if edit.preset == "published":
            params = parameters.resolved(parameters.preset(given), {})
        else:
            params = parameters.resolved(given, spec.defaults_of(given.name))
        parameters.check_supported(params, model.spec.name, model.offers, edit.negative_prompt)
        parameters.check_guided(type(given), edit.guidance_scale, edit.negative_prompt)
        scale = _guidance_scale(model, record, edit, params)
        parameters.check_negative_prompt(edit.negative_prompt, inversion, scale)
        parameters.check_proximal(params, scale)
        params.check(record.prompt, edit.prompts)
        params.check_masked(edit.mask is not None)
        return Setting(model=model, record=record, edit=edit, params=params, guidance_scale=scale)

    @property
    def source(self) -> Tokens:
        """The source prompt."""
        return self.model.tokens(self.record.prompt)

    @property
    def targets(self) -> list[Tokens]:
        """All target prompts, painted or not."""
        return [self.model.tokens(prompt) for prompt in self.edit.prompts]

    @property
    def reads(self) -> Mapping[str, str]:
        """The prompt of the unconditional branch, by branch name."""
        own = self.record.params.get("negative_prompt")
        asked = self.edit.negative_prompt
        return {"uncond": (own if asked is None else asked) or ""}


def _guidance_scale(model: Backbone, record: SourceRecord, edit: Edit, params: EditParameters) -> float:
    """The guidance scale of an edit: as asked, or the record's, or the preset's, or the model's.

    Raises:
        RecordMismatch: the record is good for one scale only, and another is asked for.
    """
    own, asked = record.guidance_scale, edit.guidance_scale
    if asked is None:
        published = params.published.get("guidance_scale") if edit.preset == "published" else None
        wanted = model.spec.guidance_scale if published is None else published
        return float(wanted if own is None else own)
    if own is not None and asked != own and INVERSIONS[record.method].learns_scale:
        remedy = f"edit at {own:g}, or invert the image again at {asked:g}"
        raise RecordMismatch("guidance scale", f"{own:g}", f"{asked:g}", remedy)
    return float(asked)
