"""Pictures that the model is to paint itself."""

from dataclasses import replace

from api_schemas import Accepted, ErrorCode, GenerateRequest, ModelInfo
from service import knowing
from service.checks import check_inversion
from service.errors import RETRY_AFTER_S, ServiceError
from service.submit import accepted, making, model_of
from store import Ask, Store, Submission, painted_id


def submit_generate(store: Store, request: GenerateRequest, ask: Ask) -> Accepted:
    """Queue a painting, join the one that is under way, or answer from the finished one.

    Raises ServiceError: unknown_model, invalid_parameter, prompt_too_long, insufficient_storage, queue_full;
    overloaded while no worker says what the request leaves to its model.
    """
    name, told = model_of(store, request.model)
    request = request.model_copy(update={"model": name, **_usual(request, told)})
    options = request.options
    check_inversion(options, None if told is None else told.token_limit)
    if told is not None:
        _check_sides(request, told)
    ask = replace(ask, warnings=tuple(knowing.doubts(told, [request.prompt, request.negative_prompt])))
    image = painted_id(options, ask.tenant)
    width, height = request.width or 0, request.height or 0

    def queue() -> Submission:
        return store.jobs.submit_invert(
            image, options, model=name, width=width, height=height, ask=ask, request=request
        )

    return accepted(making(store, image, options, queue), ask.warnings)


def _usual(request: GenerateRequest, told: ModelInfo | None) -> dict[str, float]:
    """What the request leaves to the model: filled in, so that equal pictures have equal ids."""
    missing = [name for name in ("width", "height", "guidance_scale") if getattr(request, name) is None]
    if told is None and missing:
        raise ServiceError(
            ErrorCode.OVERLOADED,
            f"No worker serves the model yet: try again, or give {', '.join(missing)} too.",
            {"Retry-After": str(RETRY_AFTER_S)},
        )
    if told is None:
        return {}
    usual = {"width": told.size, "height": told.size, "guidance_scale": told.guidance_scale}
    return {name: usual[name] for name in missing}


def _check_sides(request: GenerateRequest, told: ModelInfo) -> None:
    for name, side in (("width", request.width), ("height", request.height)):
        if side is not None and side % told.stride:
            expected = f"a multiple of {told.stride} pixels"
            raise ServiceError(
                ErrorCode.INVALID_PARAMETER,
                f"{name} is {side}; '{told.name}' paints {expected}.",
                parameter=name,
                value=side,
                expected=expected,
            )
