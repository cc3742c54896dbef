"""One step of a run: its branches, and the controls and observers of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor

from engine.attention.heads import Heads
from engine.attention.site import Site
from engine.conditioning import Conditioning


class Control:
    """Edits what layers compute, where it wants to; never writes in place. This one changes nothing.

    Where it wants to edit, the source is beside the rows if the run has one; what it wants does not depend on
    that.
    """

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        """Whether it edits this site in this branch of the step."""
        return False

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        """The heads of an attention layer, edited."""
        return heads

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        """The features (rows, C, h, w) of a resnet, edited; the source's are (1, C, h, w)."""
        return features


class Observer:
    """Records what layers compute, where it looks; this one looks nowhere.

    What it records must not be added up before the step is done, since a step that ran out of memory is run
    again. `beside` is the source's branch that it sees beside each branch, None for the one whose features
    the branch takes.
    """

    beside: str | None = None

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        """Whether it looks into this site in this branch of the step."""
        return False

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        """Look into an attention layer before any edit."""

    def features(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> None:
        """Look at the features (rows, C, h, w) of a resnet before any edit; the source's are (1, C, h, w)."""

    def edited(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        """Look into an attention layer after the edit."""

    def after(self, step: Step) -> None:
        """The step is done."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Branch:
    """A named row of guidance, such as "uncond", "cond" or "negative", for `rows` of a lane's latents.

    `conditioning` has as many rows. `values` (rows, tokens, width), if given, is what the value projections
    of cross-attention read in place of its context; `shift` (1, C, h, w) is added to the network's input.
    `takes` is the source's branch whose features it reads, by default the one of its own name.
    """

    name: str
    rows: tuple[int, ...]
    conditioning: Conditioning
    values: Tensor | None = None
    shift: Tensor | None = None
    takes: str = ""

    def __post_init__(self) -> None:
        if not self.takes:
            object.__setattr__(self, "takes", self.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """The features and attention inputs of one branch of the source in one step.

    `hidden`, by the site's name, is what enters that attention layer (1, tokens, width), or what leaves that
    resnet's second convolution (1, C, h, w). `context` (1, tokens, width) is the text that its
    cross-attention reads there, `values` what the value projections do, if not that.
    """

    hidden: Mapping[str, Tensor]
    context: Tensor
    values: Tensor | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceStep:
    """The source beside a step: its features by branch, and the latent (1, C, h, w) that it moves to."""

    latent: Tensor
    features: Mapping[str, Features] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One lane's part in denoiser call `index` of `total`: its branches, one after the other in the batch.

    `control` edits what its branches do inside the network, `observers` look on, `source` is what both may
    take from.
    """

    index: int
    total: int
    branches: tuple[Branch, ...]
    control: Control = field(default_factory=Control)
    observers: tuple[Observer, ...] = ()
    source: SourceStep | None = None

    def of(self, branch: Branch) -> Step:
        """The same step with one branch alone in the batch."""
        return replace(self, branches=(branch,))

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return sum(len(branch.rows) for branch in self.branches)


def slices(steps: Iterable[Step]) -> Iterator[tuple[Step, Branch, slice]]:
    """Each branch of each step, with its part of the batch."""
    start = 0
    for step in steps:
        for branch in step.branches:
            yield step, branch, slice(start, start + len(branch.rows))
            start += len(branch.rows)
