"""What holds for every method there is, whoever wrote it: masks, several targets, seeds, negative prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import engine
from engine import Edit
from engine.errors import (
    EmptyMask,
    Incompatible,
    InvalidImage,
    InvalidParameter,
    PentimentoError,
    RecordMismatch,
)
from engine.methods import METHODS
from parameters import EDITS, INVERSIONS, build

SOURCE, DOG, RED = "a cat on grass", "a dog on grass", "a red cat on grass"
STEPS = 4
PREFERRED = ("direct", "encode", *INVERSIONS)


class Bench:
    """Pictures of a method, each inverted once by the first inversion that suits it."""

    def __init__(self, model: engine.Backbone, picture: Callable[..., Image.Image], method: str) -> None:
        self.model, self.picture, self.method = model, picture, method
        self._records: dict[tuple[int, int], engine.SourceRecord] = {}

    @property
    def inversion(self) -> str:
        return next(name for name in PREFERRED if EDITS[self.method].needs <= INVERSIONS[name].gives)

    def record(self, size: tuple[int, int]) -> engine.SourceRecord:
        if size not in self._records:
            self._records[size] = engine.invert(
                self.model, self.picture(*size), prompt=SOURCE, method=self.inversion, steps=STEPS
            )
        return self._records[size]

    def edit(
        self, size: tuple[int, int] = (48, 32), prompt: str | tuple[str, ...] = DOG, **asked: Any
    ) -> engine.EditResult:
        options = {name: asked.pop(name) for name in list(asked) if name in Edit.__dataclass_fields__}
        params = build(EDITS[self.method], {"diffedit_mask": False, **asked})
        return engine.edit(self.model, self.record(size), Edit(prompt=prompt, method=params, **options))


@pytest.fixture(scope="module", params=list(METHODS))
def bench(
    request: pytest.FixtureRequest, model: engine.Backbone, picture: Callable[..., Image.Image]
) -> Bench:
    return Bench(model, picture, request.param)


def mask_of(size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    """A mask of this size, white in a box given as parts of its sides."""
    mask = Image.new("L", size)
    width, height = size
    corners = [round(part * side) for part, side in zip(box, (width, height, width, height), strict=True)]
    ImageDraw.Draw(mask).rectangle((corners[0], corners[1], corners[2] - 1, corners[3] - 1), fill=255)
    return mask


def differing(one: Image.Image, other: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(one) != np.asarray(other)


@pytest.mark.parametrize("scale", [1, 3.7])
def test_outside_the_users_mask_no_pixel_differs(bench: Bench, scale: float) -> None:
    mask = mask_of((round(48 * scale), round(32 * scale)), (0.25, 0.25, 0.75, 0.75))

    free, result = bench.edit(), bench.edit(mask=mask)

    inside = np.asarray(mask_of((48, 32), (0.25, 0.25, 0.75, 0.75))) > 0
    found = differing(result.images[0], result.source).any(-1)
    assert found[inside].any()
    assert not found[~inside].any()
    assert differing(free.images[0], result.source).any(-1)[~inside].any(), "the edit would have gone beyond"
    assert result.masks[0] is not None
    assert ((np.asarray(result.masks[0]) > 0) == inside).all()


def test_words_confine_every_method(bench: Bench) -> None:
    result = bench.edit(blend_words=["dog", "cat"], subtract_words=["on"])

    mask = np.asarray(result.masks[0])
    found = differing(result.images[0], result.source).any(-1)
    assert 0 < (mask > 0).mean() < 1
    assert found[mask > 0].any()
    assert not found[mask == 0].any()


def test_every_source_of_a_mask_is_joined_with_the_others(bench: Bench) -> None:
    predicted = bench.edit(diffedit_mask=True).masks[0]
    assert predicted is not None
    left, _, right, _ = predicted.getbbox() or (0, 0, 0, 0)
    mask = mask_of((48, 32), (0, 0, (left + right) / 96, 1))

    every, any_ = (
        np.asarray(bench.edit(mask=mask, combine_masks=how, diffedit_mask=True).masks[0]) > 0
        for how in ("and", "or")
    )

    given = np.asarray(mask) > 0
    found = np.asarray(predicted) > 0
    assert (every == given & found).all()
    assert (any_ == given | found).all()
    assert every.any()
    assert not any_.all()


def test_each_target_is_masked_by_itself(bench: Bench) -> None:
    targets = (DOG, RED)
    together = bench.edit(prompt=targets, mask=mask_of((48, 32), (0, 0, 0.5, 1)), blend_words=["grass"])

    assert len(together.images) == len(together.masks) == 2
    for index in range(2):
        alone = bench.edit(
            prompt=targets, only=index, mask=mask_of((48, 32), (0, 0, 0.5, 1)), blend_words=["grass"]
        )
        one, other = (np.asarray(each.images[at], int) for each, at in ((alone, 0), (together, index)))
        assert np.abs(one - other).max() <= 1


def test_an_edge_is_softened_inside_of_the_mask(bench: Bench) -> None:
    mask = mask_of((48, 32), (0.25, 0.25, 0.75, 0.75))
    hard, soft = (bench.edit(mask=mask, feather=feather) for feather in (0, 6))

    for result in (hard, soft):
        outside = np.asarray(result.masks[0]) == 0
        assert not differing(result.images[0], result.source)[outside].any()
    moved = [
        np.abs(np.asarray(each.images[0], int) - np.asarray(each.source, int)).sum() for each in (hard, soft)
    ]
    assert 0 < moved[1] < moved[0]


def test_attention_is_shown_of_every_method(bench: Bench) -> None:
    result = bench.edit(attention=True, attention_steps=2)

    words = {each.word: each for each in result.attention[0]}
    assert set(words) == {"a", "dog", "on", "grass", "cat"}
    assert len(result.attention_steps) == 2
    assert words["grass"].source is not None
    assert words["grass"].target_steps is not None
    assert words["cat"].source_steps is not None


def test_a_negative_prompt_is_read_or_refused_with_the_reason(bench: Bench) -> None:
    if not EDITS[bench.method].guided:
        with pytest.raises(InvalidParameter, match="no classifier-free guidance"):
            bench.edit(negative_prompt="a red ball")
        return
    plain, negative = (bench.edit(negative_prompt=prompt) for prompt in (None, "a red ball"))

    assert differing(plain.images[0], negative.images[0]).any()
    # What an inversion learned for one scale is refused at another before anything else.
    with pytest.raises((InvalidParameter, RecordMismatch), match="guidance scale"):
        bench.edit(negative_prompt="a red ball", guidance_scale=1)


def test_the_seed_alone_decides_what_is_random(bench: Bench) -> None:
    first, again, other = (bench.edit(seed=seed).images[0].tobytes() for seed in (0, 0, 1))

    assert first == again
    assert (first == other) is (bench.edit(seed=2).images[0].tobytes() == other)


HALF = (0.0, 0.0, 0.5, 1.0)
REFUSED: list[tuple[type[PentimentoError], str, dict[str, Any]]] = [
    (EmptyMask, "no pixel of the 48x32", {"mask": Image.new("L", (48, 32))}),
    (EmptyMask, "no pixel of the 48x32", {"mask": mask_of((480, 320), (0.5, 0.5, 0.505, 0.505))}),
    (EmptyMask, "no pixel of the 48x32", {"mask": Image.new("RGBA", (48, 32), (255, 255, 255, 0))}),
    (EmptyMask, "subtract_words closes", {"blend_words": ["dog"], "subtract_words": ["Dog"]}),
    (EmptyMask, "subtract_words closes", {"blend_words": "changed", "subtract_words": ["dog", "cat"]}),
    (InvalidParameter, "proportions of the image", {"mask": mask_of((32, 48), HALF)}),
    (InvalidParameter, "mask is", {"mask": b"a picture"}),
    (InvalidParameter, "feather", {"feather": 65}),
    (InvalidParameter, "feather", {"feather": -1}),
    (InvalidParameter, "composed", {"feather": 2, "blend_in": "latent", "mask": mask_of((48, 32), HALF)}),
    (InvalidParameter, "combine_masks", {"combine_masks": "xor"}),
    (InvalidImage, "mask: ", {"mask": Image.new("F", (48, 32), 1.0)}),
]


@pytest.mark.parametrize(
    ("error", "says", "asked"), REFUSED, ids=[str(number) for number in range(len(REFUSED))]
)
def test_masks_that_cannot_be_are_refused_before_any_work(
    bench: Bench, network_rows: list[int], error: type[PentimentoError], says: str, asked: dict[str, Any]
) -> None:
    bench.record((48, 32))
    network_rows.clear()

    with pytest.raises(error, match=says):
        bench.edit(**asked)

    assert network_rows == []


def test_masks_that_exclude_each_other_are_refused_before_any_step(
    bench: Bench, network_rows: list[int]
) -> None:
    found = np.asarray(bench.edit(diffedit_mask=True).masks[0]) > 0
    network_rows.clear()

    with pytest.raises(EmptyMask, match="in common"):
        bench.edit(diffedit_mask=True, mask=Image.fromarray(~found))
    assert network_rows == [10, 10]
    with pytest.raises(EmptyMask, match="source prompt"):
        bench.edit(diffedit_mask=True, prompt=SOURCE)


@pytest.mark.parametrize("inversion", [name for name, kind in INVERSIONS.items() if kind.takes_uncond])
def test_a_negative_prompt_in_a_place_that_is_taken_is_refused_before_any_work(
    bench: Bench, network_rows: list[int], inversion: str
) -> None:
    record = bench.record((48, 32))
    taken = replace(record, method=inversion, params={"guidance_scale": 7.5})
    params = build(EDITS[bench.method])
    network_rows.clear()

    asked = Edit(prompt=DOG, method=params, negative_prompt="a ball")
    if not EDITS[bench.method].needs <= INVERSIONS[inversion].gives:
        with pytest.raises(Incompatible):
            engine.edit(bench.model, taken, asked)
        return
    with pytest.raises(InvalidParameter) as refused:
        engine.edit(bench.model, taken, asked)

    assert refused.value.name == "negative_prompt"
    assert refused.value.expected.startswith("none, since ")
    assert network_rows == []


def test_a_mask_that_is_sent_costs_the_denoiser_nothing(bench: Bench, network_rows: list[int]) -> None:
    bench.record((48, 32))
    costs = []
    for mask in (None, mask_of((48, 32), HALF)):
        network_rows.clear()
        bench.edit(mask=mask)
        costs.append(list(network_rows))

    assert costs[0] == costs[1]
