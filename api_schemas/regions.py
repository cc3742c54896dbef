"""A part of a picture: where it begins and how large it is, in the pixels of the upright image."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, WithJsonSchema

SMALLEST_REGION: Final = 16
LONGEST_REGION: Final = 2
AUTO: Final = "auto"
_EXAMPLE: Final = [120, 80, 256, 256]
_FORM: Final = f"give four whole numbers [x, y, width, height] in pixels of the image, such as {_EXAMPLE}"


def _read(value: Any) -> tuple[int, int, int, int]:
    if not isinstance(value, list | tuple) or len(value) != 4 or any(type(each) is not int for each in value):
        raise ValueError(_FORM)
    x, y, width, height = value
    if min(x, y) < 0:
        raise ValueError(f"give a region that begins within the image, at [0, 0] or later, not at [{x}, {y}]")
    if min(width, height) < SMALLEST_REGION:
        raise ValueError(
            f"give a region of at least {SMALLEST_REGION} pixels each way, not {width}x{height}; the model "
            "sees most of one of its own size or larger"
        )
    if max(width, height) > LONGEST_REGION * min(width, height):
        raise ValueError(
            f"give a region with one side at most {LONGEST_REGION} times the other, not {width}x{height}"
        )
    return x, y, width, height


def _read_choice(value: Any) -> tuple[int, int, int, int] | Literal["auto"]:
    if isinstance(value, str):
        if value == AUTO:
            return "auto"
        raise ValueError(f"{_FORM}, or '{AUTO}'")
    return _read(value)


_NUMBERS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 4,
    "maxItems": 4,
}
Region = Annotated[tuple[int, int, int, int], BeforeValidator(_read), WithJsonSchema(_NUMBERS)]
RegionChoice = Annotated[
    tuple[int, int, int, int] | Literal["auto"],
    BeforeValidator(_read_choice),
    WithJsonSchema({"anyOf": [_NUMBERS, {"type": "string", "enum": [AUTO]}]}),
]
