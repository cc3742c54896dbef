"""Options for the parameters of methods, drawn from the models in `parameters`."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial, wraps
from typing import Any, Final, Literal

import typer

from parameters import Parameters
from pentimento.cli import values

Schema = Mapping[str, Any]
Read = Callable[[str, Any], Any]

_SHORT: Final = {"blend_words": "--blend", "subtract_words": "--subtract"}


def with_parameters(
    registry: Mapping[str, type[Parameters]],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every parameter of the methods; it gets those given as `params`.

    Parameters of which the command has an option of its own are left to it.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [each for each in inspect.signature(command).parameters.values() if each.name != "params"]
        taken = {each.name for each in own}
        fields = {name: field for name, field in _fields(registry).items() if name not in taken}
        forms = {name: _form(schema) for name, (schema, _) in fields.items()}

        @wraps(command)
        def asked(**given: Any) -> None:
            raw = {name: given.pop(name) for name in fields}
            params = {
                name: forms[name][1](option_of(name), value)
                for name, value in raw.items()
                if value is not None and value != []
            }
            command(params=params, **given)

        drawn = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_option(name, schema, [] if len(methods) == len(registry) else methods),
                annotation=forms[name][0],
            )
            for name, (schema, methods) in fields.items()
        ]
        asked.__signature__ = inspect.Signature([*own, *drawn])  # type: ignore[attr-defined]
        asked.__annotations__ = {each.name: each.annotation for each in (*own, *drawn)}
        return asked

    return decorate


def option_of(name: str) -> str:
    """The option of a parameter, by which errors name it."""
    return _SHORT.get(name, f"--{name.replace('_', '-')}")


def _fields(registry: Mapping[str, type[Parameters]]) -> dict[str, tuple[Schema, list[str]]]:
    """Every parameter's schema, and the methods that have it."""
    found: dict[str, tuple[Schema, list[str]]] = {}
    for method in registry.values():
        for name, schema in method.model_json_schema()["properties"].items():
            found.setdefault(name, (schema, []))[1].append(method.name)
    return found


def _option(name: str, schema: Schema, methods: list[str]) -> Any:
    first = schema.get("description", name).split(". ")[0].rstrip(".")
    whose = f"{', '.join(methods)}: " if methods else ""
    long = f"--{name.replace('_', '-')}"
    on = f"{long}/--no-{long.removeprefix('--')}" if _of(schema, "boolean") else long
    short = [_SHORT[name]] if name in _SHORT else []
    return typer.Option(
        None,
        on,
        *short,
        help=f"{whose}{first}{_example(schema)}.",
        metavar=_metavar(schema),
        show_default=False,
    )


def _form(schema: Schema) -> tuple[Any, Read]:
    """The type of an option's value, and how the parameter's value is read from it."""
    names = [form["const"] for form in _forms(schema) if "const" in form]
    enums = [form["enum"] for form in _forms(schema) if "enum" in form]
    if _is_window(schema):
        by_word = _of(schema, "object") is not None
        return (list[str] | None, values.windows) if by_word else (str | None, partial(values.window, names))
    if enums:
        return Literal[tuple(enums[0])] | None, _as_is
    if _of(schema, "array"):
        return list[str] | None, partial(values.words, names)
    if _of(schema, "object"):
        return list[str] | None, values.weights
    plain = {"boolean": bool, "integer": int, "number": float}
    found = next((kind for name, kind in plain.items() if _of(schema, name)), str)
    return found | None, _as_is


def _metavar(schema: Schema) -> str | None:
    """What to write for the value, where its type alone does not say it."""
    if _is_window(schema):
        return "[WORD=]WINDOW" if _of(schema, "object") else "WINDOW"
    if _of(schema, "object"):
        return "WORD=NUMBER"
    return "WORD" if _of(schema, "array") else None


def _example(schema: Schema) -> str:
    if _is_window(schema):
        return ": 0.6 or 0.1:0.6, for one word dog=0:0.3" if _of(schema, "object") else ": 0.6 or 0.1:0.6"
    return ": grass=2" if _of(schema, "object") else ""


def _forms(schema: Schema) -> Iterator[Schema]:
    """The plain forms that a value may have."""
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives is None:
        yield schema
    for alternative in alternatives or ():
        yield from _forms(alternative)


def _of(schema: Schema, kind: str) -> Schema | None:
    return next((form for form in _forms(schema) if form.get("type") == kind), None)


def _is_window(schema: Schema) -> bool:
    return any("prefixItems" in form for form in _forms(schema))


def _as_is(_: str, value: Any) -> Any:
    return value
