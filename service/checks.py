"""What can be known to be wrong with an edit before it is queued."""

from collections.abc import Iterable, Sequence

from api_schemas import EditRequest, ErrorCode, P2PParams
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


def check_length(prompt: str, token_limit: int) -> None:
    """Raise prompt_too_long if the prompt has more words than tokens fit; a word is at least one token."""
    tokens = len(words(prompt)) + _MARKERS
    if tokens > token_limit:
        raise ServiceError(
            ErrorCode.PROMPT_TOO_LONG,
            f"The prompt has at least {tokens} tokens; the model takes {token_limit}. Shorten it.",
            tokens=tokens,
            limit=token_limit,
        )


def check_edit(source: str, request: EditRequest, token_limit: int | None) -> None:
    """Raise ServiceError if the edit of an image with this source prompt can only fail.

    Codes: prompt_too_long, prompts_do_not_align, unknown_word, invalid_parameter. Without a token limit,
    length is not judged.
    """
    for target in request.targets:
        if token_limit is not None:
            check_length(target, token_limit)
    _check_p2p(
        _Prompt(source), [_Prompt(target) for target in dict.fromkeys(request.targets)], request.params
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
