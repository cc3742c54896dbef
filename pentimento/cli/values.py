"""Values on the command line, and what they mean on the wire."""

import json
import re
from collections.abc import Sequence
from typing import Any

import typer

_LEADING_POINT = re.compile(r"^(-?)\.(?=\d+$)")


def build_params(
    *,
    tau_c: Sequence[str] = (),
    tau_s: str | None = None,
    tau_v: str | None = None,
    tau_u: str | None = None,
    value_prompt: str | None = None,
    attention: bool = False,
    reweight: Sequence[str] = (),
    blend: Sequence[str] = (),
    subtract: Sequence[str] = (),
    param: Sequence[str] = (),
) -> dict[str, Any]:
    """The `params` of an edit; only what was given is in it.

    Raises typer.BadParameter.
    """
    params: dict[str, Any] = {}
    if tau_c:
        params["tau_c"] = _tau_c(tau_c)
    for name, given in (("tau_s", tau_s), ("tau_v", tau_v), ("tau_u", tau_u)):
        if given is not None:
            params[name] = _span(f"--{name.replace('_', '-')}", given)
    if value_prompt is not None:
        params["value_prompt"] = value_prompt
    if attention:
        params["attention"] = True
    if reweight:
        params["reweight"] = dict(_weight(text) for text in reweight)
    if blend:
        params["blend_words"] = "changed" if list(blend) == ["changed"] else list(blend)
    if subtract:
        params["subtract_words"] = list(subtract)
    params.update(extra_params(param))
    return params


def extra_params(param: Sequence[str]) -> dict[str, Any]:
    """The values of `--param KEY=JSON`; what is not JSON is taken as text, but .5 as people mean it."""
    params: dict[str, Any] = {}
    for text in param:
        key, value = _split("--param", text)
        try:
            params[key] = json.loads(_LEADING_POINT.sub(r"\g<1>0.", value))
        except ValueError:
            params[key] = value
    return params


def _tau_c(given: Sequence[str]) -> Any:
    by_word = dict(_split("--tau-c", text) for text in given if "=" in text)
    plain = [text for text in given if "=" not in text]
    if len(plain) > 1:
        raise typer.BadParameter(f"--tau-c: more than one value for all words: {', '.join(plain)}")
    if not by_word:
        return _fraction("--tau-c", plain[0])
    windows = {word: _span("--tau-c", value) for word, value in by_word.items()}
    return {"default": _fraction("--tau-c", plain[0]), **windows} if plain else windows


def _span(option: str, text: str) -> float | list[float]:
    start, colon, stop = text.partition(":")
    return [_fraction(option, start), _fraction(option, stop)] if colon else _fraction(option, text)


def _fraction(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option}: '{text}' is no number; give 0.6, or 0.1:0.6 for a span"
        ) from None


def _weight(text: str) -> tuple[str, float]:
    word, value = _split("--reweight", text)
    try:
        return word, float(value)
    except ValueError:
        raise typer.BadParameter(f"--reweight: '{value}' is no number; give {word}=2 or {word}=-1") from None


def _split(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"{option}: '{text}' has no form NAME=VALUE")
    return name, value
