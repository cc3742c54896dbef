"""The plain algorithm computes what it should, and wastes what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import engine
from benchmarks import plain
from benchmarks.counting import Counts, counted
from benchmarks.pictures import most_apart
from benchmarks.stylediffusion.measuring import BLENDS, Bench
from engine import codec
from engine.inverters.base import Source
from engine.inverters.fitting import Fitting
from engine.mapping import seeded
from engine.progress import silent
from miniature.pairs import Pair

STEPS = 3
SCALE = 3.0
INNER = 2


@pytest.fixture(scope="module")
def prepared(parts: plain.Parts, pair: Pair) -> tuple[plain.Prepared, Counts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.plain.preparing.inner_steps", lambda index: INNER)
        with counted(unet=parts.unet, vision=parts.vision, vae=parts.models.vae) as counts:
            made = plain.prepare(parts, pair.image, pair.source.caption, steps=STEPS, guidance_scale=SCALE)
    return made, counts


def test_a_plain_unet_is_the_stock_one(parts: plain.Parts, models: engine.Backbone, pair: Pair) -> None:
    x = codec.encode(models, pair.image)
    text = parts.embed(pair.source.caption)
    with torch.no_grad():
        stock = models.network(x, 500, encoder_hidden_states=text).sample
        with plain.plainly(parts.unet):
            written_out = parts.unet(x, 500, encoder_hidden_states=text).sample
    torch.testing.assert_close(written_out, stock, rtol=1e-4, atol=1e-4)


def test_preparing_asks_for_what_the_published_code_does(
    parts: plain.Parts, prepared: tuple[plain.Prepared, Counts]
) -> None:
    made, counts = prepared
    layers = sum(site.kind == "cross" for site in parts.models.sites)
    inner = sum(made.iterations)
    assert inner == INNER * STEPS
    assert counts.unet_forward == 4 * STEPS + inner
    assert counts.unet_backward == inner
    assert counts.vision == layers * (inner + STEPS)


def test_no_weight_is_frozen(parts: plain.Parts, pair: Pair) -> None:
    text = parts.embed(pair.source.caption)
    mapping = plain.Mapping(parts.image_tokens, text.shape[1])
    gamma, beta = mapping(parts.features(parts.pixels(pair.image)))
    call = parts.models.schedule(STEPS).denoising()[0]
    x = codec.encode(parts.models, pair.image)
    moved, _ = plain.guided(parts, x, x, call, text, lambda context: context * gamma + beta, SCALE)
    moved.sum().backward()
    for module in (parts.unet, parts.vision.encoder):
        assert all(weight.grad is not None for weight in module.parameters())
        module.zero_grad()


def test_the_schedules_are_the_published_ones() -> None:
    assert sum(plain.inner_steps(index) for index in range(30)) == 1015
    assert plain.inner_steps(0) == 100
    assert plain.tolerance(10) == pytest.approx(2.1e-4)


def test_the_mapping_has_the_published_size() -> None:
    mapping = plain.Mapping(197, 77)
    assert sum(weight.numel() for weight in mapping.parameters()) == 78_540


@pytest.fixture(scope="module")
def fitting(models: engine.Backbone, pair: Pair) -> Fitting:
    source = Source(
        picture=pair.image,
        latent=codec.encode(models, pair.image),
        text=models.read(pair.source.caption, (16, 16)),
        empty=models.read("", (16, 16)),
    )
    return Fitting.of(models, source, models.schedule(STEPS), SCALE, silent)


def test_both_descend_the_same_loss(parts: plain.Parts, fitting: Fitting, pair: Pair) -> None:
    pivot, seen = plain.invert(parts, pair.image, fitting.text.context, STEPS)
    torch.testing.assert_close(fitting.trajectory, pivot, rtol=1e-3, atol=1e-3)
    generator = torch.Generator().manual_seed(0)
    gamma, beta = (
        torch.randn(fitting.text.context.shape, generator=generator).mul(0.1).add(at).requires_grad_()
        for at in (1.0, 0.0)
    )
    for index, call in fitting.calls():
        x = pivot[STEPS - index][None]
        uncond = plain.unconditional(parts, x, call, fitting.empty.context)
        moved, maps = plain.guided(
            parts, x, uncond, call, fitting.text.context, lambda context: context * gamma + beta, SCALE
        )
        wanted = plain.loss_of(moved, pivot[STEPS - 1 - index][None], maps, plain.target_maps(seen, index))
        found = fitting.fit(fitting.task(index, call, x), gamma, beta).loss
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=0)
        slopes = (torch.autograd.grad(loss, (gamma, beta)) for loss in (found, wanted))
        for ours, theirs in zip(*slopes, strict=True):
            assert (ours - theirs).norm() < 1e-3 * theirs.norm()


def test_the_faithful_inverter_learns_as_much(
    parts: plain.Parts,
    models: engine.Backbone,
    pair: Pair,
    fitting: Fitting,
    prepared: tuple[plain.Prepared, Counts],
) -> None:
    record = engine.invert(
        models,
        pair.image,
        prompt=pair.source.caption,
        method="stylediffusion-faithful",
        steps=STEPS,
        params={"guidance_scale": SCALE, "inner_steps": INNER},
    )
    made, _ = prepared
    # By what gamma and beta do: Adam takes steps of one size, so where a gradient is next to nothing rounding
    # decides its way, and later steps magnify that.
    theirs = _losses(fitting, *plain.learned(parts, pair.image, made))
    ours = _losses(fitting, record.learned["gamma"], record.learned["beta"])
    assert ours == pytest.approx(theirs, rel=0.01)
    features = codec.vision_features(models, pair.image)
    shape = (features.shape[1], features.shape[2]), tuple(fitting.text.context.shape[1:])
    with torch.no_grad():
        gamma, beta = (
            torch.cat([start] * STEPS) for start in seeded(0, vision=shape[0], text=shape[1])(features)
        )
    assert all(more > 1.1 * less for more, less in zip(_losses(fitting, gamma, beta), ours, strict=True))


@torch.no_grad()
def _losses(fitting: Fitting, gamma: torch.Tensor, beta: torch.Tensor) -> list[float]:
    """What every step loses with what was learned for it, on the way that it leads."""
    x, losses = fitting.trajectory[-1:], []
    for index, call in fitting.calls():
        fit = fitting.fit(fitting.task(index, call, x), gamma[index][None], beta[index][None])
        losses.append(float(fit.loss))
        x = fit.latent
    return losses


@pytest.mark.parametrize("blend", BLENDS)
def test_an_edit_of_the_same_preparation_is_the_same_picture(
    parts: plain.Parts, pair: Pair, prepared: tuple[plain.Prepared, Counts], blend: str
) -> None:
    bench = Bench(parts=parts, steps=STEPS, guidance_scale=SCALE)
    made, _ = prepared
    runs = list(bench.edits(0, pair, made, bench.record(pair, made), 1, blend))
    plainly, *ours = runs
    layers = sum(site.kind == "cross" for site in parts.models.sites)
    mapped = STEPS + int(STEPS * 0.5)
    assert plainly.counts == Counts(
        unet_forward=5 * STEPS, vision=layers * mapped, vae_encode=1, vae_decode=3
    )
    assert [run.apart for run in ours if run.apart is not None] == [pytest.approx(0, abs=1)] * 2
    assert ours[1].counts == Counts(unet_forward=2 * STEPS, vae_decode=1)


def test_an_edit_is_no_picture_of_the_source(
    parts: plain.Parts, pair: Pair, prepared: tuple[plain.Prepared, Counts]
) -> None:
    asked = plain.Asked(source=pair.source.caption, target=pair.target.caption, guidance_scale=SCALE)
    painted = plain.edit(parts, pair.image, prepared[0], asked)
    assert most_apart(painted.target, painted.source) > 16
    assert np.asarray(painted.autoencoded).shape == np.asarray(pair.image).shape
