"""Which inversion of its image an edit means."""

import json
from typing import Any

from pydantic import ValidationError

from api_schemas import (
    AUTO,
    EditOptions,
    EditRequest,
    EditUpload,
    ErrorCode,
    Image,
    InversionChoice,
    InvertOptions,
)
from parameters import EDITS, INVERSIONS, USUAL
from service.errors import ServiceError, validation_problem


def chosen(image: Image, choice: InversionChoice | None, edit: EditOptions | None = None) -> InvertOptions:
    """The options of the inversion that an edit means, by the model of the image's own one.

    What the choice leaves out is as in the image's own inversion, or as usual where `auto` chose that one,
    but for the steps, which the preset of an edit sets, and parameters of another method than that one's,
    which are at their defaults. Raises ServiceError: validation_error.
    """
    choice = choice or InversionChoice()
    if INVERSIONS[choice.method or image.method].paints:
        return _painted(image, choice)
    free = any(each.own and each.chosen for each in image.inversions)
    usual, params = (USUAL, {}) if free else (image.method, image.params)
    method = choice.method or usual
    preset = None if edit is None else _published_steps(edit, method)
    asked: dict[str, Any] = {
        "prompt": image.prompt if choice.prompt is None else choice.prompt,
        "method": method,
        "steps": choice.steps or preset or image.steps,
        "params": (params if method == usual else {}) | (choice.params or {}),
        "model": image.model,
    }
    try:
        return InvertOptions.model_validate_json(json.dumps(asked), strict=True)
    except ValidationError as error:
        found = [{**each, "loc": ("inversion", *each["loc"])} for each in error.errors()]
        raise ServiceError.of(validation_problem(found)) from None


def _painted(image: Image, choice: InversionChoice) -> InvertOptions:
    """How the image was painted, which no edit can have otherwise; raises ServiceError: invalid_parameter."""
    own = {"prompt": image.prompt, "method": image.method, "steps": image.steps, "params": image.params}
    asked = choice.model_dump(mode="json", exclude_none=True)
    params = asked.pop("params", {})
    if any(own[name] != value for name, value in asked.items()) or any(
        image.params.get(name) != value for name, value in params.items()
    ):
        detail = (
            "inversion: 'painted' is how POST /generate made a picture, and cannot be changed or asked of "
            "another picture. Name another method, or none."
        )
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER, detail, parameter="inversion", expected="another method, or none"
        )
    return InvertOptions.model_validate_json(json.dumps({**own, "model": image.model}), strict=True)


def described(asked: EditUpload, model: str) -> InvertOptions:
    """The options of the inversion of a picture that comes with its edit, all defaults filled in.

    Raises ServiceError: validation_error.
    """
    choice = asked.inversion or InversionChoice()
    given = choice.model_dump(mode="json", exclude_none=True)
    method = choice.method or InvertOptions.model_fields["method"].default
    if not choice.steps and (steps := _published_steps(asked, method)):
        given["steps"] = steps
    try:
        return InvertOptions.model_validate_json(
            json.dumps({**given, "prompt": asked.source_prompt, "model": model, "fit": asked.fit}),
            strict=True,
        )
    except ValidationError as error:
        found = [{**each, "loc": ("inversion", *each["loc"])} for each in error.errors()]
        raise ServiceError.of(validation_problem(found)) from None


def _published_steps(edit: EditOptions, inversion: str) -> int | None:
    """The steps of a preset: those of the edit method's paper, or else of the inversion's."""
    if edit.preset is None:
        return None
    for registry, name in ((EDITS, edit.method), (INVERSIONS, inversion)):
        if name in registry and "steps" in registry[name].published:
            return int(registry[name].published["steps"])
    return None


def pinned(request: EditRequest, inversion: InvertOptions) -> EditRequest:
    """The request with its inversion and region named in full, so that no later one is taken for it."""
    choice = InversionChoice(
        method=inversion.method,
        steps=inversion.steps,
        prompt=inversion.prompt,
        params=inversion.params.model_dump(mode="json"),
    )
    region = request.region if request.region == AUTO else inversion.region
    return request.model_copy(update={"inversion": choice, "region": region})


def of_region(inversion: InvertOptions, region: Any, size: tuple[int, int]) -> InvertOptions:
    """The options of the inversion of a region of an image of this size; all of it and 'auto' are no region.

    Raises ServiceError: invalid_parameter, for a region that is not within the image.
    """
    if region is not None and INVERSIONS[inversion.method].paints:
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            'region: a painted picture has the size of the model. Leave region out, or let "inversion" name '
            '{"method": "direct"}.',
            parameter="region",
            value=region,
        )
    if region is None or region == AUTO:
        return inversion.model_copy(update={"region": None})
    x, y, width, height = region
    if x + width > size[0] or y + height > size[1]:
        expected = f"[x, y, width, height] with x + width up to {size[0]} and y + height up to {size[1]}"
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            f"region: {list(region)} reaches to [{x + width}, {y + height}], and the image is "
            f"{size[0]}x{size[1]}; give {expected}.",
            parameter="region",
            value=list(region),
        )
    whole = (width, height) == size
    return inversion.model_copy(update={"region": None if whole else tuple(region)})
