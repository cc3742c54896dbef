"""The `params` of an inversion and of an edit: the models in `parameters`, chosen by the sibling `method`."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, Union

from pydantic import BaseModel, ValidationInfo, ValidatorFunctionWrapHandler
from pydantic.functional_validators import WrapValidator

from parameters import (
    AUTO,
    EDITS,
    INVERSIONS,
    P2P,
    Auto,
    EditParameters,
    InversionParameters,
    Parameters,
    preset,
)

Preset = Literal["published"]
CHOICES: Final[Mapping[str, type[EditParameters]]] = {AUTO: Auto, **EDITS}
"""The edit methods that requests can name, `auto` first."""

if TYPE_CHECKING:
    InversionName: TypeAlias = str
    EditName: TypeAlias = str
    InversionParams: TypeAlias = InversionParameters
    EditParams: TypeAlias = EditParameters
else:  # The registries know more than a type checker can: installed packages add to them.
    InversionName, EditName = Literal[tuple(INVERSIONS)], Literal[tuple(CHOICES)]
    InversionParams, EditParams = Union[tuple(INVERSIONS.values())], Union[tuple(CHOICES.values())]  # noqa: UP007


def chosen_by_method(registry: Mapping[str, type[Parameters]]) -> WrapValidator:
    """Validate `params` by the model that the sibling field `method` names, on top of the sibling `preset`.

    Read strictly where they come as JSON: in a JSON document, or as its text in a field of a form.
    """

    def validate(value: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        model = registry.get(info.data.get("method", ""))
        if model is None:
            return value  # `method` itself is refused
        params = value if type(value) is model else _read(model, value, info)
        return preset(params) if info.data.get("preset") else params

    return WrapValidator(validate)


def with_published(data: Any, registry: Mapping[str, type[Parameters]], usual: str, *names: str) -> Any:
    """The fields of a request with those of `names` that the method's paper gives, if `preset` asks for it.

    A field that was given wins; null counts as left out. `usual` is the method where none is named.
    """
    if not isinstance(data, dict) or data.get("preset") is None:
        return data
    method = data.get("method", usual)
    model = registry.get(method) if isinstance(method, str) else None
    published = {} if model is None else model.published
    return {
        **data,
        **{name: published[name] for name in names if name in published and data.get(name) is None},
    }


def with_method(data: Any) -> Any:
    """The fields of a request for an edit with the method that they select where they leave it to `auto`.

    Parameters that not all methods have select the first that has them all, and a preset Prompt-to-Prompt.
    """
    if not isinstance(data, dict) or data.get("method", AUTO) != AUTO:
        return data
    own = _names(data.get("params")) - set(EditParameters.model_fields)
    suited = [name for name, model in EDITS.items() if own <= set(model.model_fields)]
    nearly = [name for name, model in EDITS.items() if own & set(model.model_fields)]
    selected = [*suited, *nearly] if own else []
    usual = AUTO if data.get("preset") is None else P2P.name
    return {**data, "method": next(iter(selected), usual)}


def _names(params: Any) -> set[str]:
    """The names of parameters, in whatever form they come."""
    if isinstance(params, str):
        try:
            params = json.loads(params)
        except ValueError:
            return set()
    if isinstance(params, BaseModel):
        return set(params.model_fields_set)
    return set(params) if isinstance(params, Mapping) else set()


def _read(model: type[Parameters], value: Any, info: ValidationInfo) -> Parameters:
    given = value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value
    if isinstance(given, str) and info.mode == "python":
        return model.model_validate_json(given, strict=True)
    if info.mode == "json":
        return model.model_validate_json(json.dumps(given), strict=True)
    return model.model_validate(given)
