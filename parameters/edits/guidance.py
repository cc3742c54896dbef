"""Edits by guidance alone, without a look inside the denoiser."""

from collections.abc import Sequence

from pydantic import Field

from parameters.base import EditParameters, settings
from parameters.checks import Prompt, check_in_source
from parameters.errors import InvalidParameter
from parameters.fields import Fraction, PromptText, Start
from parameters.inversions import PROMPT_EMBEDDINGS, START


class Plain(EditParameters):
    """Sampling from the inverted latent with the target prompt: guidance alone, without attention control."""

    name = "plain"
    needs = frozenset({START})
    published = settings(guidance_scale=15.0, skip=0.36)

    skip: Start = Field(
        title="noisiest steps left out",
        default=0.0,
        description="The fraction of the noisiest steps that is left out: more keeps more of the source.",
    )
    inside_prompt: PromptText | None = Field(
        title="painted where it may change",
        default=None,
        description="What is painted under the mask instead of the target prompt, which goes on to say what "
        "the whole picture shows: to remove a thing, the background behind it.",
        examples=["grass"],
    )

    def check_prompts(self, source: Prompt, targets: Sequence[Prompt]) -> None:
        """What is painted inside needs words, and blend_words with a place in the source."""
        super().check_prompts(source, targets)
        if self.inside_prompt is None:
            return
        if not Prompt(self.inside_prompt).words:
            expected = "a prompt of at least one word, or none to paint the target prompt"
            raise InvalidParameter("inside_prompt", self.inside_prompt, expected)
        if self.blend_words:
            check_in_source(source, targets, self.blend_words)

    def check_masked(self, sent: bool) -> None:
        """What is painted inside needs a mask to be inside of."""
        masked = sent or self.blend_words or self.subtract_words or self.diffedit_mask
        if self.inside_prompt is not None and not masked:
            raise InvalidParameter(
                "inside_prompt",
                self.inside_prompt,
                "none without a mask to be inside of: send one, or name blend_words, subtract_words or "
                "diffedit_mask",
            )

    @property
    def prompts(self) -> dict[str, str | None]:
        """The prompt of the inside."""
        return {"inside_prompt": self.inside_prompt}


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
