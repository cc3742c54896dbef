"""Rules about an edit and the inversion it starts from."""

from typing import Final

from parameters.base import EditParameters, InversionParameters
from parameters.errors import Incompatible, InvalidParameter
from parameters.registry import for_pictures

_LONGEST: Final = 2
_LARGEST: Final = 4


def compatible(edit: type[EditParameters], inversion: type[InversionParameters]) -> None:
    """Raise `Incompatible` if the edit needs what the inversion does not give."""
    if missing := edit.needs - inversion.gives:
        suitable = [name for name, other in for_pictures().items() if edit.needs <= other.gives]
        raise Incompatible(edit.name, inversion.name, missing, suitable)


def check_guided(
    edit: type[EditParameters], guidance_scale: float | None, negative_prompt: str | None
) -> None:
    """Raise `InvalidParameter` where guidance is asked of a method that has none."""
    for name, value in (("guidance_scale", guidance_scale), ("negative_prompt", negative_prompt)):
        if value is not None and not edit.guided:
            raise InvalidParameter(name, value, f"none, since {edit.name} has no classifier-free guidance")


def check_proximal(edit: EditParameters, guidance_scale: float | None) -> None:
    """Raise `InvalidParameter` where `proximal` has no guidance to act on.

    `guidance_scale` is that of the edit, None if it is not known yet.
    """
    if edit.proximal is None:
        return
    if not edit.guided:
        reason = f"{edit.name} has no classifier-free guidance"
    elif guidance_scale == 1:
        reason = "at guidance scale 1 there is no guidance that it could act on"
    else:
        return
    raise InvalidParameter("proximal", edit.proximal, f"none, since {reason}")


def check_negative_prompt(
    negative_prompt: str | None, inversion: type[InversionParameters], guidance_scale: float | None
) -> None:
    """Raise `InvalidParameter` where nothing would read a negative prompt.

    `guidance_scale` is that of the edit, None if it is not known yet.
    """
    if negative_prompt is None:
        return
    if inversion.takes_uncond:
        reason = f"{inversion.name} has an unconditional prompt of its own"
    elif guidance_scale == 1:
        reason = "at guidance scale 1 only the target prompt is read"
    else:
        return
    raise InvalidParameter("negative_prompt", negative_prompt, f"none, since {reason}")


def check_sides(width: int, height: int, *, size: int, stride: int) -> None:
    """Raise `InvalidParameter` for a picture that a model of this size, in pixels, cannot paint.

    Both sides are multiples of its stride; one is at most twice the other, as of pictures that are sent; and
    the area is at most four times the model's own, beyond which attention grows without bound and what is
    painted repeats itself.
    """
    for name, side, other in (("width", width, height), ("height", height, width)):
        if side % stride:
            raise InvalidParameter(name, side, f"a multiple of {stride} pixels")
        if side > _LONGEST * other:
            raise InvalidParameter(name, side, f"at most {_LONGEST} times the other side, which is {other}")
        if side * other > _LARGEST * size * size and side >= other:
            area = f"{_LARGEST} times the area of the model's own {size}x{size}"
            raise InvalidParameter(name, side, f"at most {_LARGEST * size * size // other}, for {area}")
