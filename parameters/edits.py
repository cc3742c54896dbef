"""The parameters of the edit methods that the project brings."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from parameters.base import EditParameters, settings
from parameters.checks import Prompt, check_in_source, check_known, check_paired
from parameters.errors import InvalidParameter
from parameters.fields import DEFAULT, Fraction, Weights, Window, WindowOrCross, Windows
from parameters.inversions import PATH, PROMPT_EMBEDDINGS, START


class Plain(EditParameters):
    """Sampling from the inverted latent with the target prompt: guidance alone, without attention control."""

    name = "plain"
    needs = frozenset({START})
    published = settings(guidance_scale=15.0, skip=0.36)

    skip: Annotated[float, Field(ge=0, lt=1)] = Field(
        title="noisiest steps left out",
        default=0.0,
        description="The fraction of the noisiest steps that is left out: more keeps more of the source.",
    )
    inside_prompt: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        title="painted where it may change",
        default=None,
        description="What is painted under the mask instead of the target prompt, which goes on to say what "
        "the whole picture shows: to remove a thing, the background behind it.",
        examples=["grass"],
    )

    def check_prompts(self, source: Prompt, targets: Sequence[Prompt]) -> None:
        """What is painted inside needs words, and a mask to be inside of: of places in the source."""
        super().check_prompts(source, targets)
        if self.inside_prompt is None:
            return
        if not Prompt(self.inside_prompt).words:
            expected = "a prompt of at least one word, or none to paint the target prompt"
            raise InvalidParameter("inside_prompt", self.inside_prompt, expected)
        if not (self.blend_words or self.subtract_words or self.diffedit_mask):
            expected = "none, since no blend_words, subtract_words or diffedit_mask confine it to a place"
            raise InvalidParameter("inside_prompt", self.inside_prompt, expected)
        if self.blend_words:
            check_in_source(source, targets, self.blend_words)

    @property
    def prompts(self) -> dict[str, str | None]:
        """The prompt of the inside."""
        return {"inside_prompt": self.inside_prompt}


class P2P(EditParameters):
    """Prompt-to-Prompt: which attention of the source the edit keeps, and for how long.

    Hertz et al. 2022, https://arxiv.org/abs/2208.01626.
    """

    name = "p2p"
    needs = frozenset({START, PATH})
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
    value_prompt: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
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


class PlugAndPlay(EditParameters):
    """Plug-and-Play: keep the source's decoder features and self-attention while the target is painted.

    Tumanyan et al. 2023, https://arxiv.org/abs/2211.12572.
    """

    name = "pnp"
    needs = frozenset({START, PATH})
    published = settings(
        steps=50,
        guidance_scale=10.0,
        tau_f=0.8,
        tau_a=0.5,
        negative_prompt_alpha=1.0,
        negative_prompt_schedule="linear",
    )

    tau_f: Window = Field(
        title="features",
        default=0.8,
        description="While in this part of the run the source's decoder features are kept.",
    )
    tau_a: Window = Field(
        title="shapes and layout",
        default=0.5,
        description="While in this part of the run the source's self-attention is kept.",
    )
    negative_prompt_alpha: Fraction = Field(
        title="empty prompt counts",
        default=1.0,
        description="How much of the unconditional prediction is the empty prompt's at the beginning; the "
        "rest is the negative prompt's, which is the source prompt unless given.",
    )
    negative_prompt_schedule: Literal["linear", "constant", "exponential"] = Field(
        title="and less by", default="linear", description="How that part goes down over the run."
    )
    features: bool = Field(
        title="pictures of features",
        default=False,
        description="Answer also with pictures of what layers see: the principal components of decoder "
        "features and of self-attention.",
    )


class MasaCtrl(EditParameters):
    """MasaCtrl: the source's contents in a new pose, by its keys and values in self-attention.

    Cao et al. 2023, https://arxiv.org/abs/2304.08465.
    """

    name = "masactrl"
    needs = frozenset({START, PATH})
    published = settings(steps=50, guidance_scale=7.5, tau_kv=(0.08, 1.0), layer_start=0.625)

    tau_kv: Window | None = Field(
        title="contents",
        default=None,
        description="While in this part of the run self-attention reads the source, with the target's own "
        "layout. Null takes the model's.",
        examples=[[0.08, 1.0]],
    )
    layer_start: Fraction | None = Field(
        title="layers from",
        default=None,
        description="Which part of the self-attention layers, in the order they run, is left to the target. "
        "Null takes the model's.",
    )


class DiffEdit(EditParameters):
    """DiffEdit: painted anew only where the two prompts denoise the image differently.

    Couairon et al. 2023, https://arxiv.org/abs/2210.11427.
    """

    name = "diffedit"
    needs = frozenset({START, PATH})
    published = settings(
        steps=50, guidance_scale=7.5, strength=0.8, diffedit_mask=True, blend_start=0.0, blend_in="latent"
    )

    strength: Annotated[float, Field(gt=0, le=1)] | None = Field(
        title="strength",
        default=None,
        description="The part of the run that is painted anew: more follows the prompt, less keeps the "
        "image. Null takes the model's.",
    )
    diffedit_mask: bool = Field(
        title="where the prompts disagree",
        default=True,
        description="Only where the predictions under the source prompt and the target prompt differ may the "
        "picture change.",
    )
    blend_start: Annotated[float, Field(ge=0, lt=1)] = Field(
        title="mask from", default=0.0, description="The fraction of the run after which the mask is applied."
    )


class SDEdit(EditParameters):
    """SDEdit: the picture under noise, painted anew from there; needs no inversion.

    Meng et al. 2022, https://arxiv.org/abs/2108.01073.
    """

    name = "sdedit"
    published = settings(strength=0.5)

    strength: Annotated[float, Field(gt=0, le=1)] | None = Field(
        title="strength",
        default=None,
        description="The part of the run that is painted anew: more follows the prompt, less keeps the "
        "image. Null takes the model's.",
    )


class UniEdit(EditParameters):
    """Uni-Edit: few steps from a nearby level, along what the prompts differ in, where they differ.

    Jiao et al. 2025, https://arxiv.org/abs/2504.13109; for an image inverted by `uni-inv`.
    """

    name = "uniedit"
    needs = frozenset({START})
    guided = False
    published = settings(steps=15, alpha=0.6, omega=5.0)

    alpha: Annotated[float, Field(gt=0, le=1)] | None = Field(
        title="strength",
        default=None,
        description="The part of the run that is painted anew: more follows the prompt, less keeps the "
        "image. Null takes the model's.",
    )
    omega: Annotated[float, Field(ge=0, le=50)] | None = Field(
        title="guidance",
        default=None,
        description="How strongly the difference between the prompts is followed. Null takes the model's.",
    )


class PromptInterpolation(EditParameters):
    """Prompt interpolation: guidance towards a mix of the target prompt and what `prompt-tuning` learned.

    Dong et al. 2023, https://arxiv.org/abs/2305.04441.
    """

    name = "prompt-interpolation"
    needs = frozenset({START, PROMPT_EMBEDDINGS})
    published = settings(steps=50, guidance_scale=7.5)

    eta: Fraction = Field(
        title="target prompt counts",
        default=0.85,
        description="How much of the mix is the target prompt: less keeps more of the source; at 0 it comes "
        "back unchanged.",
    )
