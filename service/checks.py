"""What can be known to be wrong with a request before it is queued."""

from collections.abc import Iterator
from contextlib import contextmanager

import parameters
from api_schemas import AUTO, EditOptions, ErrorCode, InvertOptions, ModelInfo, Problem
from parameters import (
    FOUND_REGION,
    INVERSIONS,
    EditParameters,
    InvalidParameter,
    InversionParameters,
    Painted,
    PentimentoError,
    PromptsDoNotAlign,
    UnsupportedByModel,
    for_pictures,
)
from parameters.inversions import PATH
from prompts import words
from service.errors import ServiceError

_MARKERS = 2


def check_length(prompt: str, token_limit: int, name: str = "prompt") -> None:
    """Raise prompt_too_long if the prompt has more words than tokens fit; a word is at least one token.

    `name` is what the request calls the prompt.
    """
    tokens = len(words(prompt)) + _MARKERS
    if tokens > token_limit:
        called = name.replace("_", " ")
        raise ServiceError(
            ErrorCode.PROMPT_TOO_LONG,
            f"The {called} has at least {tokens} tokens; the model takes {token_limit}. Shorten it.",
            parameter=name,
            tokens=tokens,
            limit=token_limit,
        )


def check_inversion(options: InvertOptions, model: ModelInfo | None, name: str = "prompt") -> None:
    """Raise ServiceError if the inversion can only fail; `name` is what the request calls its prompt.

    Codes: unsupported_by_model and prompt_too_long, which are not checked while no worker serves the model,
    and invalid_parameter.
    """
    if model is not None:
        try:
            check_supported(options.params, model)
        except UnsupportedByModel as error:
            parameter = error.parameter if name == "prompt" else f"inversion.{error.parameter}"
            raise ServiceError.of(Problem.of_error(error, parameter=parameter)) from None
        check_length(options.prompt, model.token_limit, name)
        if isinstance(options.params, Painted) and options.params.negative_prompt is not None:
            check_length(options.params.negative_prompt, model.token_limit, "negative_prompt")
    if INVERSIONS[options.method].needs_prompt and not words(options.prompt):
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            f"{name}: {options.method} works by the prompt, so it needs at least one word.",
            parameter=name,
            value=options.prompt,
        )


def check_supported(
    asked: EditParameters | InversionParameters, model: ModelInfo, negative_prompt: str | None = None
) -> None:
    """Raise `UnsupportedByModel` where a model lacks what this needs; not checked where it does not say."""
    if model.offers is not None:
        parameters.check_supported(asked, model.name, model.offers, negative_prompt)


def check_sendable(method: str, name: str = "method") -> None:
    """Raise ServiceError, invalid_parameter, if no picture can be sent to be inverted by this method."""
    if INVERSIONS[method].paints:
        able = ", ".join(for_pictures())
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            f"{name}: '{method}' is how POST /generate makes a picture; one that is sent is inverted by one "
            f"of: {able}.",
            parameter=name,
            value=method,
            expected=able,
        )


def check_edit(
    source: InvertOptions, request: EditOptions, model: ModelInfo | None, masked: bool = False
) -> None:
    """Raise ServiceError if the edit of an image that is inverted like this can only fail.

    `masked` says that a mask was sent beside it. What depends on the model is not checked while no worker
    serves it.

    Codes: unknown_method, unsupported_by_model, incompatible_inversion, record_mismatch, prompt_too_long,
    prompts_do_not_align, unknown_word, invalid_parameter, empty_mask.
    """
    with as_answers(request):
        inversion = parameters.find(INVERSIONS, source.method)
        if model is not None:
            check_supported(request.params, model, request.negative_prompt)
        parameters.compatible(type(request.params), inversion)
        parameters.check_guided(type(request.params), request.guidance_scale, request.negative_prompt)
        if inversion.learns_scale:
            _check_scale(source, request.guidance_scale, model)
        scale = request.guidance_scale
        if scale is None and model is not None:
            scale = model.guidance_scale
        parameters.check_negative_prompt(request.negative_prompt, inversion, scale)
        parameters.check_proximal(request.params, scale)
        if model is not None:
            _check_lengths(request, model.token_limit)
        request.params.check(source.prompt, request.targets)
        sent = masked or request.mask is not None
        request.params.check_masked(sent)
        bounded = sent and request.params.combine_masks == "and"
        if request.region == AUTO and not bounded:  # a mask that was sent says where
            if model is not None and model.offers is not None:
                parameters.meet((FOUND_REGION,), model.name, model.offers)
            _check_findable(source, request, inversion)


def _check_findable(
    source: InvertOptions, request: EditOptions, inversion: type[InversionParameters]
) -> None:
    """A region is found by the attention of words, which a record without a path cannot show."""
    instead = "give it as [x, y, width, height]"
    if PATH not in inversion.gives:
        suitable = " or ".join(name for name, other in for_pictures().items() if PATH in other.gives)
        expected = f"{instead}: 'auto' looks at an inversion by {suitable}, not by {source.method}"
        raise InvalidParameter("region", AUTO, expected)
    if not request.params.places(source.prompt, request.targets):
        expected = f"{instead}, or blend_words: 'auto' looks for words that change, and none do"
        raise InvalidParameter("region", AUTO, expected)


def _check_scale(source: InvertOptions, asked: float | None, model: ModelInfo | None) -> None:
    """An inversion that was learned at one scale is good for that one alone."""
    learned: float | None = getattr(source.params, "guidance_scale", None)
    if learned is None and model is not None:
        learned = model.guidance_scale
    if asked is not None and learned is not None and learned != asked:
        raise ServiceError(
            ErrorCode.RECORD_MISMATCH,
            f"{source.method} inverts the image for the guidance scale {learned:g}, not for {asked:g}. Leave "
            f'guidance_scale out, or name the inversion {{"params": {{"guidance_scale": {asked:g}}}}}.',
            parameter="guidance_scale",
            value=f"{asked:g}",
            expected=f"{learned:g}",
        )


def _check_lengths(request: EditOptions, token_limit: int) -> None:
    for target in request.targets:
        check_length(target, token_limit)
    for name, prompt in {"negative_prompt": request.negative_prompt, **request.params.prompts}.items():
        if prompt is not None:
            check_length(prompt, token_limit, name)


@contextmanager
def as_answers(request: EditOptions | None = None) -> Iterator[None]:
    """Turn the errors of `parameters` into answers, those about parameters of an edit with what it gave."""
    try:
        yield
    except InvalidParameter as error:
        params = {} if request is None else request.params.model_dump(mode="json")
        given = params.get(error.name, error.value)
        raise ServiceError.of(Problem.of_error(error, value=given)) from None
    except PromptsDoNotAlign as error:
        there = [word.text for word in words(error.source)]
        raise ServiceError.of(Problem.of_error(error, words=there)) from None
    except PentimentoError as error:
        raise ServiceError.of(Problem.of_error(error)) from None
