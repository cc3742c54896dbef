"""Plug-and-Play and MasaCtrl: edits by features of the source."""

from typing import Literal

from pydantic import Field

from parameters.base import EditParameters, settings
from parameters.demands import FEATURES, SELF_ATTENTION, UNCONDITIONAL
from parameters.fields import Fraction, Window
from parameters.inversions import PATH, START


class PlugAndPlay(EditParameters):
    """Plug-and-Play: keep the source's decoder features and self-attention while the target is painted.

    Tumanyan et al. 2023, https://arxiv.org/abs/2211.12572.
    """

    name = "pnp"
    needs = frozenset({START, PATH})
    needs_of_model = frozenset({FEATURES, SELF_ATTENTION, UNCONDITIONAL})
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
    needs_of_model = frozenset({SELF_ATTENTION})
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
