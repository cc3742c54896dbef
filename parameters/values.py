"""Parameters from plain values, and plain values from parameters."""

import json
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from parameters.base import Parameters
from parameters.errors import InvalidParameter
from parameters.fields import CHANGED, TAGS, WINDOW

Some = TypeVar("Some", bound=Parameters)


def build(cls: type[Some], values: Mapping[str, Any] | None = None) -> Some:
    """The parameters with these values, read strictly: no text for a number, no number for true.

    Raises:
        InvalidParameter: the first value that is not as it should be, by its dotted name.
    """
    try:
        text = json.dumps({} if values is None else dict(values), default=_plain)
    except (TypeError, ValueError) as error:
        raise InvalidParameter("params", values, f"values as JSON has them ({error})") from error
    try:
        return cls.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _invalid(cls, error.errors()[0]) from error


def resolved(params: Some, model_defaults: Mapping[str, Any]) -> Some:
    """The parameters with every None filled that the model or, failing it, the paper has a value for.

    Values by word without a 'default' get that one.
    """
    filled: dict[str, Any] = {}
    for name in type(params).model_fields:
        default = model_defaults.get(name, params.published.get(name))
        value = getattr(params, name)
        if default is None:
            continue
        if value is None:
            filled[name] = default
        elif isinstance(value, Mapping):
            by_word = default if isinstance(default, Mapping) else {"default": default}
            filled[name] = {**by_word, **value}
    return build(type(params), {**params.model_dump(mode="json"), **filled}) if filled else params


def preset(params: Some) -> Some:
    """The published settings of the method; what was given in `params` wins."""
    fields = type(params).model_fields
    published = {name: value for name, value in params.published.items() if name in fields}
    given = params.model_dump(mode="json", exclude_unset=True)
    return build(type(params), {**published, **given})


def changed_from_defaults(params: Parameters) -> dict[str, Any]:
    """The values that differ from their defaults, ready for JSON; they identify a request."""
    values = params.model_dump(mode="json")
    defaults = type(params)().model_dump(mode="json")
    return {name: value for name, value in values.items() if value != defaults[name]}


def _invalid(cls: type[Parameters], error: ErrorDetails) -> InvalidParameter:
    field, *deeper = (str(part) for part in error["loc"]) if error["loc"] else ("params",)
    tags = [part for part in deeper if part in TAGS]
    words = [part for part in deeper if part not in TAGS and not part.isdecimal()]
    name = ".".join([field, *words[:1]])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        expected = f"one of the parameters of {cls.name}: {', '.join(cls.model_fields) or 'it has none'}"
    elif error["type"] == "window" or {"number", "span"} & set(tags):
        expected = WINDOW
    elif CHANGED in tags:
        expected = f"a list of words, or '{CHANGED}'"
    else:
        expected = message.removeprefix("Input should be ").replace("String should have", "a text with")
    return InvalidParameter(name, error["input"], expected)


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Collection):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
