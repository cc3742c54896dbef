"""What is asked, and what will happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.alignment import Tokens
from engine.attention import AttentionControl
from engine.blend import LocalBlend
from engine.errors import InvalidParameter, RecordMismatch, is_number
from engine.models import Models
from engine.record import SourceRecord
from engine.window import Window


class Method(Protocol):
    """The parameters of one way to edit, which can be resolved against a record."""

    def plan(self, models: Models, record: SourceRecord, edit: Edit) -> EditPlan: ...


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What the user asks: one target prompt or several, and how to get there.

    `method` is a record of parameters such as `P2P(...)`, None for its defaults; `guidance_scale` None is
    the record's, or else the model's own. `only` is the index of the one target to paint, None for all of
    them: what is asked of the method's words stays the same, but it takes the memory of one. With `attention`
    the answer shows where words look.
    """

    prompt: str | tuple[str, ...]
    method: Method | None = None
    guidance_scale: float | None = None
    only: int | None = None
    attention: bool = False

    def __post_init__(self) -> None:
        several = self.prompt if isinstance(self.prompt, list | tuple) else (self.prompt,)
        if not several or not all(isinstance(prompt, str) for prompt in several):
            raise InvalidParameter("prompt", self.prompt, "a target prompt, or several")
        if self.guidance_scale is not None and not is_number(self.guidance_scale):
            raise InvalidParameter("guidance_scale", self.guidance_scale, "a finite number")
        if not isinstance(self.attention, bool):
            raise InvalidParameter("attention", self.attention, "true or false")
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

    `source` and `targets` are the tokens of their prompts. The values of cross-attention are read from
    `value_prompt`, None for each target's own, and bent by the record's gamma and beta while in `tau_v`.
    """

    source: Tokens
    targets: tuple[Tokens, ...]
    guidance_scale: float
    control: AttentionControl
    blend: LocalBlend | None = None
    value_prompt: Tokens | None = None
    tau_v: Window | None = None


def guidance_of(models: Models, record: SourceRecord, edit: Edit) -> float:
    """The guidance scale of an edit: as asked, or the record's, or the model's.

    Raises:
        RecordMismatch: the record is good for one scale only, and another is asked for.
    """
    own, asked = record.guidance_scale, edit.guidance_scale
    if asked is None:
        return float(models.spec.guidance_scale if own is None else own)
    if own is not None and asked != own:
        remedy = f"edit at {own:g}, or invert the image again at {asked:g}"
        raise RecordMismatch("guidance scale", f"{own:g}", f"{asked:g}", remedy)
    return float(asked)
