"""Guidance and the sampling loop: the same numbers however it runs, and controls beside their source."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor

import engine
from engine import denoise as module
from engine.attention import Chain, Control, CrossEdit, FeatureReplace, SelfReplace, Sites, Step
from engine.conditioning import Conditioning
from engine.denoise import denoise, one_by_one, together
from engine.errors import NumericalError
from engine.guidance import ClassifierFree
from engine.lane import Lane
from engine.learned import Learned, Noise
from engine.methods.pnp import NegativePrompt
from engine.noise import Level
from engine.source import SourceRun
from engine.window import Window

STEPS = 4
STDS = (0.0, 0.3, 0.02, 0.01)
ANY_SELF = Sites(kind="self")


def read(model: engine.Backbone, *prompts: str) -> Conditioning:
    return Conditioning.cat([model.read(prompt, (8, 8)) for prompt in prompts])


def start_of(model: engine.Backbone, height: int = 8, width: int = 8) -> Tensor:
    seed = torch.Generator().manual_seed(0)
    return torch.randn(1, model.network.config.in_channels, height, width, generator=seed)


def lane_of(
    model: engine.Backbone, *prompts: str, start: Tensor | None = None, scale: float = 3.0, **more: Any
) -> Lane:
    """Targets of these prompts, guided away from no words and from a negative prompt."""
    rows = len(prompts)
    start = start_of(model) if start is None else start
    fields = {
        "start": start.expand(rows, -1, -1, -1),
        "calls": model.schedule(STEPS).denoising(),
        "guidance": ClassifierFree(scale),
        "conditionings": {
            "cond": read(model, *prompts),
            "uncond": read(model, *[""] * rows),
            "negative": read(model, *["a ball"] * rows),
        },
    }
    return Lane(**{**fields, **more})


def p2p(model: engine.Backbone, targets: int, stop: float = 1.0) -> Chain:
    tokens = model.token_limit
    gates = torch.tensor([float(step < STEPS * stop) for step in range(STEPS)])[:, None, None].expand(
        -1, targets, tokens
    )
    cross = CrossEdit(
        projection=torch.eye(tokens).expand(targets, -1, -1),
        gates=gates,
        weights=torch.ones(STEPS, targets, tokens),
    )
    return Chain([SelfReplace(window=Window(0, stop), sites=ANY_SELF), cross])


def test_one_row_is_the_textbook(model: engine.Backbone) -> None:
    cond, uncond, x = read(model, "a cat"), read(model, ""), start_of(model)
    with torch.no_grad():
        for at, _, to in ((call.at, call.shown, call.to) for call in model.schedule(STEPS).denoising()):
            one = model.network(x, at.timestep, cond.context).sample
            none = model.network(x, at.timestep, uncond.context).sample
            eps = none + 3 * (one - none)
            x = to.a * (x - at.s * eps) / at.a + to.s * eps

    (mine,) = denoise(model, [lane_of(model, "a cat")])

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


def test_v_prediction_is_read_as_noise_at_the_level_of_the_latent(deep: engine.Backbone) -> None:
    text, x = read(deep, "a cat").context, start_of(deep)
    with torch.no_grad():
        for call in deep.schedule(STEPS).denoising():
            v = deep.network(x, call.at.timestep, text).sample
            x0, eps = call.at.a * x - call.at.s * v, call.at.s * x + call.at.a * v
            x = call.to.a * x0 + call.to.s * eps

    (mine,) = denoise(deep, [lane_of(deep, "a cat", scale=1.0)])

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_from_noise_alone_guided_sampling_is_diffusers_in_float64(pure: engine.Backbone) -> None:
    scheduler = DDIMScheduler.from_config(pure.scheduler.config)
    scheduler.set_timesteps(STEPS)
    text, none = read(pure, "a cat").context, read(pure, "").context
    x = start_of(pure).double()
    for timestep in scheduler.timesteps:
        cond, uncond = (pure.network(x.float(), timestep, each).sample.double() for each in (text, none))
        x = scheduler.step(uncond + 3 * (cond - uncond), int(timestep), x).prev_sample

    (mine,) = denoise(pure, [lane_of(pure, "a cat")])

    torch.testing.assert_close(mine.double(), x, rtol=1e-4, atol=1e-4)


def source_of(
    model: engine.Backbone, *, pinned: bool, start: Tensor | None = None, scale: float = 3.0
) -> SourceRun:
    """The source of a record that was never inverted, without a cache."""
    start = start_of(model) if start is None else start
    record = engine.SourceRecord(
        key="",
        revision=model.revision,
        dtype=model.dtype_name,
        method="direct" if pinned else "ddim",
        prompt="a cat on grass",
        steps=STEPS,
        params={},
        trajectory=start + 0.1 * torch.arange(STEPS, -1, -1)[:, None, None, None],
        learned={},
    )
    lane = lane_of(model, record.prompt, start=record.trajectory[-1:], scale=scale)
    return SourceRun(model, record, lane, pinned=pinned)


@dataclass(frozen=True, kw_only=True)
class Bent(Learned):
    """Other values, another null prompt, a shift and noise, in every step."""

    text: Tensor

    def conditioning(self, index: int, branch: str, given: Conditioning) -> Conditioning:
        return given if branch == "cond" else given.with_context(self.text + index, f"{index}")

    def values(self, index: int, branch: str, context: Tensor) -> Tensor | None:
        return None if branch == "uncond" else context + index

    def noise(self, index: int) -> Noise:
        return Noise(0.02, torch.full((1, 1, 1, 1), 0.5))

    def shift(self, index: int, branch: str) -> Tensor | None:
        return torch.full((1, 1, 1, 1), 0.3) if branch == "negative" else None


@pytest.mark.parametrize("pinned", [False, True])
def test_branches_in_one_call_or_in_one_each_give_the_same_numbers(
    model: engine.Backbone,
    deep: engine.Backbone,
    monkeypatch: pytest.MonkeyPatch,
    pinned: bool,
) -> None:
    calls: list[int] = []

    def both(*call: Any) -> Mapping[str, Tensor]:
        mine, yours = together(*call), one_by_one(*call)
        assert mine.keys() == yours.keys()
        for name, prediction in mine.items():
            torch.testing.assert_close(prediction, yours[name], rtol=1e-3, atol=1e-4)
        calls.append(len(mine))
        return mine

    monkeypatch.setattr(module, "_predicted", lambda how, *call: (both(*call), how))
    for each, size in ((model, (9, 7)), (deep, (8, 12))):
        start = start_of(each, *size)
        held = SelfReplace(window=Window(0, 0.5), sites=ANY_SELF, branches=frozenset({"uncond"}))
        features = FeatureReplace(window=Window(0, 0.5), sites=Sites(kind="feature", stage="up"))
        lane = lane_of(
            each,
            "a dog on grass",
            "a red cat on grass",
            start=start,
            guidance=NegativePrompt(scale=3.0, alpha=0.5, schedule="linear"),
            control=Chain([held, features, p2p(each, 2, 0.5)]),
            takes={"negative": "uncond"},
            learned=Bent(text=read(each, "a ball").context),
            source=source_of(each, pinned=pinned, start=start),
        )
        denoise(each, [lane])
    assert calls == 2 * [3, 3, 3, 2]


def test_an_edit_by_the_same_prompt_is_the_source(model: engine.Backbone) -> None:
    source = source_of(model, pinned=False)
    (result,) = denoise(
        model,
        [lane_of(model, "a cat on grass", start=source.latent, control=p2p(model, 1), source=source)],
    )

    torch.testing.assert_close(result, source.latent, rtol=1e-4, atol=1e-5)


def test_lanes_do_not_depend_on_their_company(model: engine.Backbone) -> None:
    one, other = lane_of(model, "a cat"), lane_of(model, "a dog", "a ball", start=start_of(model, 8, 12))

    results = denoise(model, [one, other, one])

    assert [tuple(result.shape) for result in results] == [(1, 4, 8, 8), (2, 4, 8, 12), (1, 4, 8, 8)]
    assert torch.equal(results[0], results[2])
    assert torch.equal(results[1], denoise(model, [other])[0])


@dataclass(frozen=True)
class Noted(Control):
    """Keeps every step it is asked about."""

    steps: dict[int, Step] = field(default_factory=dict)

    def wants(self, site: Any, step: Step, branch: Any) -> bool:
        self.steps[step.index] = step
        return False


def test_each_step_reads_what_was_learned_for_it(model: engine.Backbone) -> None:
    noted, learned = Noted(), Bent(text=read(model, "a ball").context)
    lane = lane_of(model, "a cat", "a dog", control=noted, learned=learned)

    denoise(model, [lane])

    assert list(noted.steps) == list(range(STEPS))
    text = lane.conditionings["cond"].context
    for index, step in noted.steps.items():
        uncond, cond = step.branches
        assert uncond.values is None
        assert torch.equal(uncond.conditioning.context[1:], learned.text + index)
        assert cond.conditioning is lane.conditionings["cond"]
        assert torch.equal(cond.values, text + index)


def test_noise_replaces_as_much_of_what_the_step_removes(model: engine.Backbone) -> None:
    @dataclass(frozen=True)
    class Noisy(Learned):
        def noise(self, index: int) -> Noise:
            return Noise(STDS[index], torch.full((1, 4, 8, 8), float(index)))

    text, x = read(model, "a cat").context, start_of(model)
    cleans: list[Tensor] = []
    with torch.no_grad():
        for index, call in enumerate(model.schedule(STEPS).denoising()):
            eps = model.network(x, call.at.timestep, text).sample
            kept = (call.to.s**2 - STDS[index] ** 2) ** 0.5
            cleans.append((x - call.at.s * eps) / call.at.a)
            x = call.to.a * cleans[-1] + kept * eps + STDS[index] * index

    shown: list[Tensor] = []
    lane = lane_of(model, "a cat", scale=1.0, learned=Noisy())
    (mine,) = denoise(model, [lane], on_step=lambda done, total, latents, rows: shown.append(latents))

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.cat(shown), torch.cat(cleans), rtol=1e-3, atol=1e-4)


def test_a_shift_moves_what_the_network_reads_and_not_what_is_moved(model: engine.Backbone) -> None:
    @dataclass(frozen=True)
    class Aside(Learned):
        def shift(self, index: int, branch: str) -> Tensor | None:
            return torch.ones(1, 4, 8, 8) if branch == "cond" else None

    text, none, x = read(model, "a cat").context, read(model, "").context, start_of(model)
    with torch.no_grad():
        for call in model.schedule(STEPS).denoising():
            one = model.network(x + 1, call.at.timestep, text).sample
            other = model.network(x, call.at.timestep, none).sample
            eps = other + 3 * (one - other)
            x = call.to.a * (x - call.at.s * eps) / call.at.a + call.to.s * eps

    (mine,) = denoise(model, [lane_of(model, "a cat", learned=Aside())])

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


def passing(model: engine.Backbone, lane: Lane) -> list[Tensor]:
    """Where the lane was after each step."""
    arrived: list[Tensor] = []

    def note(step: Step, latents: Tensor, predictions: Any) -> Tensor:
        arrived.append(latents)
        return latents

    denoise(model, [replace(lane, after=note)])
    return arrived


@pytest.mark.parametrize("first", [1, 2, STEPS - 1])
def test_a_lane_that_starts_late_is_the_rest_of_the_whole_one(model: engine.Backbone, first: int) -> None:
    lane = lane_of(model, "a cat", learned=Bent(text=read(model, "a ball").context))
    whole = passing(model, lane)

    rest = passing(model, replace(lane, start=whole[first - 1], first=first))

    assert len(rest) == STEPS - first
    assert all(torch.equal(one, other) for one, other in zip(rest, whole[first:], strict=True))


@pytest.mark.parametrize("first", [0, 2, STEPS - 1])
def test_a_sampled_source_catches_up_with_a_lane_that_starts_late(
    model: engine.Backbone, network_rows: list[int], first: int
) -> None:
    early, late = source_of(model, pinned=False), source_of(model, pinned=False)
    heard: list[tuple[int, int, int]] = []

    def note(done: int, total: int, latents: Tensor | None, rows: Any) -> None:
        assert rows.done == sum(network_rows)
        heard.append((done, total, sum(rows)))

    lane = lane_of(model, "a dog on grass", control=p2p(model, 1))
    denoise(model, [replace(lane, source=early)])
    network_rows.clear()
    denoise(model, [replace(lane, source=late, first=first)], on_step=note)

    torch.testing.assert_close(late.latent, early.latent)
    assert late.calls == 2 * STEPS
    assert sum(network_rows) == 2 * STEPS + 2 * (STEPS - first)
    assert heard == [
        (done, STEPS - first, sum(network_rows)) for done in [0] * first + [*range(1, STEPS - first + 1)]
    ]


@dataclass(frozen=True)
class Concepts(ClassifierFree):
    """Guidance with a branch that no source has."""

    def branches(self, index: int, total: int) -> tuple[str, ...]:
        return ("uncond", "cond", "concept:1")

    def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
        return super().combine(predictions, index, total) + predictions["concept:1"]


@pytest.mark.parametrize("pinned", [True, False])
def test_a_branch_that_the_source_has_not_runs_beside_it_if_it_takes_nothing(
    model: engine.Backbone, network_rows: list[int], pinned: bool
) -> None:
    texts = {name: read(model, name) for name in ("cond", "uncond", "concept:1")}
    lane = lane_of(
        model,
        "a cat",
        guidance=Concepts(3.0),
        conditionings=texts,
        control=p2p(model, 1),
        source=source_of(model, pinned=pinned),
    )
    heard: list[int] = []

    denoise(model, [lane], on_step=lambda done, total, latents, rows: heard.append(sum(rows)))

    assert set(heard) == {sum(network_rows)} == {STEPS * (3 + (1 if pinned else 2))}


def test_where_there_is_no_room_the_branches_run_one_by_one(
    model: engine.Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> Tensor:
        lane = lane_of(
            model,
            "a cat",
            "a dog",
            control=p2p(model, 2),
            source=source_of(model, pinned=True),
        )
        return denoise(model, [lane])[0]

    forward, tries = model.network.forward, itertools.count()

    def small(x: Tensor, *args: Any, **options: Any) -> Any:
        next(tries)
        if len(x) > 2:
            raise torch.OutOfMemoryError("full")
        return forward(x, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_predicted", lambda how, *call: (one_by_one(*call), how))
        expected = run()
    monkeypatch.setattr(model.network, "forward", small)

    assert torch.equal(run(), expected)
    assert next(tries) == 1 + (1 + 2) * STEPS, "that there is no room is found out once"


def test_progress_shows_what_is_left_without_noise(model: engine.Backbone) -> None:
    shown: list[Tensor] = []
    predicted: list[Tensor] = []

    class Noting(ClassifierFree):
        def combine(self, predictions: Mapping[str, Tensor], index: int, total: int) -> Tensor:
            predicted.append(super().combine(predictions, index, total))
            return predicted[-1]

    lane = lane_of(model, "a cat", guidance=Noting(3.0))
    arrived = passing(model, lane)
    predicted.clear()
    denoise(model, [lane], on_step=lambda done, total, latents, rows: shown.append(latents))

    levels: Sequence[Level] = [call.to for call in lane.calls]
    for x0, x, eps, level in zip(shown, arrived, predicted, levels, strict=True):
        torch.testing.assert_close(level.a * x0 + level.s * eps, x)


def test_latents_that_become_nan_end_the_run_at_their_step(model: engine.Backbone) -> None:
    def poison(step: Step, latents: Tensor, predictions: Any) -> Tensor:
        return latents * float("nan") if step.index == 2 else latents

    with pytest.raises(NumericalError) as caught:
        denoise(model, [lane_of(model, "a cat", after=poison)])

    assert (caught.value.phase, caught.value.step) == ("edit", 2)
