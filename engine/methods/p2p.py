"""Prompt-to-Prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

import torch
from torch import Tensor

import prompts
from engine import alignment, codec
from engine.alignment import Alignment, Tokens
from engine.attention import Chain, CrossEdit, SelfReplace
from engine.blend import BlendIn, LocalBlend
from engine.edit_plan import Edit, EditPlan, guidance_of
from engine.errors import InvalidParameter, PromptsDoNotAlign, UnknownWord, is_number
from engine.models import Models
from engine.record import SourceRecord
from engine.window import Window

WindowLike = float | Sequence[float]

_EDITS = ("auto", "replace", "refine")
_CHANGED = "changed"
_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class P2P:
    """Edit by the source's attention (Hertz et al. 2022, https://arxiv.org/abs/2208.01626).

    `edit`: "replace" swaps words one for one, "refine" adds and removes some; "auto" replaces if the prompts
    differ only in words put in the place of others.
    `tau_c`, `tau_s`: how long cross- and self-attention are the source's, as a fraction of the run from its
    start or as [start, stop]; `tau_c` may give single target words their own, {"default": .8, "word": .2}.
    `tau_v`: how long the values are bent towards the source's, where its record learned how. `value_prompt`:
    a prompt from whose words the values are read, for the look of the picture, while the target's say where.
    `reweight`: factors on the attention to target words, negative ones too. `blend_words`: words of either
    prompt that the change is confined to, or "changed"; None or no words confine it nowhere.
    `subtract_words` are kept out of it again. A place belongs to words where their attention exceeds
    `blend_threshold` of its maximum (None: what is the model's own), from `blend_start` on. `blend_in`: the
    change is confined in the "latent", as published, or in the "picture" too, which keeps the decoder from
    spreading it.
    """

    edit: str = "auto"
    tau_c: WindowLike | Mapping[str, WindowLike] = 0.2
    tau_s: WindowLike = 0.8
    tau_v: WindowLike = 0.5
    value_prompt: str | None = None
    reweight: Mapping[str, float] = field(default_factory=dict)
    blend_words: Sequence[str] | str | None = None
    subtract_words: Sequence[str] = ()
    blend_threshold: float | None = None
    blend_start: float = 0.2
    blend_in: str = "picture"

    def plan(self, models: Models, record: SourceRecord, edit: Edit) -> EditPlan:
        """Resolve every word and window, against all targets of the edit, for those to paint.

        Raises:
            UnknownWord, PromptsDoNotAlign, PromptTooLong, InvalidParameter: as their names say.
        """
        self._check()
        source = codec.tokens(models, record.prompt)
        targets = [codec.tokens(models, prompt) for prompt in edit.prompts]
        aligned = [self._align(source, target) for target in targets]
        gates = self._gates(targets, record.steps) * torch.stack([one.inherited for one in aligned])
        cross = CrossEdit(
            projection=torch.stack([one.projection for one in aligned])[edit.painted].to(models.device),
            gates=gates[:, edit.painted].to(models.device),
            weights=self._weights(targets)[edit.painted].to(models.device),
        )
        own = SelfReplace(window=Window.parse(self.tau_s, "tau_s"), factor=models.spec.self_factor)
        return EditPlan(
            source=source,
            targets=tuple(targets[edit.painted]),
            guidance_scale=guidance_of(models, record, edit),
            control=Chain([own, cross]),
            blend=self._blend(models, source, targets, edit.painted),
            value_prompt=self._value_prompt(models),
            tau_v=Window.parse(self.tau_v, "tau_v"),
        )

    def _value_prompt(self, models: Models) -> Tokens | None:
        if self.value_prompt is None:
            return None
        if not isinstance(self.value_prompt, str):
            raise InvalidParameter("value_prompt", self.value_prompt, "a prompt, or none")
        tokens = codec.tokens(models, self.value_prompt)
        if not tokens.words:
            raise InvalidParameter("value_prompt", self.value_prompt, "a prompt of at least one word")
        return tokens

    def _check(self) -> None:
        """Refuse what is not of a parameter's kind, whatever the prompts are."""
        if self.edit not in _EDITS:
            raise InvalidParameter("edit", self.edit, f"one of {', '.join(_EDITS)}")
        if isinstance(self.tau_c, Mapping):
            _check_words("tau_c", list(self.tau_c), "windows by word")
        if not isinstance(self.reweight, Mapping):
            raise InvalidParameter("reweight", self.reweight, "factors by word")
        _check_words("reweight", list(self.reweight), "factors by word")
        for word, factor in self.reweight.items():
            if not is_number(factor):
                raise InvalidParameter(f"reweight.{word}", factor, "a finite number")
        if self.blend_words is not None and self.blend_words != _CHANGED:
            _check_words("blend_words", self.blend_words, f'a list of words, or "{_CHANGED}"')
        _check_words("subtract_words", self.subtract_words, "a list of words")
        threshold = self.blend_threshold
        if threshold is not None and not (is_number(threshold) and 0 < threshold < 1):
            raise InvalidParameter("blend_threshold", threshold, "a fraction above 0 and below 1, or None")
        if not (is_number(self.blend_start) and 0 <= self.blend_start < 1):
            raise InvalidParameter("blend_start", self.blend_start, "a fraction from 0 to below 1")
        if self.blend_in not in get_args(BlendIn):
            raise InvalidParameter("blend_in", self.blend_in, f"one of {', '.join(get_args(BlendIn))}")

    def _align(self, source: Tokens, target: Tokens) -> Alignment:
        if not (source.words and target.words):
            raise PromptsDoNotAlign(source.prompt, target.prompt, "both prompts need at least one word")
        if self.edit == "replace" or (self.edit == "auto" and alignment.is_word_swap(source, target)):
            return alignment.replace(source, target)
        return alignment.refine(source, target)

    def _gates(self, targets: Sequence[Tokens], steps: int) -> Tensor:
        """Which target token takes the source's attention in which step, (steps, targets, tokens)."""
        given = dict(self.tau_c) if isinstance(self.tau_c, Mapping) else {_DEFAULT: self.tau_c}
        gates = torch.zeros(steps, len(targets), len(targets[0].ids))
        # The authors measure cross-attention windows by noise levels, of which there is one more than steps.
        levels = Window.parse(given.pop(_DEFAULT, type(self).tau_c), "tau_c").steps(steps + 1)
        gates[levels.start : levels.stop] = 1
        for word, bounds in given.items():
            levels = Window.parse(bounds, f"tau_c.{word}").steps(steps + 1)
            for row, positions in enumerate(_look_up(word, targets)):
                gates[:, row, positions] = 0
                gates[levels.start : levels.stop, row, positions] = 1
        return gates

    def _weights(self, targets: Sequence[Tokens]) -> Tensor:
        weights = torch.ones(len(targets), len(targets[0].ids))
        for word, factor in self.reweight.items():
            for row, positions in enumerate(_look_up(word, targets)):
                weights[row, positions] = float(factor)
        return weights

    def _blend(
        self, models: Models, source: Tokens, targets: Sequence[Tokens], painted: slice
    ) -> LocalBlend | None:
        if not (self.blend_words or self.subtract_words):
            return None
        added = subtracted = None
        if self.blend_words == _CHANGED:
            added = self._changed(source, targets)
        elif self.blend_words:
            added = _marks(self.blend_words, source, targets)
        if self.subtract_words:
            subtracted = _marks(self.subtract_words, source, targets)[painted].to(models.device)
        for row, target in enumerate(targets if added is not None else ()):
            if added is not None and not added[row].any():
                expected = f"a word of {source.prompt!r} or {target.prompt!r} that the edit is confined to"
                raise InvalidParameter("blend_words", self.blend_words, expected)
        return LocalBlend(
            added=None if added is None else added[painted].to(models.device),
            subtracted=subtracted,
            threshold=models.spec.blend_threshold if self.blend_threshold is None else self.blend_threshold,
            window=Window(self.blend_start, 1.0),
            factor=models.spec.blend_factor,
            within=cast(BlendIn, self.blend_in),
        )

    def _changed(self, source: Tokens, targets: Sequence[Tokens]) -> Tensor:
        """Marks of the words that go, come, or are weighed anew."""
        marks = torch.zeros(len(targets), 2, len(source.ids))
        marks[:, 1] = (self._weights(targets) != 1).float()
        for row, target in enumerate(targets):
            changes = prompts.changed(source.prompt, target.prompt)
            marks[row, 0, [at for index in changes.gone for at in source.spans[index]]] = 1
            marks[row, 1, [at for index in changes.new for at in target.spans[index]]] = 1
        return marks


def _check_words(name: str, words: object, expected: str) -> None:
    listed = isinstance(words, Sequence) and not isinstance(words, str)
    if not (listed and all(isinstance(word, str) for word in cast(Sequence[object], words))):
        raise InvalidParameter(name, words, expected)


def _marks(words: Sequence[str], source: Tokens, targets: Sequence[Tokens]) -> Tensor:
    """1 at the tokens of the words, (targets, 2, tokens): in the source's prompt, and in the target's."""
    marks = torch.zeros(len(targets), 2, len(source.ids))
    for word in words:
        in_source, *in_targets = _look_up(word, (source, *targets))
        for row, positions in enumerate(in_targets):
            marks[row, 0, in_source] = 1
            marks[row, 1, positions] = 1
    return marks


def _look_up(word: str, places: Sequence[Tokens]) -> list[list[int]]:
    """A word's token positions in each of the prompts; raises `UnknownWord` if it is in none."""
    found: list[list[int]] = []
    for tokens in places:
        try:
            found.append(list(tokens.positions(word)))
        except UnknownWord:
            found.append([])
    if not any(found):
        raise UnknownWord(word, dict.fromkeys(there.text for tokens in places for there in tokens.words))
    return found
