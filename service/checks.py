"""What can be known to be wrong with an edit before it is queued."""

from collections.abc import Iterable, Sequence

from api_schemas import EditRequest, ErrorCode, P2PParams
from prompts import UnknownWord, find, words
from service.errors import ServiceError

_MARKERS = 2


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

    Codes: prompt_too_long, prompts_do_not_align, unknown_word. Without a token limit, length is not judged.
    """
    for target in request.targets:
        if token_limit is not None:
            check_length(target, token_limit)
    _check_p2p(source, request.targets, request.params)


def _check_p2p(source: str, targets: Sequence[str], params: P2PParams) -> None:
    there = len(words(source))
    if not there:
        raise ServiceError(
            ErrorCode.PROMPTS_DO_NOT_ALIGN,
            "The image was inverted without a prompt; p2p needs one to compare the target with. "
            "Invert it again with a prompt that says what it shows.",
        )
    for target in targets:
        wanted = len(words(target))
        if not wanted:
            raise ServiceError(ErrorCode.PROMPTS_DO_NOT_ALIGN, f"The target prompt '{target}' has no words.")
        if params.edit == "replace" and wanted != there:
            raise ServiceError(
                ErrorCode.PROMPTS_DO_NOT_ALIGN,
                f"'replace' swaps words one for one, but the source prompt has {there} words and the target "
                f"prompt {wanted}. Use 'refine', or leave 'edit' at 'auto'.",
                words=[word.text for word in words(source)],
            )
    windows = params.tau_c if isinstance(params.tau_c, dict) else {}
    _check_words([*(word for word in windows if word != "default"), *params.reweight], targets)
    blend = params.blend_words if isinstance(params.blend_words, list) else []
    _check_words([*blend, *params.subtract_words], [source, *targets])


def _check_words(wanted: Iterable[str], prompts: Sequence[str]) -> None:
    for word in wanted:
        if not any(_has(prompt, word) for prompt in prompts):
            there = list(dict.fromkeys(word.text for prompt in prompts for word in words(prompt)))
            raise ServiceError(
                ErrorCode.UNKNOWN_WORD,
                f"'{word}' is not in the prompt; the words there are: {', '.join(there)}.",
                word=word,
                words=there,
            )


def _has(prompt: str, word: str) -> bool:
    try:
        find(prompt, word)
    except UnknownWord:
        return False
    return True
