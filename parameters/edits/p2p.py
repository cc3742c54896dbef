"""Prompt-to-Prompt and P2Plus: edits by the attention of the source."""

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from parameters.base import EditParameters, settings
from parameters.checks import Prompt, check_known, check_paired
from parameters.demands import CROSS_ATTENTION, UNCONDITIONAL, Demand
from parameters.errors import InvalidParameter
from parameters.fields import DEFAULT, PromptText, Weights, Window, WindowOrCross, Windows
from parameters.inversions import PATH, START


class P2P(EditParameters):
    """Prompt-to-Prompt: which attention of the source the edit keeps, and for how long.

    Hertz et al. 2022, https://arxiv.org/abs/2208.01626.
    """

    name = "p2p"
    needs = frozenset({START, PATH})
    needs_of_model = frozenset({CROSS_ATTENTION})
    published = settings(
        steps=50,
        guidance_scale=7.5,
        tau_c=0.4,
        tau_s=0.6,
        reweight_window="tau_c",
        padding="absolute",
        blend_maps="edited",
        blend_threshold=0.3,
        blend_start=0.2,
        blend_in="latent",
    )

    edit: Literal["auto", "replace", "refine"] = Field(
        title="words are",
        default="auto",
        description="Swap words one for one, or align the prompts and keep what they share. "
        "'auto' swaps when the prompts differ only in words put in the place of others.",
    )
    tau_v: Window = Field(
        title="learned style",
        default=0.5,
        description="While in this part of the run the values of the target are scaled and shifted as a "
        "`stylediffusion` inversion learned for the source; without one it changes nothing.",
    )
    tau_c: Windows | None = Field(
        title="where words look",
        default=None,
        description="Until which fraction of the run the source's cross-attention is kept: one number, a "
        "[start, stop], or one of these per word with 'default' for the others. Null takes the model's.",
        examples=[0.4, {"default": 0.8, "dog": [0.0, 0.3]}],
    )
    tau_s: Window | None = Field(
        title="shapes and layout",
        default=None,
        description="While in this part of the run the source's self-attention is kept. "
        "Null takes the model's.",
    )
    value_prompt: PromptText | None = Field(
        title="it looks like",
        default=None,
        description="What the values of cross-attention, which carry the appearance, are read from instead "
        "of the target prompt, which goes on to say where things are.",
        examples=["a watercolour of a cat on grass"],
    )
    reweight: Weights = Field(
        title="weights of words",
        default_factory=dict,
        description="A factor for the attention paid to a word; below zero pushes the word away.",
        examples=[{"grass": 2.0}],
    )
    reweight_window: WindowOrCross = Field(
        title="weights hold",
        default=1.0,
        description="While in this part of the run words are weighed anew; 'tau_c' does so only while the "
        "source's cross-attention is kept, as published.",
    )
    padding: Literal["end", "absolute"] | None = Field(
        title="padding paired by",
        default=None,
        description="How refine pairs the padding after the prompts: by distance from the end of the prompt, "
        "or by absolute position, as published. Null takes the model's.",
    )
    blend_maps: Literal["own", "edited"] = Field(
        title="mask found by",
        default="own",
        description="Which attention of the target finds the places of blend_words: its own, or what the "
        "edit made of it, as published.",
    )

    def check_prompts(self, source: Prompt, targets: Sequence[Prompt]) -> None:
        """The source needs words to compare with, and words by name are words of a target."""
        if self.value_prompt is not None and not Prompt(self.value_prompt).words:
            expected = "a prompt of at least one word, or none to take the target prompt"
            raise InvalidParameter("value_prompt", self.value_prompt, expected)
        check_paired(source, targets, one_for_one=self.edit == "replace")
        windows = self.tau_c if isinstance(self.tau_c, dict) else {}
        check_known([*(word for word in windows if word != DEFAULT), *self.reweight], targets)
        super().check_prompts(source, targets)

    @property
    def prompts(self) -> dict[str, str | None]:
        """The prompt of the look."""
        return {"value_prompt": self.value_prompt}

    @property
    def mask_attention(self) -> Literal["own", "edited"]:
        """As `blend_maps` says."""
        return self.blend_maps

    @property
    def weighed(self) -> tuple[str, ...]:
        """Words with another factor than 1."""
        return tuple(word for word, factor in self.reweight.items() if factor != 1)


class P2Plus(P2P):
    """P2Plus: Prompt-to-Prompt that can keep the source's self-attention in the unconditional branch too.

    Li et al. 2023, https://arxiv.org/abs/2303.15649.
    """

    name = "p2plus"
    published = settings(
        **{**P2P.published, "steps": 30, "tau_v": 0.5, "tau_c": 0.6, "tau_s": 0.6, "tau_u": 0.5}
    )

    tau_u: Window = Field(
        title="layout, without the prompt",
        default=0.0,
        description="While in this part of the run the source's self-attention is kept in the unconditional "
        "branch; 0.5 suits large changes of structure.",
    )

    def demands(self) -> Iterator[Demand]:
        """The unconditional branch can be held where there is one."""
        yield from super().demands()
        start, stop = self.tau_u if isinstance(self.tau_u, tuple) else (0.0, self.tau_u)
        if start < stop:
            yield Demand(
                "tau_u", "a window of the unconditional branch", frozenset({UNCONDITIONAL}), "give 0"
            )
