"""Pictures of cross-attention: where each word of a prompt attends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.alignment import Tokens

_DARKEST = 0.15
_TILE = 128


@dataclass(frozen=True, kw_only=True)
class WordAttention:
    """A word's cross-attention, averaged over steps, layers and heads, drawn over the picture.

    `source` over the source's picture, `target` over the edit's; None where the word is not in that prompt.
    `source_steps` and `target_steps` show single steps, side by side and small; None if none were asked for.
    """

    word: str
    source: Image.Image | None
    target: Image.Image | None
    source_steps: Image.Image | None = None
    target_steps: Image.Image | None = None


def word_attention(
    maps: Tensor, prompts: tuple[Tokens, Tokens], images: tuple[Image.Image, Image.Image], coarser: int
) -> tuple[WordAttention, ...]:
    """The attention of every word of two prompts, the target's words first.

    `maps` (1 + steps, 2, tokens, rows, columns) are those of the whole run and then of the steps to show.
    They, `prompts` and `images` are each the source's and then the target's; a place in the maps is `coarser`
    pixels wide.
    """
    source, target = prompts
    # As first written, since the last of equal keys stays.
    texts = {word.folded: word.text for word in reversed((*target.words, *source.words))}
    found: list[WordAttention] = []
    for word in dict.fromkeys(word.folded for word in (*target.words, *source.words)):
        drawn: list[Image.Image | None] = []
        strips: list[Image.Image | None] = []
        for row, (image, tokens) in enumerate(zip(images, prompts, strict=True)):
            positions = _positions(tokens, word)
            whole, *steps = maps[:, row][:, positions].sum(1)
            drawn.append(drawing(whole, image, coarser) if positions else None)
            strips.append(_strip([drawing(each, image, coarser) for each in steps if positions]))
        found.append(
            WordAttention(
                word=texts[word],
                source=drawn[0],
                target=drawn[1],
                source_steps=strips[0],
                target_steps=strips[1],
            )
        )
    return tuple(found)


def _strip(drawn: Sequence[Image.Image]) -> Image.Image | None:
    """Pictures side by side, each with its longer side at most `_TILE` pixels."""
    if not drawn:
        return None
    scale = min(1.0, _TILE / max(drawn[0].size))
    width, height = (max(1, round(side * scale)) for side in drawn[0].size)
    strip = Image.new("RGB", (width * len(drawn), height))
    for at, each in enumerate(drawn):
        strip.paste(each.resize((width, height), Image.Resampling.BOX), (at * width, 0))
    return strip


def drawing(attention: Tensor, image: Image.Image, coarser: int) -> Image.Image:
    """A map (rows, columns) of places `coarser` pixels wide, over the picture: bright where it is high."""
    heat = (attention / attention.max().clamp(min=torch.finfo(attention.dtype).tiny)).cpu().numpy()
    rows, columns = heat.shape
    small = Image.fromarray(heat.astype(np.float32))
    large = small.resize((columns * coarser, rows * coarser), Image.Resampling.BICUBIC)
    light = np.clip(np.asarray(large)[: image.height, : image.width, None], 0, 1)
    shown = np.asarray(image) * (_DARKEST + (1 - _DARKEST) * light)
    return Image.fromarray(shown.round().astype(np.uint8))


def _positions(tokens: Tokens, folded: str) -> Sequence[int]:
    spans = zip(tokens.words, tokens.spans, strict=True)
    return [at for word, span in spans if word.folded == folded for at in span]
