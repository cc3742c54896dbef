"""Pictures that the model is to paint itself."""

from dataclasses import replace

from api_schemas import Accepted, GenerateRequest
from parameters import check_sides
from service import knowing
from service.answers import accepted, loading
from service.checks import as_answers, check_inversion
from service.inverting import making
from service.models import Meant, meant
from store import Ask, Store, Submission, painted_id


def submit_generate(store: Store, request: GenerateRequest, ask: Ask) -> Accepted:
    """Queue a painting, join the one that is under way, or answer from the finished one.

    Raises ServiceError: unknown_model, unsupported_by_model, invalid_parameter, prompt_too_long,
    insufficient_storage, queue_full; model_loading while no worker says what the request leaves to its model.
    """
    model = meant(store, request.model)
    request = request.model_copy(update={"model": model.name, **_defaults(request, model)})
    options = request.options
    check_inversion(options, model.info)
    width, height = request.width, request.height
    assert width is not None
    assert height is not None
    if model.info is not None:
        with as_answers():
            check_sides(width, height, size=model.info.size, stride=model.info.stride)
    ask = replace(ask, warnings=tuple(knowing.doubts(model.info, [request.prompt, request.negative_prompt])))
    image = painted_id(options, ask.tenant)

    def queue() -> Submission:
        return store.jobs.submit_invert(
            image, options, model=model.name, width=width, height=height, ask=ask, request=request
        )

    return accepted(making(store, image, options, queue), ask.warnings)


def _defaults(request: GenerateRequest, model: Meant) -> dict[str, float]:
    """What the request leaves to the model: filled in, so that equal pictures have equal ids."""
    missing = [name for name in ("width", "height", "guidance_scale") if getattr(request, name) is None]
    if model.info is not None:
        info = model.info
        defaults = {"width": info.size, "height": info.size, "guidance_scale": info.guidance_scale}
        return {name: defaults[name] for name in missing}
    if missing:
        raise loading(f"Try again, or give {', '.join(missing)} too.")
    return {}
