"""Rules about an edit, the inversion it starts from and the model that makes both."""

from collections.abc import Collection, Iterator
from typing import Final

from parameters.base import EditParameters, InversionParameters
from parameters.demands import NEGATIVE_PROMPT, Demand, meet
from parameters.errors import Incompatible, InvalidParameter
from parameters.registry import EDITS, for_pictures

_LONGEST: Final = 2
_LARGEST: Final = 4


def compatible(edit: type[EditParameters], inversion: type[InversionParameters]) -> None:
    """Raise `Incompatible` if the edit needs what the inversion does not give."""
    if missing := edit.needs - inversion.gives:
        suitable = [name for name, other in for_pictures().items() if edit.needs <= other.gives]
        raise Incompatible(edit.name, inversion.name, missing, suitable)


def check_supported(
    asked: EditParameters | InversionParameters,
    model: str,
    offers: Collection[str],
    negative_prompt: str | None = None,
) -> None:
    """Raise `UnsupportedByModel` if an inversion or an edit needs what the model of this name lacks."""
    also = () if negative_prompt is None else (NEGATIVE_PROMPT,)
    meet((*demands(asked, offers), *also), model, offers)


def demands(asked: EditParameters | InversionParameters, offers: Collection[str]) -> Iterator[Demand]:
    """The demands of an inversion or an edit on a model, first that of its method.

    What the method's says would do instead are those that a model with these `offers` can do.
    """
    able = ", ".join(_in_place_of(asked, offers))
    instead = f"name one of these methods: {able}" if able else "another model may have it"
    yield Demand("method", asked.name, asked.needs_of_model, instead)
    yield from asked.demands()


def _in_place_of(asked: EditParameters | InversionParameters, offers: Collection[str]) -> list[str]:
    """The methods that these offers suffice for and that need no more of an inversion, or give as much."""
    if isinstance(asked, EditParameters):
        return [
            name
            for name, edit in EDITS.items()
            if edit.needs <= asked.needs and edit.needs_of_model <= set(offers)
        ]
    return [
        name
        for name, inversion in for_pictures().items()
        if inversion.gives >= asked.gives and inversion.needs_of_model <= set(offers)
    ]


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
