"""Parameters of every inversion and edit method, under the names the engine uses."""

import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, ValidatorFunctionWrapHandler, model_validator
from pydantic.functional_validators import WrapValidator

from api_schemas.base import Request

Fraction = Annotated[float, Field(ge=0, le=1)]
Span = Annotated[tuple[Fraction, Fraction], Field(description="From and up to, as fractions of the run.")]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[list[Word], Field(max_length=32)]
Windows = Annotated[dict[Word, Fraction | Span], Field(max_length=33)]


class DDIMParams(Request):
    """DDIM inversion takes no parameters beyond the number of steps."""


class DirectParams(Request):
    """Direct inversion takes no parameters beyond the number of steps."""


class P2PParams(Request):
    """Prompt-to-Prompt: which attention of the source the edit keeps, and for how long."""

    edit: Literal["auto", "replace", "refine"] = Field(
        default="auto",
        description="Swap words one for one, or align the prompts and keep what they share. "
        "'auto' swaps when the prompts differ only in words put in the place of others.",
    )
    tau_c: Fraction | Span | Windows = Field(
        default=0.4,
        description="Until which fraction of the run the source's cross-attention is kept: "
        "one number, a [start, stop], or one of these per word with 'default' for the others.",
        examples=[0.4, {"default": 0.8, "dog": [0.0, 0.3]}],
    )
    tau_s: Fraction | Span = Field(
        default=0.6, description="While in this part of the run the source's self-attention is kept."
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
    blend_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3,
        description="The part of the strongest attention from which on a place counts as the word.",
    )
    blend_start: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.2, description="The fraction of the run after which the mask is applied."
    )

    @model_validator(mode="after")
    def _spans_run_forward(self) -> Self:
        spans = list(self.tau_c.values()) if isinstance(self.tau_c, dict) else [self.tau_c]
        for span in [*spans, self.tau_s]:
            if isinstance(span, tuple) and span[0] > span[1]:
                raise ValueError(f"a span runs from the smaller to the larger fraction, not {list(span)}")
        return self


InverterName = Literal["ddim", "direct"]
MethodName = Literal["p2p"]
InverterParams = DDIMParams | DirectParams
MethodParams = P2PParams

INVERTERS: Final[dict[str, type[DDIMParams] | type[DirectParams]]] = {
    "ddim": DDIMParams,
    "direct": DirectParams,
}
METHODS: Final[dict[str, type[P2PParams]]] = {"p2p": P2PParams}


def chosen_by_method(registry: dict[str, Any]) -> WrapValidator:
    """Validate `params` by the model that the sibling field `method` names.

    Read strictly where they come as JSON: in a JSON document, or as its text in a field of a form.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> BaseModel:
        model: type[BaseModel] | None = registry.get(info.data.get("method", ""))
        if model is None or isinstance(value, model):
            return handler(value)  # type: ignore[no-any-return]
        given = value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value
        if isinstance(given, str) and info.mode == "python":
            return model.model_validate_json(given, strict=True)
        if info.mode == "json":
            return model.model_validate_json(json.dumps(given), strict=True)
        return model.model_validate(given)

    return WrapValidator(validate)
