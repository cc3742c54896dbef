"""What is asked, and what will happen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from engine.alignment import Tokens
from engine.attention import AttentionControl
from engine.blend import LocalBlend
from engine.errors import InvalidParameter
from engine.models import Models
from engine.record import SourceRecord


class Method(Protocol):
    """The parameters of one way to edit, which can be resolved against a record."""

    def plan(self, models: Models, record: SourceRecord, edit: Edit) -> EditPlan: ...


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What the user asks: one target prompt or several, and how to get there.

    `method` is a record of parameters such as `P2P(...)`, None for its defaults; `guidance_scale` None is
    the model's own.
    """

    prompt: str | tuple[str, ...]
    method: Method | None = None
    guidance_scale: float | None = None

    def __post_init__(self) -> None:
        scale = self.guidance_scale
        if scale is not None and not math.isfinite(scale):
            raise InvalidParameter("guidance_scale", scale, "a finite number")
        if not self.prompts:
            raise InvalidParameter("prompt", self.prompt, "at least one target prompt")

    @property
    def prompts(self) -> tuple[str, ...]:
        """The target prompts, one per picture that comes back."""
        return (self.prompt,) if isinstance(self.prompt, str) else tuple(self.prompt)


@dataclass(frozen=True, kw_only=True, eq=False)
class EditPlan:
    """An `Edit` resolved against one `SourceRecord`: nothing in it can be wrong any more.

    `prompts` are the tokens of each row, the source's first.
    """

    prompts: tuple[Tokens, ...]
    guidance_scale: float
    control: AttentionControl
    blend: LocalBlend | None = None
