"""SDEdit, DiffEdit and Uni-Edit: edits that paint a part of the run anew."""

from typing import Annotated

from pydantic import Field

from parameters.base import EditParameters, settings
from parameters.demands import UNCONDITIONAL
from parameters.fields import Start
from parameters.inversions import PATH, START

Strength = Annotated[
    Annotated[float, Field(gt=0, le=1)] | None,
    Field(
        title="strength",
        description="The part of the run that is painted anew: more follows the prompt, less keeps the "
        "image. Null takes the model's.",
    ),
]


class SDEdit(EditParameters):
    """SDEdit: the picture under noise, painted anew from there; needs no inversion.

    Meng et al. 2022, https://arxiv.org/abs/2108.01073.
    """

    name = "sdedit"
    published = settings(strength=0.5)

    strength: Strength = None


class DiffEdit(EditParameters):
    """DiffEdit: painted anew only where the two prompts denoise the image differently.

    Couairon et al. 2023, https://arxiv.org/abs/2210.11427.
    """

    name = "diffedit"
    needs = frozenset({START, PATH})
    published = settings(
        steps=50, guidance_scale=7.5, strength=0.8, diffedit_mask=True, blend_start=0.0, blend_in="latent"
    )

    strength: Strength = None
    diffedit_mask: bool = Field(
        title="where the prompts disagree",
        default=True,
        description="Only where the predictions under the source prompt and the target prompt differ may the "
        "picture change.",
    )
    blend_start: Start = Field(
        title="mask from", default=0.0, description="The fraction of the run after which the mask is applied."
    )


class UniEdit(EditParameters):
    """Uni-Edit: few steps from a nearby level, along what the prompts differ in, where they differ.

    Jiao et al. 2025, https://arxiv.org/abs/2504.13109; for an image inverted by `uni-inv`.
    """

    name = "uniedit"
    needs = frozenset({START})
    needs_of_model = frozenset({UNCONDITIONAL})
    guided = False
    published = settings(steps=15, alpha=0.6, omega=5.0)

    alpha: Strength = None
    omega: Annotated[float, Field(ge=0, le=50)] | None = Field(
        title="guidance",
        default=None,
        description="How strongly the difference between the prompts is followed. Null takes the model's.",
    )
