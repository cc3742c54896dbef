"""Words that a model was not taught, found before anything is queued."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from api_schemas import ModelInfo, Notice
from prompts import SMALL, words

_NEAREST: Final = 3
_NUMBER: Final = r"\s*([0-9]*\.?[0-9]+)\s*"
# What other tools read as more than text, and what to use here instead, of the parts that were found.
_WRITTEN_ELSEWHERE: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(rf"\(\s*([^():]*[^():\s])\s*:{_NUMBER}\)"), 'params {{"reweight": {{"{0}": {1:g}}}}}'),
    (
        re.compile(rf"\[([^\[\]:]*):\s*([^\[\]:]*[^\[\]:\s])\s*:{_NUMBER}\]"),
        "an edit whose prompt has '{1}' in this place; from when on it may show, params \"tau_c\" says",
    ),
    (re.compile(r"\b(BREAK|AND)\b"), 'commas, or several edits in "prompts"'),
    (
        re.compile(r"<(lora|lyco|hypernet):[^>]*>"),
        'a model that is served with it: PENTIMENTO_MODEL="... + lora:FILE:WEIGHT"',
    ),
)


def doubts(model: ModelInfo | None, prompts: Iterable[str | None]) -> list[Notice]:
    """What these prompts say that the model was not taught, each word once, and what it takes literally."""
    given = list(dict.fromkeys(prompt for prompt in prompts if prompt))
    notices = [notice for prompt in given for notice in _syntax(prompt)]
    if model is None or model.knows is None or not model.knows.words:
        return notices
    known = sorted(set(model.knows.words))
    asked = {word.folded.removesuffix("'s"): word.text for prompt in given for word in words(prompt)}
    strange = (folded for folded in asked if folded not in SMALL and folded not in known)
    return notices + [_unknown(asked[folded], folded, model, known) for folded in strange]


def _unknown(word: str, folded: str, model: ModelInfo, known: list[str]) -> Notice:
    nearest = get_close_matches(folded, known, n=_NEAREST, cutoff=0.7)
    instead = f"near it are: {', '.join(nearest)}" if nearest else "it was taught none like it"
    return Notice(
        code="unknown_to_model",
        message=f"The model {model.name} was not taught the word '{word}'; {instead}.",
        word=word,
        nearest=nearest,
    )


def _syntax(prompt: str) -> Iterable[Notice]:
    for pattern, instead in _WRITTEN_ELSEWHERE:
        for found in pattern.finditer(prompt):
            parts = [float(part) if _is_number(part) else part for part in found.groups()]
            yield Notice(
                code="prompt_syntax",
                message=f"'{found[0]}' is read as plain text, not as other tools read it; use "
                f"{instead.format(*parts)}.",
                word=found[0],
            )


def _is_number(text: str) -> bool:
    return re.fullmatch(_NUMBER, text) is not None
