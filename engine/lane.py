"""One edit of one source, as the sampling loop runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from engine.attention import Branch, Control, Observer, SourceStep, Step
from engine.conditioning import Conditioning
from engine.guidance import Guidance
from engine.learned import Learned
from engine.noise import Call

After = Callable[[Step, Tensor, Mapping[str, Tensor]], Tensor]
"""Changes the latents (rows, C, h, w) that a step arrived at; it is given the predictions by branch too."""


class SourcePath(Protocol):
    """The source, denoised beside the rows of an edit."""

    def beside(self, step: Step, wanted: Mapping[str, frozenset[str]]) -> SourceStep:
        """The source at a step, with its features at the sites wanted, by branch; asked for once a step."""
        ...

    def rows(self, step: Step, wanted: Mapping[str, frozenset[str]]) -> int:
        """The rows that `beside` would cost by now, were the steps before it done."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Lane:
    """Rows that are sampled together, from `start` (rows, C, h, w), through the `calls` from the `first` on.

    `conditionings` are what the branches read, of as many rows each, where `learned` does not replace it;
    `takes` names the source's branch that a branch takes features from, where that has another name.
    """

    start: Tensor
    calls: tuple[Call, ...]
    guidance: Guidance
    conditionings: Mapping[str, Conditioning]
    first: int = 0
    takes: Mapping[str, str] = field(default_factory=dict)
    control: Control = field(default_factory=Control)
    observers: tuple[Observer, ...] = ()
    learned: Learned = field(default_factory=Learned)
    source: SourcePath | None = None
    after: After | None = None

    def step(self, index: int) -> Step:
        """Step `index` of all the calls, the skipped ones counted."""
        names = self.guidance.branches(index, len(self.calls))
        return Step(
            index=index,
            total=len(self.calls),
            branches=tuple(self.branch(index, name) for name in names),
            control=self.control,
            observers=self.observers,
        )

    def branch(self, index: int, name: str) -> Branch:
        """A branch of step `index`."""
        conditioning = self.learned.conditioning(index, name, self.conditionings[name])
        return Branch(
            name=name,
            rows=tuple(range(len(conditioning))),
            conditioning=conditioning,
            values=self.learned.values(index, name, conditioning.context),
            shift=self.learned.shift(index, name),
            takes=self.takes.get(name, name),
        )
