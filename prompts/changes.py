"""Alignment of the words of two prompts: kept, gone and new."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from prompts.words import words

_MATCH = 1 << 32
"""The score of a pair; one point more for a pair that adjoins the one before, which only breaks ties."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Word indices: `kept` pairs (source, target), `gone` from the source, `new` in the target."""

    kept: tuple[tuple[int, int], ...]
    gone: tuple[int, ...]
    new: tuple[int, ...]

    @property
    def swap(self) -> bool:
        """Whether the prompts differ only in words put in the place of others."""
        return len(self.gone) == len(self.new) and all(i == j for i, j in self.kept)

    @property
    def gaps(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
        """The (gone, new) words between neighbouring kept words, where there are any."""
        end = (len(self.kept) + len(self.gone), len(self.kept) + len(self.new))
        ends = [(-1, -1), *self.kept, end]
        gaps = [(tuple(range(i + 1, k)), tuple(range(j + 1, m))) for (i, j), (k, m) in pairwise(ends)]
        return tuple(gap for gap in gaps if any(gap))


def changed(source: str, target: str) -> Changes:
    """Align the words of two prompts: kept pairs, words gone from the source, words new in the target."""
    before = [word.folded for word in words(source)]
    after = [word.folded for word in words(target)]
    kept = common(before, after)
    return Changes(
        kept=kept,
        gone=tuple(sorted(set(range(len(before))) - {i for i, _ in kept})),
        new=tuple(sorted(set(range(len(after))) - {j for _, j in kept})),
    )


def common(source: Sequence[Hashable], target: Sequence[Hashable]) -> tuple[tuple[int, int], ...]:
    """Index pairs of a longest common subsequence; among the longest, one whose pairs adjoin most.

    Global alignment with match 1, gap 0 and no mismatches (Needleman & Wunsch 1970), the number of
    adjoining pairs breaking ties, so that "a cat" meets the "a cat" of "a dog and a cat".
    """
    columns = len(target) + 1
    nothing = [-_MATCH] * columns
    ending, best = [nothing], [[0] * columns]
    places: dict[Hashable, list[int]] = {}
    for j, word in enumerate(target, start=1):
        places.setdefault(word, []).append(j)
    for word in source:
        above, diagonal = best[-1], ending[-1]
        row, scores = (nothing.copy(), above.copy()) if word in places else (nothing, above)
        for j in places.get(word, ()):
            adjoining, free = diagonal[j - 1] + 1, above[j - 1]
            row[j] = _MATCH + (adjoining if adjoining > free else free)
            rest = j
            while rest < columns and scores[rest] < row[j]:
                scores[rest] = row[j]
                rest += 1
        ending.append(row)
        best.append(scores)

    pairs: list[tuple[int, int]] = []
    i, j = len(source), len(target)
    adjoins = False
    while i and j:
        if adjoins or ending[i][j] == best[i][j]:
            pairs.append((i - 1, j - 1))
            i, j, score = i - 1, j - 1, ending[i][j]
            adjoins = ending[i][j] == score - _MATCH - 1
        elif best[i - 1][j] == best[i][j]:
            i -= 1
        else:
            j -= 1
    return tuple(reversed(pairs))
