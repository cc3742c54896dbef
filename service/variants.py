"""Requests in the OpenAPI description as one schema per method, so that a generated client is typed."""

from collections.abc import Mapping
from typing import Any

from parameters import AUTO, Parameters

Json = dict[str, Any]


def by_method(
    schemas: dict[str, Json], name: str, registry: Mapping[str, type[Parameters]], usual: str, ref: str
) -> None:
    """Replace the schema of this name by a union of schemas, discriminated by `method`.

    Each has the fields of the request, with `params` of its method alone, or with any for `auto`, since they
    select a method; the usual `method` may be left out. `ref` is the template of references, with `{model}`.
    """
    whole = schemas[name]
    mapping: dict[str, str] = {}
    for method, params in registry.items():
        variant = f"{name}{params.__name__}"
        mapping[method] = ref.format(model=variant)
        of = registry.values() if method == AUTO else [params]
        refs = [{"$ref": ref.format(model=each.__name__)} for each in of]
        schemas[variant] = _variant(whole, variant, method, refs, method == usual)
    kept: Json = {key: whole[key] for key in ("title", "description", "examples") if key in whole}
    schemas[name] = {
        **kept,
        "oneOf": [{"$ref": target} for target in mapping.values()],
        "discriminator": {"propertyName": "method", "mapping": mapping},
    }


def _variant(whole: Json, title: str, method: str, params: list[Json], usual: bool) -> Json:
    fields = whole["properties"]
    named: Json = {"type": "string", "const": method, "description": fields["method"]["description"]}
    if usual:
        named["default"] = method
    form = params[0] if len(params) == 1 else {"anyOf": params}
    own = {"method": named, "params": {**form, "description": fields["params"]["description"]}}
    required = whole.get("required", [])
    return {
        **{key: value for key, value in whole.items() if key != "examples"},
        "title": title,
        "properties": {**fields, **own},
        "required": required if usual else [*required, "method"],
    }
