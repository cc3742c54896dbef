"""What can be known to be wrong with an edit before it is queued."""

from collections.abc import Iterable, Sequence

from api_schemas import INVERTERS, EditRequest, ErrorCode, Image, ModelInfo, P2PParams
from prompts import UnknownWord, find, words
from service.errors import ServiceError

_MARKERS = 2


class _Prompt:
    """A prompt, cut into words once."""

    def __init__(self, text: str) -> None:
        self.text = text
        there = words(text)
        self.words = [word.text for word in there]
        self.folded = [word.folded for word in there]
        self._there = frozenset(self.folded)

    def has(self, word: str) -> bool:
        """Whether `prompts.find` finds the word, which takes long in a long prompt and is seldom needed."""
        parts = words(word)
        if len(parts) == 1 and parts[0].folded in self._there:
            return True
        try:
            find(self.text, word)
        except UnknownWord:
            return False
        return True


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


def check_edit(image: Image, request: EditRequest, model: ModelInfo | None) -> None:
    """Raise ServiceError if the edit of this image can only fail.

    Codes: record_mismatch, prompt_too_long, prompts_do_not_align, unknown_word, invalid_parameter. What only
    the model can tell is not judged while nobody serves it.
    """
    _check_guidance(image, request.guidance_scale, model)
    value_prompt = request.params.value_prompt
    if model is not None:
        for target in request.targets:
            check_length(target, model.token_limit)
        if value_prompt is not None:
            check_length(value_prompt, model.token_limit, "value_prompt")
    if value_prompt is not None and not words(value_prompt):
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            f"value_prompt: '{value_prompt}' has no words; say what the picture is to look like, or leave it "
            "out to take the target prompt.",
            parameter="value_prompt",
            value=value_prompt,
        )
    _check_p2p(
        _Prompt(image.prompt), [_Prompt(target) for target in dict.fromkeys(request.targets)], request.params
    )


def _check_guidance(image: Image, asked: float | None, model: ModelInfo | None) -> None:
    """An inversion that was learned at one scale is good for that one alone."""
    if asked is None or "guidance_scale" not in INVERTERS[image.method].model_fields:
        return
    learned = image.params.get("guidance_scale")
    if learned is None and model is not None:
        learned = model.guidance_scale
    if learned is not None and learned != asked:
        raise ServiceError(
            ErrorCode.RECORD_MISMATCH,
            f"{image.method} inverted the image for the guidance scale {learned:g}, not for {asked:g}. Leave "
            f'guidance_scale out, or invert the image again with params {{"guidance_scale": {asked:g}}}.',
            parameter="guidance_scale",
            value=f"{asked:g}",
            expected=f"{learned:g}",
        )


def _check_p2p(source: _Prompt, targets: Sequence[_Prompt], params: P2PParams) -> None:
    there = len(source.words)
    if not there:
        raise ServiceError(
            ErrorCode.PROMPTS_DO_NOT_ALIGN,
            "The image was inverted without a prompt; p2p needs one to compare the target with. "
            "Invert it again with a prompt that says what it shows.",
        )
    for target in targets:
        wanted = len(target.words)
        if not wanted:
            raise ServiceError(
                ErrorCode.PROMPTS_DO_NOT_ALIGN, f"The target prompt '{target.text}' has no words."
            )
        if params.edit == "replace" and wanted != there:
            raise ServiceError(
                ErrorCode.PROMPTS_DO_NOT_ALIGN,
                f"'replace' swaps words one for one, but the source prompt has {there} words and the target "
                f"prompt {wanted}. Use 'refine', or leave 'edit' at 'auto'.",
                words=source.words,
            )
    windows = params.tau_c if isinstance(params.tau_c, dict) else {}
    _check_words([*(word for word in windows if word != "default"), *params.reweight], targets)
    blend = params.blend_words if isinstance(params.blend_words, list) else []
    _check_words([*blend, *params.subtract_words], [source, *targets])
    if params.blend_words:
        _check_blend(source, targets, params)


def _check_words(wanted: Iterable[str], prompts: Sequence[_Prompt]) -> None:
    for word in wanted:
        if not any(prompt.has(word) for prompt in prompts):
            there = list(dict.fromkeys(word for prompt in prompts for word in prompt.words))
            raise ServiceError(
                ErrorCode.UNKNOWN_WORD,
                f"'{word}' is not in the prompt; the words there are: {', '.join(there)}.",
                word=word,
                words=there,
            )


def _check_blend(source: _Prompt, targets: Sequence[_Prompt], params: P2PParams) -> None:
    """Every target needs a place that the change is confined to."""
    if params.blend_words == "changed":
        weighed = [word for word, factor in params.reweight.items() if factor != 1]
        missing = [
            target
            for target in targets
            if target.folded == source.folded and not any(target.has(word) for word in weighed)
        ]
        reason = "does not differ from the source prompt, so 'changed' names no place"
    else:
        asked = params.blend_words or []
        missing = [
            target for target in targets if not any(source.has(word) or target.has(word) for word in asked)
        ]
        reason = "has none of the words, and neither has the source prompt"
    if missing:
        text, there = missing[0].text, missing[0].words
        raise ServiceError(
            ErrorCode.INVALID_PARAMETER,
            f"blend_words: the target prompt '{text}' {reason}; its words are: {', '.join(there)}.",
            parameter="blend_words",
            value=params.blend_words,
            words=there,
        )
