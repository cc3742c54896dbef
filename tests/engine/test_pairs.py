"""Every inversion with every way to edit: it runs, or it is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

import engine
from engine import Edit, SourceCache
from engine.errors import Incompatible
from parameters import EDITS, INVERSIONS
from tests.engine.inverters.test_inverters import QUICK

STEPS = 2


@pytest.fixture(scope="module", params=list(INVERSIONS))
def inverted(
    request: pytest.FixtureRequest, model: engine.Backbone, image: Image.Image
) -> tuple[engine.SourceRecord, SourceCache]:
    """A picture inverted, or painted, and what that left in a cache."""
    name, prompt, cache = str(request.param), "a cat on grass", SourceCache(2**30)
    if INVERSIONS[name].paints:
        return engine.paint(model, prompt=prompt, steps=STEPS), cache
    params = QUICK.get(name, {})
    record = engine.invert(model, image, prompt=prompt, method=name, steps=STEPS, params=params, cache=cache)
    return record, cache


@pytest.mark.parametrize("method", EDITS)
def test_a_pair_edits_alike_with_and_without_what_is_kept_or_says_what_is_missing(
    model: engine.Backbone, inverted: tuple[engine.SourceRecord, SourceCache], method: str
) -> None:
    record, cache = inverted
    asked = Edit(prompt=("a dog on grass", "a red cat on grass"), method=EDITS[method]())
    if missing := EDITS[method].needs - INVERSIONS[record.method].gives:
        with pytest.raises(Incompatible) as caught:
            engine.edit(model, record, asked)
        assert caught.value.missing == sorted(missing)
        return

    if method == "diffedit":  # random weights see no place in which the second prompt differs most
        asked = replace(asked, prompt="a dog on grass")
    kept, anew = (engine.edit(model, record, asked, cache=each) for each in (cache, None))

    assert [picture.tobytes() for picture in kept.images] == [picture.tobytes() for picture in anew.images]
    assert kept.source.tobytes() == anew.source.tobytes()
    assert len({picture.tobytes() for picture in kept.images}) == len(asked.prompts)
