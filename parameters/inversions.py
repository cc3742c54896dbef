"""The parameters of the inversions that the project brings."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from parameters.base import InversionParameters, settings
from parameters.demands import CROSS_ATTENTION, NEGATIVE_PROMPT, UNCONDITIONAL, VISION_TOWER, Demand
from parameters.fields import GuidanceScale

START: Final = "start"
PATH: Final = "path"
NOISE_MAPS: Final = "noise_maps"
PROMPT_EMBEDDINGS: Final = "prompt_embeddings"

InnerSteps = Annotated[int, Field(ge=1, le=1000)]
LearnedScale = Annotated[
    GuidanceScale | None,
    Field(
        title="guidance",
        description="How strongly edits of the image will follow their prompts: what is learned holds for "
        "this scale alone. Null takes the model's.",
    ),
]
Side = Annotated[
    int | None,
    Field(
        ge=8,
        le=2048,
        description="In pixels, a multiple of the model's `stride`: at most twice the other side, and "
        "the area at most four times that of the model's own size, which null takes.",
    ),
]
LearningRate = Annotated[float, Field(gt=0, le=1)]


class Encode(InversionParameters):
    """Encode: the clean latent alone, for methods that need no inversion."""

    name = "encode"


class DDIM(InversionParameters):
    """DDIM inversion: the sampler's own steps backwards; edits are not held to the image."""

    name = "ddim"
    gives = frozenset({START, PATH})
    published = settings(steps=50)


class Direct(InversionParameters):
    """Direct inversion: DDIM inversion whose source retraces its path, and so meets the image exactly."""

    name = "direct"
    gives = frozenset({START, PATH})
    published = settings(steps=50)


class Painted(InversionParameters):
    """A picture that the model painted from its prompt: nothing is inverted, its path is known exactly."""

    name = "painted"
    gives = frozenset({START, PATH})
    paints = True
    published = settings(steps=50, guidance_scale=7.5)

    guidance_scale: GuidanceScale | None = Field(
        title="guidance",
        default=None,
        description="How strongly the picture follows its prompt; null takes the model's. Edits of it take "
        "the same unless they name another.",
    )
    negative_prompt: Annotated[str, Field(max_length=2000)] | None = Field(
        title="what it is not to show",
        default=None,
        description="What is kept out of the picture, and of its edits unless they name another.",
    )
    seed: int = Field(
        title="seed", default=0, ge=0, lt=2**63, description="Seed of the noise that it is painted from."
    )
    width: Side = Field(title="width", default=None)
    height: Side = Field(title="height", default=None)

    def demands(self) -> Iterator[Demand]:
        """A negative prompt needs a branch that reads it."""
        if self.negative_prompt is not None:
            yield NEGATIVE_PROMPT


class Aligned(InversionParameters):
    """Aligned inversion: edits ask the network at the latents where the inversion did, which meets the image.

    DirectEdit's step; the first edit by Prompt-to-Prompt takes what the inversion saw of the source.
    """

    name = "aligned"
    gives = frozenset({START, PATH})
    published = settings(steps=50)


class EditFriendly(InversionParameters):
    """Edit-friendly DDPM inversion: noise maps with which the sampler paints this very image."""

    name = "edit-friendly"
    gives = frozenset({START, PATH, NOISE_MAPS})
    published = settings(steps=100, guidance_scale=3.5, last_noise=False)

    guidance_scale: GuidanceScale | None = Field(
        title="guidance",
        default=None,
        description="How strongly the source prompt is followed while the noise maps are read; null takes "
        "the published 3.5. Edits have a scale of their own.",
    )
    seed: int = Field(
        title="seed", default=0, ge=0, lt=2**63, description="Seed of the noise that is added to the image."
    )
    last_noise: bool = Field(
        title="last noise map",
        default=True,
        description="Keep the noise map of the last step, without which the image is not met exactly; the "
        "published code sets it to zero.",
    )


class NegativePromptInversion(InversionParameters):
    """Negative-prompt inversion: DDIM inversion whose edits are led away from the source prompt."""

    name = "negative-prompt"
    gives = frozenset({START, PATH})
    needs_prompt = True
    takes_uncond = True
    needs_of_model = frozenset({UNCONDITIONAL})
    published = settings(steps=50, guidance_scale=7.5)


class LearnedEmbeddings(InversionParameters):
    """The parameters of inversions that learn embeddings, one per step."""

    learns_scale = True
    needs_of_model = frozenset({UNCONDITIONAL})

    guidance_scale: LearnedScale = None
    inner_steps: InnerSteps = Field(
        title="inner steps", default=10, description="The most training steps of each embedding."
    )
    learning_rate: LearningRate = Field(
        title="learning rate",
        default=0.01,
        description="The rate of that training in the first step; later ones have less.",
    )


class NullText(LearnedEmbeddings):
    """Null-text inversion: learn unconditional embeddings, one per step, that paint this very image."""

    name = "null-text"
    gives = frozenset({START, PATH})
    needs_prompt = True
    takes_uncond = True
    published = settings(steps=50, guidance_scale=7.5, inner_steps=10, learning_rate=0.01)


class PromptTuning(LearnedEmbeddings):
    """Prompt Tuning inversion: learn embeddings of a prompt, one per step, that paint this very image."""

    name = "prompt-tuning"
    gives = frozenset({START, PATH, PROMPT_EMBEDDINGS})
    published = settings(steps=50, guidance_scale=7.5)


class StyleDiffusion(InversionParameters):
    """StyleDiffusion: learn a scale and a shift of the prompt's embedding that paint this very image."""

    name = "stylediffusion"
    gives = frozenset({START, PATH})
    learns_scale = True
    needs_of_model = frozenset({CROSS_ATTENTION, UNCONDITIONAL})
    published = settings(steps=30, guidance_scale=7.5)

    guidance_scale: LearnedScale = None
    inner_steps: InnerSteps = Field(
        title="inner steps",
        default=12,
        description="The most evaluations of the loss in the first step; later ones have fewer.",
    )


class StyleDiffusionFaithful(InversionParameters):
    """StyleDiffusion as published, trained network by network: for comparison, since it takes far longer."""

    name = "stylediffusion-faithful"
    gives = frozenset({START, PATH})
    learns_scale = True
    needs_of_model = frozenset({CROSS_ATTENTION, UNCONDITIONAL, VISION_TOWER})
    published = settings(steps=30, guidance_scale=7.5, inner_steps=100, learning_rate=0.01)

    guidance_scale: LearnedScale = None
    inner_steps: InnerSteps = Field(
        title="inner steps",
        default=100,
        description="The most training steps of the first network; later ones have fewer.",
    )
    learning_rate: LearningRate = Field(
        title="learning rate", default=0.01, description="The rate of that training."
    )
    keep_mapping: bool = Field(
        title="keep the networks",
        default=False,
        description="Store the weights of the networks too; no edit needs them.",
    )


class UniInv(InversionParameters):
    """Uni-Inv: DDIM inversion without a prompt, each step predicted where it arrives."""

    name = "uni-inv"
    gives = frozenset({START, PATH})
    published = settings(steps=15)


OWN: Final[tuple[type[InversionParameters], ...]] = (
    Aligned,
    DDIM,
    Direct,
    EditFriendly,
    Encode,
    NegativePromptInversion,
    NullText,
    Painted,
    PromptTuning,
    StyleDiffusion,
    StyleDiffusionFaithful,
    UniInv,
)
"""In the order in which they are listed."""
