"""Pictures in the format that a client asks for; only PNG is stored."""

from typing import Any, Final

from api_schemas import OutputFormat
from store.keys import SUFFIXES

MEDIA_TYPES: Final = {form: f"image/{form.value}" for form in OutputFormat}
BYTES: Final = "application/octet-stream"
QUALITY: Final = 90

_BY_SUFFIX = {suffix: form for form, suffix in SUFFIXES.items()}


def named(file: str) -> tuple[str, OutputFormat | None]:
    """The name of a file without its suffix, and the format that the suffix stands for, if it has one."""
    stem, _, suffix = file.partition(".")
    return stem, _BY_SUFFIX.get(suffix)


def accepted(accept: str) -> OutputFormat:
    """The format that an `Accept` header likes best; PNG where it leaves the choice or likes none."""
    best = max(OutputFormat, key=lambda form: _liking(accept, MEDIA_TYPES[form]))
    return best if _liking(accept, MEDIA_TYPES[best]) > 0 else OutputFormat.PNG


def media_type(form: OutputFormat, accept: str) -> str:
    """What to call a picture in this format: its type, or plain bytes where `accept` names only those.

    Clients that were generated from the OpenAPI description often know no types of pictures.
    """
    return BYTES if accept.partition(";")[0].strip().lower() == BYTES else MEDIA_TYPES[form]


def content(*forms: OutputFormat) -> dict[str, dict[str, Any]]:
    """The `content` of an answer that is a picture in one of these formats, for the OpenAPI description."""
    schema = {"type": "string", "format": "binary"}
    return {name: {"schema": schema} for name in (*(MEDIA_TYPES[form] for form in forms), BYTES)}


def _liking(accept: str, media_type: str) -> float:
    """The weight of the most specific range that covers the media type, as RFC 9110 has it."""
    ranges = dict(_range(part) for part in accept.split(","))
    covering = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((ranges[name] for name in covering if name in ranges), 0.0)


def _range(part: str) -> tuple[str, float]:
    name, *params = (piece.strip().lower() for piece in part.split(";"))
    weight = next((param[2:] for param in params if param.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
