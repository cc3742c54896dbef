"""What clients ask for when the model is to paint a picture itself."""

from pydantic import ConfigDict, Field

from api_schemas.requests import InvertOptions, Submission
from parameters import GuidanceScale, Painted, Side


class GenerateRequest(Submission):
    """A picture to paint from a prompt; it can be edited like any other image, and its inversion is exact."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "a cat on grass", "seed": 3},
                {"prompt": "a red car on sand", "width": 96, "height": 64, "guidance_scale": 5.0},
            ]
        }
    )

    prompt: str = Field(min_length=1, max_length=2000, description="What the picture is to show.")
    negative_prompt: str | None = Field(
        default=None, max_length=2000, description="What it is not to show; edits of it take the same."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the noise that it is painted from.")
    width: Side = None
    height: Side = None
    steps: int = Field(default=50, ge=1, le=1000, description="Steps of the painting and of its edits.")
    guidance_scale: GuidanceScale | None = Field(
        default=None,
        description="How strongly the picture follows its prompt; null takes the model's. Edits of it take "
        "the same unless they name another.",
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The model to use; null takes the one that is served.",
    )

    @property
    def options(self) -> InvertOptions:
        """The painting as the inversion that its image has from the beginning."""
        fields = {name: getattr(self, name) for name in Painted.model_fields}
        return InvertOptions(
            prompt=self.prompt,
            method=Painted.name,
            steps=self.steps,
            params=Painted(**fields),
            model=self.model,
            webhook_url=self.webhook_url,
        )
