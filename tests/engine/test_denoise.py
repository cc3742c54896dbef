"""Guidance and the sampling loop: the same numbers however it runs, and controls beside their source."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from engine import codec
from engine.attention import Chain, CrossEdit, SelfReplace, Step
from engine.denoise import Guidance, Text, batched, denoise, sequential, sparing
from engine.errors import NumericalError
from engine.schedule import ddim_move, to_eps
from engine.source import SourceRun
from engine.window import Window

STEPS = 4


def text_of(models: engine.Models, *prompts: str) -> Text:
    embedded = [codec.embed(models, codec.tokens(models, prompt)) for prompt in prompts]
    return Text(cond=torch.cat(embedded), uncond=codec.embed(models, codec.tokens(models, "")))


def start_of(models: engine.Models, height: int = 8, width: int = 8) -> Tensor:
    seed = torch.Generator().manual_seed(0)
    return torch.randn(models.unet.config.in_channels, height, width, generator=seed)


def p2p(models: engine.Models, targets: int, stop: float = 1.0) -> Chain:
    tokens, steps = models.token_limit, range(STEPS)
    gates = torch.tensor([float(step < STEPS * stop) for step in steps])[:, None, None].expand(
        -1, targets, tokens
    )
    cross = CrossEdit(
        projection=torch.eye(tokens).expand(targets, -1, -1), gates=gates, weights=torch.ones(targets, tokens)
    )
    return Chain([SelfReplace(window=Window(0, stop), factor=1), cross])


def test_one_row_is_the_textbook(models: engine.Models) -> None:
    text, schedule, x = text_of(models, "a cat"), models.schedule(STEPS), start_of(models)[None]
    with torch.no_grad():
        for move in schedule.denoising():
            cond = models.unet(x, move.timestep, text.cond).sample
            uncond = models.unet(x, move.timestep, text.uncond).sample
            x = ddim_move(x, uncond + 3 * (cond - uncond), move)

    mine = denoise(models, start_of(models), text=text, schedule=schedule, guidance_scale=3)

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


def beside(models: engine.Models, record: engine.SourceRecord, scale: float = 3) -> SourceRun:
    """The source of a record, without a cache."""
    return SourceRun(models, record, text=text_of(models, record.prompt), guidance_scale=scale)


def record_of(start: Tensor, *, pinned: bool, models: engine.Models) -> engine.SourceRecord:
    return engine.SourceRecord(
        key="",
        revision=models.revision,
        dtype=models.dtype_name,
        method="",
        prompt="a cat on grass",
        steps=STEPS,
        pinned=pinned,
        trajectory=start + 0.1 * torch.arange(STEPS, -1, -1)[:, None, None, None],
        learned={},
    )


@pytest.mark.parametrize("size", [(8, 8), (8, 12), (12, 8), (9, 7)])
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("uncond", [0.0, 0.5])
def test_batched_and_sequential_guidance_give_the_same_numbers(
    models: engine.Models, deep: engine.Models, size: tuple[int, int], pinned: bool, uncond: float
) -> None:
    def both(*call: Any) -> list[Tensor]:
        together, one_by_one = batched(*call), sequential(*call)
        for mine, yours in zip(together, one_by_one, strict=True):
            torch.testing.assert_close(mine, yours, rtol=1e-3, atol=1e-4)
        return together

    for model in (models, deep):
        start = start_of(model, *size)
        held = SelfReplace(window=Window(0, uncond), factor=1, branch="uncond")
        text = text_of(model, "a dog on grass", "a red cat on grass")
        values = text.cond + torch.arange(STEPS)[:, None, None, None]
        denoise(
            model,
            start,
            text=replace(text, values=values),
            schedule=model.schedule(STEPS),
            guidance_scale=3,
            control=Chain([held, p2p(model, 2, 0.5)]),
            source=beside(model, record_of(start, pinned=pinned, models=model)),
            guidance=both,
        )


def test_an_edit_by_the_same_prompt_is_the_source(models: engine.Models) -> None:
    start = start_of(models)
    source = beside(models, record_of(start, pinned=False, models=models))
    result = denoise(
        models,
        start,
        text=text_of(models, "a cat on grass"),
        schedule=models.schedule(STEPS),
        guidance_scale=3,
        control=p2p(models, 1),
        source=source,
    )

    torch.testing.assert_close(result, source.latent, rtol=1e-4, atol=1e-5)


def test_each_step_reads_its_own_values(models: engine.Models) -> None:
    text = text_of(models, "a cat", "a dog")
    values = torch.stack([text.cond, text.cond.flip(0), 2 * text.cond, -text.cond])
    seen: list[Tensor] = []

    def noting(*call: Any) -> list[Tensor]:
        seen.append(call[-1].values)
        return batched(*call)

    schedule, start = models.schedule(STEPS), start_of(models)
    denoise(models, start, text=replace(text, values=values), schedule=schedule, guidance=noting)

    assert torch.equal(torch.stack(seen), values)


def test_where_there_is_no_room_the_branches_run_one_by_one(
    models: engine.Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(guidance: Guidance) -> Tensor:
        return denoise(
            models,
            start_of(models),
            text=text_of(models, "a cat", "a dog"),
            schedule=models.schedule(STEPS),
            guidance_scale=3,
            control=p2p(models, 2),
            source=beside(models, record_of(start_of(models), pinned=True, models=models)),
            guidance=guidance,
        )

    forward, tries = models.unet.forward, itertools.count()

    def small(x: Tensor, *args: Any, **options: Any) -> Any:
        next(tries)
        if len(x) > 2:
            raise torch.OutOfMemoryError("full")
        return forward(x, *args, **options)

    expected = run(sequential)
    monkeypatch.setattr(models.unet, "forward", small)

    assert torch.equal(run(sparing), expected)
    assert next(tries) == (1 + 3) * STEPS


def test_v_prediction_is_read_as_noise_at_the_level_of_the_latent(deep: engine.Models) -> None:
    text, schedule, x = text_of(deep, "a cat"), deep.schedule(STEPS), start_of(deep)[None]
    with torch.no_grad():
        for move in schedule.denoising():
            said = deep.unet(x, move.timestep, text.cond).sample
            x = ddim_move(x, to_eps(said, x, move.alpha, "v_prediction"), move)

    mine = denoise(deep, start_of(deep), text=text, schedule=schedule)

    torch.testing.assert_close(mine, x, rtol=1e-4, atol=1e-5)


def test_numbers_that_are_none_end_the_run_at_their_step(models: engine.Models) -> None:
    def poison(step: Step, latents: Tensor) -> Tensor:
        return latents * float("nan") if step.index == 2 else latents

    with pytest.raises(NumericalError) as caught:
        denoise(
            models,
            start_of(models),
            text=text_of(models, "a cat"),
            schedule=models.schedule(STEPS),
            after=poison,
        )

    assert (caught.value.phase, caught.value.step) == ("edit", 2)
