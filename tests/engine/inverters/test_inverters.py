"""What holds for every inverter there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from diffusers import DDIMInverseScheduler
from PIL import Image
from torch import Tensor

import engine
from engine.backbones.unet import StableDiffusion
from engine.conditioning import Conditioning
from engine.denoise import denoise
from engine.errors import NumericalError
from engine.guidance import ClassifierFree
from engine.inverters import INVERTERS, Inversion, Source
from engine.inverting import resolved
from engine.lane import Lane
from engine.noise import Level, held
from engine.progress import Progress, silent
from parameters import INVERSIONS, for_pictures
from parameters.inversions import PATH
from tests.engine.inverters.inverting import inverted_by

STEPS = 6
QUICK: dict[str, dict[str, Any]] = {
    "null-text": {"inner_steps": 2},
    "prompt-tuning": {"inner_steps": 2},
    "stylediffusion": {"inner_steps": 2},
    "stylediffusion-faithful": {"inner_steps": 2},
}
"""Parameters that make an inverter quick."""
WITH_PATH = [name for name in for_pictures() if PATH in INVERSIONS[name].gives]


def first_latent(seed: int = 0) -> Tensor:
    return torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(seed))


def invert(model: engine.Backbone, method: str, seed: int = 0, steps: int = STEPS) -> Inversion:
    return quickly(model, method, source_of(model, first_latent(seed)), steps)


def quickly(
    model: engine.Backbone, method: str, source: Source, steps: int, on_progress: Any = silent
) -> Inversion:
    return inverted_by(method, model, source, steps, on_progress, **QUICK.get(method, {}))


def source_of(model: engine.Backbone, latent: Tensor) -> Source:
    height, width = latent.shape[-2:]
    factor = model.vae_factor
    return Source(
        picture=Image.new("RGB", (width * factor, height * factor), "teal"),
        latent=latent,
        text=model.read("a cat", (height, width)),
        empty=model.read("", (height, width)),
    )


def test_every_inverter_has_parameters_of_its_name_and_none_is_missing() -> None:
    assert {name: inverter.params for name, inverter in INVERTERS.items()} == dict(INVERSIONS)


@pytest.mark.parametrize("method", for_pictures())
def test_a_trajectory_starts_at_the_picture_and_repeats(model: engine.Backbone, method: str) -> None:
    inversion = invert(model, method)
    invert(model, method, seed=1)
    again = invert(model, method)

    torch.testing.assert_close(inversion.trajectory[:1], first_latent())
    levels = STEPS + 1 if method in WITH_PATH else 1
    assert inversion.trajectory.shape == (levels, 4, 8, 12)
    assert inversion.trajectory.dtype == torch.float32
    assert torch.equal(inversion.trajectory, again.trajectory)
    assert inversion.learned.keys() == again.learned.keys()
    for name, tensor in inversion.learned.items():
        assert torch.equal(tensor, again.learned[name])
        assert len(tensor) == STEPS
    assert not any(t.requires_grad for t in (inversion.trajectory, *inversion.learned.values()))


@pytest.mark.parametrize("method", WITH_PATH)
def test_an_inversion_counts_its_steps_and_its_rows(
    model: engine.Backbone, network_rows: list[int], method: str
) -> None:
    heard: list[Progress] = []
    source = source_of(model, torch.zeros(1, 4, 8, 8))

    quickly(model, method, source, 3, heard.append)

    assert heard[:3] == [Progress("invert", step, 3) for step in (1, 2, 3)]
    assert network_rows[:3] == [2 if method == "edit-friendly" else 1] * 3
    shown = [one.latent for one in heard if one.latent is not None]
    assert len(shown) > len(heard) / 2
    assert all(latent.shape == source.latent.shape and not latent.requires_grad for latent in shown)


@pytest.mark.parametrize("method", for_pictures())
def test_the_inner_steps_there_may_be_are_known_before_and_counted_to_the_end(
    model: engine.Backbone, method: str
) -> None:
    heard: list[Progress] = []
    quickly(model, method, source_of(model, torch.zeros(1, 4, 8, 8)), 2, heard.append)

    params = resolved(model, method, QUICK.get(method, {}))
    most = INVERTERS[method].inner_steps_of(2, params)
    learning = [now for now in heard if now.phase == "optimize"]
    assert {now.total for now in learning} == ({most} - {0})
    assert [now.step for now in learning] == sorted(now.step for now in learning)
    assert {now.step for now in learning[-1:]} == ({most} - {0})


@pytest.mark.parametrize("method", WITH_PATH)
def test_an_inversion_ends_at_whatever_step_it_is_interrupted(model: engine.Backbone, method: str) -> None:
    heard: list[Progress] = []
    source = source_of(model, torch.zeros(1, 4, 8, 8))
    quickly(model, method, source, 2, heard.append)

    for last in range(1, len(heard) + 1):
        seen: list[Progress] = []

        def interrupt(progress: Progress, seen: list[Progress] = seen, last: int = last) -> None:
            seen.append(progress)
            if len(seen) == last:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            quickly(model, method, source, 2, interrupt)
        assert seen == heard[:last]


@pytest.mark.parametrize("method", for_pictures())
def test_no_weight_learns_anything(model: engine.Backbone, method: str) -> None:
    parts = (model.network, model.vae, model.text_encoder, model.vision)  # type: ignore[attr-defined]
    before = [weight.clone() for part in parts for weight in part.parameters()]
    random = torch.random.get_rng_state()

    invert(model, method, steps=2)

    weights = [weight for part in parts for weight in part.parameters()]
    assert all(torch.equal(was, weight) for was, weight in zip(before, weights, strict=True))
    assert not any(weight.requires_grad or weight.grad is not None for weight in weights)
    assert torch.equal(torch.random.get_rng_state(), random)


@pytest.mark.parametrize("method", WITH_PATH)
def test_nan_ends_the_inversion(model: engine.Backbone, method: str) -> None:
    source = source_of(model, torch.full((1, 4, 8, 8), float("nan")))

    with pytest.raises(NumericalError, match="invert"):
        quickly(model, method, source, 3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["null-text", "stylediffusion-faithful"])
def test_a_rate_that_falls_by_the_hundredth_lasts_for_any_number_of_steps(
    model: engine.Backbone, method: str
) -> None:
    source = source_of(model, torch.zeros(1, 4, 4, 4))

    inversion = inverted_by(method, model, source, 102, inner_steps=1)

    assert torch.isfinite(inversion.trajectory).all()


def test_ddim_is_diffusers_inverse_scheduler(model: engine.Backbone) -> None:
    inverse = DDIMInverseScheduler.from_config(model.scheduler.config)
    inverse.set_timesteps(STEPS)
    x, text = first_latent(), model.read("a cat", (8, 12)).context
    levels = [x]
    with torch.no_grad():
        for timestep in inverse.timesteps:
            x = inverse.step(model.network(x, timestep, text).sample, int(timestep), x).prev_sample
            levels.append(x)

    torch.testing.assert_close(invert(model, "ddim").trajectory, torch.cat(levels), rtol=1e-4, atol=1e-5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Speaking(StableDiffusion):
    """The same model, whose network gives x0 or v in place of noise."""

    speaks: Any = "epsilon"

    def predict(self, x: Tensor, level: Level, conditioning: Conditioning, steps: Any = ()) -> Tensor:
        eps = super().predict(x, level, conditioning, steps)
        x0 = (x - level.s * eps) / level.a
        output = {"sample": x0, "v_prediction": level.a * eps - level.s * x0}[self.speaks]
        return held(output, x, level, self.speaks)


@pytest.mark.parametrize("speaks", ["v_prediction", "sample"])
@pytest.mark.parametrize("method", ["ddim", "edit-friendly"])
def test_a_network_inverts_alike_whatever_it_predicts(
    model: engine.Backbone, method: str, speaks: str
) -> None:
    fields = {name: value for name, value in vars(model).items() if name in model.__dataclass_fields__}

    trajectory = invert(Speaking(**fields, speaks=speaks), method).trajectory

    torch.testing.assert_close(trajectory, invert(model, method).trajectory, rtol=1e-4, atol=1e-4)


def test_the_ddim_round_trip_closes_as_steps_grow(model: engine.Backbone) -> None:
    source = source_of(model, first_latent()[..., :4, :6])

    def gap(steps: int) -> float:
        trajectory = inverted_by("ddim", model, source, steps).trajectory
        lane = Lane(
            start=trajectory[-1:],
            calls=model.schedule(steps).denoising(),
            guidance=ClassifierFree(1.0),
            conditionings={"cond": source.text},
        )
        (back,) = denoise(model, [lane])
        return float((back - trajectory[:1]).abs().max())

    assert gap(160) < 0.4 * gap(20)


def test_direct_pins_what_ddim_leaves_free(model: engine.Backbone) -> None:
    direct, ddim = invert(model, "direct"), invert(model, "ddim")

    assert (INVERTERS["direct"].pinned, INVERTERS["ddim"].pinned) == (True, False)
    assert torch.equal(direct.trajectory, ddim.trajectory)
