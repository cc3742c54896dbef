"""Values on the command line, and what they mean on the wire; all raise typer.BadParameter."""

import json
import re
from collections.abc import Sequence
from typing import Any

import typer

_LEADING_POINT = re.compile(r"^(-?)\.(?=\d+$)")


def extra_params(param: Sequence[str], option: str = "--param") -> dict[str, Any]:
    """The values of `--param KEY=JSON`; what is not JSON is taken as text, but .5 as people mean it."""
    params: dict[str, Any] = {}
    for text in param:
        key, value = _split(option, text)
        try:
            params[key] = json.loads(_LEADING_POINT.sub(r"\g<1>0.", value))
        except ValueError:
            params[key] = value
    return params


def region(text: str | None) -> list[int] | str | None:
    """`--region X,Y,WIDTH,HEIGHT`, or auto."""
    if text is None or text == "auto":
        return text
    try:
        return [int(part) for part in text.strip("[]").split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"--region: '{text}' is no region; give auto, or X,Y,WIDTH,HEIGHT in pixels: 120,80,256,256"
        ) from None


def windows(option: str, given: Sequence[str]) -> Any:
    """A window for all words, or one by word: `0.8 dog=0.1:0.3`."""
    by_word = dict(_split(option, text) for text in given if "=" in text)
    plain = [text for text in given if "=" not in text]
    if len(plain) > 1:
        raise typer.BadParameter(f"{option}: more than one value for all words: {', '.join(plain)}")
    every = [window((), option, text) for text in plain]
    if not by_word:
        return every[0]
    parts = {word: window((), option, text) for word, text in by_word.items()}
    return {"default": every[0], **parts} if every else parts


def window(names: Sequence[str], option: str, text: str) -> float | list[float] | str:
    """A fraction, a span of two, or one of these names of other windows."""
    if text in names:
        return text
    start, colon, stop = text.partition(":")
    return [_fraction(option, start), _fraction(option, stop)] if colon else _fraction(option, text)


def words(names: Sequence[str], option: str, given: Sequence[str]) -> str | list[str]:
    """Words, or one of these names of a choice of words."""
    return given[0] if len(given) == 1 and given[0] in names else list(given)


def weights(option: str, given: Sequence[str]) -> dict[str, float]:
    """Factors by word: `grass=2`."""
    return dict(_weight(option, text) for text in given)


def _fraction(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(
            f"{option}: '{text}' is no number; give 0.6, or 0.1:0.6 for a span"
        ) from None


def _weight(option: str, text: str) -> tuple[str, float]:
    word, value = _split(option, text)
    try:
        return word, float(value)
    except ValueError:
        raise typer.BadParameter(f"{option}: '{value}' is no number; give {word}=2 or {word}=-1") from None


def _split(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter(f"{option}: '{text}' has no form NAME=VALUE")
    return name, value
