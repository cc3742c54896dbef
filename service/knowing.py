"""Words that a model was not taught, found before anything is queued."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from api_schemas import ModelInfo, Notice
from prompts import SMALL, Foreign, foreign, words

_NEAREST: Final = 3


def doubts(model: ModelInfo | None, prompts: Iterable[str | None]) -> list[Notice]:
    """What these prompts say that the model was not taught, each word once, and what it takes literally."""
    given = list(dict.fromkeys(prompt for prompt in prompts if prompt))
    foreign_parts = {prompt: foreign(prompt) for prompt in given}
    notices = [_syntax(part) for parts in foreign_parts.values() for part in parts]
    if model is None or model.knows is None or not model.knows.words:
        return notices
    known = sorted(set(model.knows.words))
    asked = {
        word.folded.removesuffix("'s"): word.text
        for prompt, parts in foreign_parts.items()
        for word in words(prompt)
        if not any(part.start <= word.start < part.stop for part in parts)
    }
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


def _syntax(part: Foreign) -> Notice:
    return Notice(
        code="prompt_syntax",
        message=f"'{part.text}' is read as plain text, not as other tools read it; use {part.instead}.",
        word=part.text,
    )
