"""Words to tokens, and the tokens of one prompt to those of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise, takewhile
from typing import Any, Literal

import torch
from torch import Tensor

import prompts
from engine.errors import InvalidParameter, PromptsDoNotAlign, PromptTooLong, UnknownWord

Padding = Literal["end", "absolute"]


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A prompt as a model reads it: padded token ids, and where each of its words went.

    `spans[k]` are the positions of word k; `end` is the position of the end-of-text token, after which
    there is padding only. Tokens of no word are punctuation. `starts[at]` is the character of the prompt at
    which token `at` begins, up to the end token.
    """

    prompt: str
    ids: tuple[int, ...]
    words: tuple[prompts.Word, ...]
    spans: tuple[tuple[int, ...], ...]
    end: int
    starts: tuple[int, ...]

    def positions(self, phrase: str) -> tuple[int, ...]:
        """The token positions of every occurrence of a word or phrase; raises `UnknownWord`."""
        try:
            found = prompts.find(self.prompt, phrase)
        except prompts.UnknownWord as error:
            raise UnknownWord(error.word, error.words) from None
        sought = {part.folded for part in prompts.words(phrase)}
        return tuple(at for index in found for at in self._own(index, sought))

    def _own(self, index: int, sought: set[str]) -> tuple[int, ...]:
        """The tokens of word `index` without those of an ending that is not sought, as in "cat's"."""
        folded = self.words[index].folded
        stem = max((part for part in sought if folded.startswith(part)), key=len, default=folded)
        if folded in sought or len(folded) != len(self.words[index].text):
            return self.spans[index]
        stop = self.words[index].start + len(stem)
        own = tuple(at for at in self.spans[index] if self.starts[at] < stop)
        return own or self.spans[index]

    def occurrences(self, phrase: str) -> list[int]:
        """The token positions of a word or phrase, none if it does not occur."""
        try:
            return list(self.positions(phrase))
        except UnknownWord:
            return []


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """A map from attention over a source prompt's tokens to attention over a target prompt's.

    `projection` (source tokens, target tokens) carries attention to the source's tokens over to the target's;
    `inherited` (target tokens) is 1 where a target token takes that, 0 where it keeps its own.
    """

    projection: Tensor
    inherited: Tensor


def tokenize(tokenizer: Any, prompt: str, limit: int) -> Tokens:
    """Tokenize and pad a prompt to `limit` tokens, begin and end included.

    Raises:
        PromptTooLong: it does not fit.
        InvalidParameter: it is no text.
    """
    if not isinstance(prompt, str) or any("\ud800" <= char <= "\udfff" for char in prompt):
        raise InvalidParameter("prompt", ascii(prompt), "a text")
    encoded = tokenizer(prompt, return_offsets_mapping=True, truncation=False, verbose=False)
    ids, offsets = _with_all_vectors(tokenizer, encoded["input_ids"], encoded["offset_mapping"])
    if len(ids) > limit:
        raise PromptTooLong(len(ids), limit)
    words = prompts.words(prompt)
    end = len(ids) - 1
    spans = tuple(
        tuple(at for at in range(1, end) if offsets[at][0] < word.stop and word.start < offsets[at][1])
        for word in words
    )
    starts = tuple(start for start, _ in offsets)
    padding = (tokenizer.pad_token_id,) * (limit - len(ids))
    return Tokens(prompt=prompt, ids=(*ids, *padding), words=words, spans=spans, end=end, starts=starts)


def _with_all_vectors(
    tokenizer: Any, ids: list[int], offsets: list[tuple[int, int]]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The tokens, and after a learned word of several vectors those that go on with it: `<word>_1`, ..."""
    added: dict[str, int] = tokenizer.get_added_vocab()
    if not any(f"{token}_1" in added for token in added):
        return ids, offsets
    by_id = {index: token for token, index in added.items()}
    found: list[tuple[int, tuple[int, int]]] = []
    for index, offset in zip(ids, offsets, strict=True):
        names = (f"{by_id.get(index)}_{more}" for more in count(1))
        vectors = [index, *(added[name] for name in takewhile(added.__contains__, names))]
        found += [(vector, offset) for vector in vectors]
    return [index for index, _ in found], [offset for _, offset in found]


def replace(source: Tokens, target: Tokens) -> Alignment:
    """Pair two prompts word by word, as for a word swap (Hertz et al. 2022, https://arxiv.org/abs/2208.01626).

    All attention moves over: a word that becomes several tokens spreads it evenly, several tokens that
    become one add up, and whatever stands after a swap stays aligned. Every row of the projection sums to 1.

    Raises:
        PromptsDoNotAlign: the prompts do not have the same number of words.
    """
    if len(source.words) != len(target.words):
        raise PromptsDoNotAlign(
            source.prompt,
            target.prompt,
            f"a replacement keeps the number of words, {len(source.words)} here against {len(target.words)}; "
            'edit "refine" does not',
        )
    projection = torch.zeros(len(source.ids), len(target.ids))
    receiver: Sequence[int] = (0,)
    for old, new in zip(_segments(source), _segments(target), strict=True):
        receiver = new or receiver
        _spread(projection, old, receiver)
    _carry_padding(projection, source, target)
    # Two words of a script without spaces may share a token, whose attention was then given twice.
    projection /= projection.sum(1, keepdim=True)
    return Alignment(projection=projection, inherited=torch.ones(len(target.ids)))


def refine(source: Tokens, target: Tokens, padding: Padding = "end") -> Alignment:
    """Align two prompts globally; what is new keeps its own attention, all else takes the source's.

    Begin, end and punctuation take part; a word is matched whole, so that words which merely share a
    sub-token are not mistaken for one another. Padding takes the attention of the source's token at the same
    distance from the end token, or, "absolute" as in the authors' code, at the same position.
    """
    projection = torch.zeros(len(source.ids), len(target.ids))
    before, after = _units(source), _units(target)
    pairs = prompts.common(
        [tuple(source.ids[at] for at in unit) for unit in before],
        [tuple(target.ids[at] for at in unit) for unit in after],
    )
    for i, j in pairs:
        _spread(projection, before[i], after[j])
    for position in range(target.end + 1, len(target.ids)):
        origin = position if padding == "absolute" else source.end + position - target.end
        if origin < len(source.ids):
            projection[origin, position] = 1
    return Alignment(projection=projection, inherited=projection.sum(0).clamp(max=1))


def is_word_swap(source: Tokens, target: Tokens) -> bool:
    """Whether the prompts differ only in words put in the place of others."""
    return prompts.changed(source.prompt, target.prompt).swap


def _segments(tokens: Tokens) -> list[Sequence[int]]:
    """Begin; the punctuation before each word, and the word; the last punctuation; end."""
    segments: list[Sequence[int]] = [(0,)]
    at = 1
    for span in tokens.spans:
        segments += [range(at, span[0]), span] if span else [(), ()]
        at = span[-1] + 1 if span else at
    return [*segments, range(at, tokens.end), (tokens.end,)]


def _units(tokens: Tokens) -> list[Sequence[int]]:
    """The tokens of each word together, all others alone."""
    starts = sorted({*range(tokens.end + 2)} - {at for span in tokens.spans for at in span[1:]})
    return [range(start, stop) for start, stop in pairwise(starts)]


def _spread(projection: Tensor, old: Sequence[int], new: Sequence[int]) -> None:
    for index, source in enumerate(old):
        if len(old) == len(new):
            projection[source, new[index]] = 1
        else:
            projection[source, list(new)] = 1 / len(new)


def _carry_padding(projection: Tensor, source: Tokens, target: Tokens) -> None:
    last = len(target.ids) - 1
    for step, position in enumerate(range(source.end + 1, len(source.ids)), start=1):
        projection[position, min(target.end + step, last)] = 1
