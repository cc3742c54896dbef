"""Parameters of every inversion and edit method, under the names the engine uses."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationInfo, ValidatorFunctionWrapHandler
from pydantic.functional_validators import WrapValidator

from api_schemas.base import Request
from api_schemas.windows import Window, Windows, Word

Words = Annotated[list[Word], Field(max_length=32)]
LearnedScale = Annotated[
    Annotated[float, Field(ge=0, le=50)] | None,
    Field(
        description="How strongly edits of the image will follow their prompts: what is learned holds for "
        "this scale alone. Null takes the model's."
    ),
]
InnerSteps = Annotated[int, Field(ge=1, le=1000)]


class DDIMParams(Request):
    """DDIM inversion takes no parameters beyond the number of steps."""


class DirectParams(Request):
    """Direct inversion takes no parameters beyond the number of steps."""


class StyleDiffusionParams(Request):
    """StyleDiffusion: learn a scale and a shift of the prompt's embedding that paint this very image."""

    guidance_scale: LearnedScale = None
    inner_steps: InnerSteps = Field(
        default=12,
        description="The most evaluations of the loss in the first step; later ones have fewer.",
    )


class FaithfulStyleDiffusionParams(Request):
    """StyleDiffusion as published, trained network by network: for comparison, since it takes far longer."""

    guidance_scale: LearnedScale = None
    inner_steps: InnerSteps = Field(
        default=100, description="The most training steps of the first network; later ones have fewer."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.01, description="The rate of that training."
    )
    keep_mapping: bool = Field(
        default=False, description="Store the weights of the networks too; no edit needs them."
    )


class EditParams(Request):
    """What every way to edit takes."""

    attention: bool = Field(
        default=False,
        description="Answer also with pictures of where each word attends, in the source and in the edit.",
    )


class P2PParams(EditParams):
    """Prompt-to-Prompt: which attention of the source the edit keeps, and for how long."""

    edit: Literal["auto", "replace", "refine"] = Field(
        default="auto",
        description="Swap words one for one, or align the prompts and keep what they share. "
        "'auto' swaps when the prompts differ only in words put in the place of others.",
    )
    tau_v: Window = Field(
        default=0.5,
        description="While in this part of the run the values of the target are scaled and shifted as a "
        "`stylediffusion` inversion learned for the source; without one it changes nothing.",
    )
    tau_c: Windows = Field(
        default=0.2,
        description="Until which fraction of the run the source's cross-attention is kept: "
        "one number, a [start, stop], or one of these per word with 'default' for the others.",
        examples=[0.4, {"default": 0.8, "dog": [0.0, 0.3]}],
    )
    tau_s: Window = Field(
        default=0.8, description="While in this part of the run the source's self-attention is kept."
    )
    value_prompt: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None,
        description="What the values of cross-attention, which carry the appearance, are read from instead "
        "of the target prompt, which goes on to say where things are.",
        examples=["a watercolour of a cat on grass"],
    )
    reweight: dict[Word, Annotated[float, Field(ge=-100, le=100)]] = Field(
        default_factory=dict,
        max_length=32,
        description="A factor for the attention paid to a word; below zero pushes the word away.",
        examples=[{"grass": 2.0}],
    )
    blend_words: Words | Literal["changed"] | None = Field(
        default=None,
        description="Only where these words attend may the picture change; 'changed' takes the words "
        "that differ between the prompts. The answer then has a mask.",
        examples=[["cat", "dog"], "changed"],
    )
    subtract_words: Words = Field(
        default_factory=list, description="Where these words attend the picture is kept after all."
    )
    blend_threshold: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="The part of the strongest attention from which on a place counts as the word; "
        "null is what suits the model.",
    )
    blend_start: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.2, description="The fraction of the run after which the mask is applied."
    )
    blend_in: Literal["latent", "picture"] = Field(
        default="picture",
        description="Whether the mask is applied to the latents alone, as published, or to the picture too, "
        "so that nothing outside of it changes by a single value.",
    )


class P2PlusParams(P2PParams):
    """P2Plus: Prompt-to-Prompt that can keep the source's self-attention in the unconditional branch too."""

    tau_s: Window = Field(
        default=0.6, description="While in this part of the run the source's self-attention is kept."
    )
    tau_u: Window = Field(
        default=0.0,
        description="While in this part of the run the source's self-attention is kept in the unconditional "
        "branch; 0.5 suits large changes of structure.",
    )


InverterName = Literal["ddim", "direct", "stylediffusion", "stylediffusion-faithful"]
MethodName = Literal["p2p", "p2plus"]
InverterParams = DDIMParams | DirectParams | StyleDiffusionParams | FaithfulStyleDiffusionParams
MethodParams = P2PParams | P2PlusParams

INVERTERS: Final[dict[str, type[Request]]] = {
    "ddim": DDIMParams,
    "direct": DirectParams,
    "stylediffusion": StyleDiffusionParams,
    "stylediffusion-faithful": FaithfulStyleDiffusionParams,
}
METHODS: Final[dict[str, type[EditParams]]] = {"p2p": P2PParams, "p2plus": P2PlusParams}


def chosen_by_method(registry: dict[str, Any]) -> WrapValidator:
    """Validate `params` by the model that the sibling field `method` names.

    Read strictly where they come as JSON: in a JSON document, or as its text in a field of a form.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> BaseModel:
        model: type[BaseModel] | None = registry.get(info.data.get("method", ""))
        if model is None or type(value) is model:
            return handler(value)  # type: ignore[no-any-return]
        given = value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value
        if isinstance(given, str) and info.mode == "python":
            return model.model_validate_json(given, strict=True)
        if info.mode == "json":
            return model.model_validate_json(json.dumps(given), strict=True)
        return model.model_validate(given)

    return WrapValidator(validate)
