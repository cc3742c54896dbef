"""Rules about the words of an edit that need no model: functions that raise typed errors."""

from collections.abc import Iterable, Sequence
from typing import Literal

import prompts
from parameters.errors import EmptyMask, InvalidParameter, PromptsDoNotAlign, UnknownWord


class Prompt:
    """A prompt, cut into words once."""

    def __init__(self, text: str) -> None:
        self.text = text
        there = prompts.words(text)
        self.words = [word.text for word in there]
        self.folded = [word.folded for word in there]
        self._there = frozenset(self.folded)

    def has(self, word: str) -> bool:
        """Whether `prompts.find` finds the word, which takes long in a long prompt and is seldom needed."""
        parts = prompts.words(word)
        if len(parts) == 1 and parts[0].folded in self._there:
            return True
        try:
            prompts.find(self.text, word)
        except prompts.UnknownWord:
            return False
        return True


def check_known(wanted: Iterable[str], among: Sequence[Prompt]) -> None:
    """Raise `UnknownWord` for a word that is in none of the prompts."""
    for word in wanted:
        if not any(prompt.has(word) for prompt in among):
            raise UnknownWord(word, dict.fromkeys(there for prompt in among for there in prompt.words))


def check_paired(source: Prompt, targets: Sequence[Prompt], *, one_for_one: bool) -> None:
    """Raise `PromptsDoNotAlign` unless all have words, and as many as the source if swapped `one_for_one`."""
    for target in targets:
        if not source.words:
            reason = (
                "the image was inverted without a prompt; invert it again with one that says what it shows"
            )
            raise PromptsDoNotAlign(source.text, target.text, reason)
        if not target.words:
            raise PromptsDoNotAlign(source.text, target.text, "the target prompt has no words")
        if one_for_one and len(target.words) != len(source.words):
            reason = (
                f"'replace' swaps words one for one, but the source prompt has {len(source.words)} words and "
                f"the target prompt {len(target.words)}; use 'refine', or leave 'edit' at 'auto'"
            )
            raise PromptsDoNotAlign(source.text, target.text, reason)


def check_confined(
    source: Prompt,
    targets: Sequence[Prompt],
    asked: Sequence[str] | Literal["changed"],
    weighed: Sequence[str] = (),
) -> None:
    """Raise `InvalidParameter` for a target without a place that `blend_words` confines the change to.

    `weighed` are the words whose attention is weighed anew, which count as changed.
    """
    for target in targets:
        if asked == "changed":
            named = target.folded != source.folded or any(target.has(word) for word in weighed)
            reason = "does not differ from the source prompt, so 'changed' names no place"
        else:
            named = any(source.has(word) or target.has(word) for word in asked)
            reason = "has none of these words, and neither has the source prompt"
        if not named:
            expected = (
                f"words that the edit can be confined to: the target prompt '{target.text}' {reason}; "
                f"its words are {', '.join(target.words)}"
            )
            raise InvalidParameter("blend_words", asked, expected, words=target.words)


def check_in_source(
    source: Prompt, targets: Sequence[Prompt], asked: Sequence[str] | Literal["changed"]
) -> None:
    """Raise `InvalidParameter` where `blend_words` names no place of the source: no target is read."""
    for target in targets:
        if asked == "changed":
            named = bool(prompts.changed(source.text, target.text).gone)
        else:
            named = any(source.has(word) for word in asked)
        if not named:
            expected = (
                "words of the source prompt, whose places inside_prompt is painted in; they are "
                f"{', '.join(source.words)}"
            )
            raise InvalidParameter("blend_words", asked, expected, words=source.words)


def check_open(
    source: Prompt,
    targets: Sequence[Prompt],
    asked: Sequence[str] | Literal["changed"],
    subtracted: Sequence[str],
    weighed: Sequence[str] = (),
) -> None:
    """Raise `EmptyMask` for a target of which `subtracted` closes all that `blend_words` opens."""
    closed = frozenset(word.folded for text in subtracted for word in prompts.words(text))
    for target in targets:
        if asked == "changed":
            changes = prompts.changed(source.text, target.text)
            opened = {source.folded[at] for at in changes.gone} | {target.folded[at] for at in changes.new}
            opened |= {word.folded for text in weighed for word in prompts.words(text) if target.has(text)}
        else:
            there = [text for text in asked if source.has(text) or target.has(text)]
            opened = {word.folded for text in there for word in prompts.words(text)}
        if opened and opened <= closed:
            raise EmptyMask(
                f"subtract_words closes every place that blend_words opens for '{target.text}'; "
                "name no word in both"
            )
