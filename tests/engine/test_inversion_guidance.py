"""What inversion guidance moves back to the source, and what it leaves."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

import engine
from engine import P2P, Edit, Plain
from engine.attention import SourceStep, Step
from engine.guidance import ClassifierFree, Proximal
from engine.inversion_guidance import InversionGuidance
from engine.window import Window

PROXIMAL = Proximal(ClassifierFree(2.0), 0.5)
SOURCE, TARGET = torch.zeros(1, 2, 5, 7), torch.ones(1, 2, 5, 7)


def predictions() -> dict[str, Tensor]:
    """Guidance changes one place of the first channel much, and others a little."""
    cond = torch.full_like(TARGET, 0.1)
    cond[0, 0, 2, 3] = 1.0
    return {"uncond": torch.zeros_like(TARGET), "cond": cond}


def moved(rate: float = 1.0, radius: int = 1, index: int = 1, source: Tensor | None = SOURCE) -> Tensor:
    guidance = InversionGuidance(proximal=PROXIMAL, rate=rate, window=Window(0.5, 1.0), radius=radius)
    beside = None if source is None else SourceStep(latent=source)
    return guidance.after(Step(index=index, total=2, branches=(), source=beside), TARGET, predictions())


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_all_but_the_large_changes_and_their_neighbours_is_moved_to_the_source(radius: int) -> None:
    expected = torch.zeros_like(TARGET)
    expected[0, 0, 2 - radius : 3 + radius, 3 - radius : 4 + radius] = 1

    assert torch.equal(moved(radius=radius), expected)
    torch.testing.assert_close(moved(rate=0.25, radius=radius), 0.75 + 0.25 * expected)


def test_outside_its_window_and_without_a_source_nothing_is_moved() -> None:
    assert torch.equal(moved(index=0), TARGET)
    assert torch.equal(moved(source=None), TARGET)


@pytest.mark.parametrize("method", [Plain, P2P])
def test_of_an_unchanged_prompt_the_last_steps_go_back_to_the_source(
    model: engine.Backbone, image: Image.Image, method: type[Plain | P2P]
) -> None:
    """The source prompt under guidance away from nothing drifts, and at rate 1 it is brought back."""
    record = engine.invert(model, image, prompt="a cat", method="negative-prompt", steps=4)
    drifted, back = (
        engine.edit(model, record, Edit(prompt="a cat", method=method(proximal=0.7, **asked)))
        for asked in ({}, {"inversion_guidance": 1.0})
    )

    assert back.images[0].tobytes() == back.source.tobytes()
    assert drifted.images[0].tobytes() != back.source.tobytes()
