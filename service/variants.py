"""Requests in the OpenAPI description as one schema per method, so that a generated client is typed."""

from collections.abc import Mapping
from typing import Any

from parameters import Parameters

Json = dict[str, Any]


def by_method(
    schemas: dict[str, Json], name: str, registry: Mapping[str, type[Parameters]], usual: str, ref: str
) -> None:
    """Replace the schema of this name by a union of schemas, told apart by the value of `method`.

    Each has the fields of the request, with `params` of its method alone; the usual `method` may be left out.
    `ref` is the template of references, with `{model}`.
    """
    whole = schemas[name]
    mapping: dict[str, str] = {}
    for method, params in registry.items():
        variant = f"{name}{params.__name__}"
        mapping[method] = ref.format(model=variant)
        schemas[variant] = _variant(
            whole, variant, method, ref.format(model=params.__name__), method == usual
        )
    kept: Json = {key: whole[key] for key in ("title", "description", "examples") if key in whole}
    schemas[name] = {
        **kept,
        "oneOf": [{"$ref": target} for target in mapping.values()],
        "discriminator": {"propertyName": "method", "mapping": mapping},
    }


def _variant(whole: Json, title: str, method: str, params: str, usual: bool) -> Json:
    fields = whole["properties"]
    named: Json = {"type": "string", "const": method, "description": fields["method"]["description"]}
    if usual:
        named["default"] = method
    own = {"method": named, "params": {"$ref": params, "description": fields["params"]["description"]}}
    required = whole.get("required", [])
    return {
        **{key: value for key, value in whole.items() if key != "examples"},
        "title": title,
        "properties": {**fields, **own},
        "required": required if usual else [*required, "method"],
    }
