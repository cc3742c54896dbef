"""Aligned inversion: a source met exactly, whose features the inversion leaves to the first edit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine import P2P, Edit, P2Plus, Plain, SourceCache
from engine.denoise import denoise
from engine.guidance import ClassifierFree
from engine.inverters import INVERTERS
from engine.lane import Lane
from engine.learned import Learned
from parameters import EditParameters

PROMPT, TARGETS = "a cat on grass", ("a dog on grass", "a red cat on grass")
STEPS = 5
PLENTY = 2**30


def inverted(model: engine.Backbone, image: Image.Image, **options: Any) -> engine.SourceRecord:
    return engine.invert(model, image, prompt=PROMPT, method="aligned", steps=STEPS, **options)


def pictures(result: engine.EditResult) -> list[bytes]:
    shown = [*result.images, result.source, *result.masks]
    return [picture.tobytes() for picture in shown if picture is not None]


@pytest.mark.parametrize(
    ("method", "beside"),
    [
        (P2P(tau_c=0.4, tau_s=0.8), 0),
        (P2P(tau_c=1.0, tau_s=1.0, blend_words="changed", attention=True), 0),
        (Plain(blend_words="changed"), 0),
        (P2Plus(tau_u=0.6), 3),
    ],
    ids=["p2p", "blended", "plain", "p2plus"],
)
def test_the_first_edit_runs_the_rows_of_its_targets_alone(
    model: engine.Backbone, image: Image.Image, network_rows: list[int], method: EditParameters, beside: int
) -> None:
    cache, asked = SourceCache(PLENTY), Edit(prompt=TARGETS, method=method)
    record = inverted(model, image, cache=cache)
    assert network_rows == [1] * STEPS
    network_rows.clear()

    first = engine.edit(model, record, asked, cache=cache)

    assert (network_rows.count(4), network_rows.count(1)) == (STEPS, beside)
    assert first.cached is (beside == 0)
    assert pictures(first) == pictures(engine.edit(model, record, asked))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_what_did_not_fit_the_cache_is_made_anew_to_the_bit(
    model: engine.Backbone, image: Image.Image, network_rows: list[int], share: float
) -> None:
    whole = SourceCache(PLENTY)
    plain, record = inverted(model, image), inverted(model, image, cache=whole)
    assert torch.equal(plain.trajectory, record.trajectory)
    small = SourceCache(int(share * whole.nbytes))
    inverted(model, image, cache=small)
    assert small.nbytes <= small.max_bytes
    network_rows.clear()

    asked = Edit(prompt=TARGETS, method=P2P(tau_c=1.0, tau_s=1.0))
    found = engine.edit(model, record, asked, cache=small)

    assert network_rows.count(1) == STEPS - int(share * STEPS)
    assert pictures(found) == pictures(engine.edit(model, record, asked, cache=whole))


def test_an_interrupted_inversion_leaves_nothing_in_the_cache(
    model: engine.Backbone, image: Image.Image
) -> None:
    cache, kept = SourceCache(PLENTY), []

    def interrupt(progress: engine.Progress) -> None:
        kept.append(cache.nbytes)
        if (progress.phase, progress.step) == ("invert", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inverted(model, image, cache=cache, on_progress=interrupt)

    assert kept[-1] > 0
    assert cache.nbytes == 0


@pytest.mark.parametrize("architecture", ["model", "deep"])
@pytest.mark.parametrize("first", [0, 2])
def test_the_source_retraces_its_path_from_any_level(
    request: pytest.FixtureRequest, image: Image.Image, architecture: str, first: int
) -> None:
    model = request.getfixturevalue(architecture)
    record = inverted(model, image)
    aligned = Lane(
        start=record.trajectory[STEPS - first][None],
        calls=model.schedule(STEPS).denoising(),
        first=first,
        guidance=ClassifierFree(1.0),
        conditionings={"cond": model.read(PROMPT, record.size)},
        learned=INVERTERS["aligned"].learned(model, record),
    )

    back, drifted = denoise(model, [aligned, replace(aligned, learned=Learned())])

    # Random weights magnify rounding on the way down.
    off, drift = ((latent - record.trajectory[:1]).abs().max() for latent in (back, drifted))
    assert off < 0.02
    assert off < 0.1 * drift
