"""Guidance and the sampling loop: the same numbers however it runs, and no row more than needed."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from engine import codec
from engine.attention import Branch, Chain, CrossEdit, Heads, SelfReplace, Site, Step
from engine.denoise import Guidance, Text, batched, denoise, sequential, sparing
from engine.errors import NumericalError
from engine.schedule import ddim_move, to_eps
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


@pytest.mark.parametrize("size", [(8, 8), (8, 12), (12, 8), (9, 7)])
@pytest.mark.parametrize("pinned", [False, True])
def test_batched_and_sequential_guidance_give_the_same_numbers(
    models: engine.Models, deep: engine.Models, size: tuple[int, int], pinned: bool
) -> None:
    def both(*call: Any) -> list[Tensor]:
        together, one_by_one = batched(*call), sequential(*call)
        for mine, yours in zip(together, one_by_one, strict=True):
            torch.testing.assert_close(mine, yours, rtol=1e-3, atol=1e-4)
        return together

    for model in (models, deep):
        start = start_of(model, *size)
        denoise(
            model,
            start,
            text=text_of(model, "a cat on grass", "a dog on grass", "a red cat on grass"),
            schedule=model.schedule(STEPS),
            guidance_scale=3,
            control=p2p(model, 2, 0.5),
            pinned=start + 0.1 * torch.arange(STEPS + 1)[:, None, None, None] if pinned else None,
            guidance=both,
        )


def test_a_pinned_row_follows_its_trajectory_to_the_bit(models: engine.Models) -> None:
    path = torch.randn(STEPS + 1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    seen: list[Tensor] = []

    def after(step: Step, latents: Tensor) -> Tensor:
        seen.append(latents[0])
        return latents

    result = denoise(
        models,
        path[-1],
        text=text_of(models, "a cat", "a dog"),
        schedule=models.schedule(STEPS),
        guidance_scale=3,
        pinned=path,
        after=after,
    )

    assert torch.equal(torch.stack(seen), path[:-1].flip(0))
    assert torch.equal(result[0], path[0])


def test_an_edit_by_the_same_prompt_is_the_source(models: engine.Models) -> None:
    result = denoise(
        models,
        start_of(models),
        text=text_of(models, "a cat", "a cat"),
        schedule=models.schedule(STEPS),
        guidance_scale=3,
        control=p2p(models, 1),
    )

    torch.testing.assert_close(result[1], result[0], rtol=1e-4, atol=1e-5)


class Unconditional:
    """Looks at the unconditional branch during the first half."""

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return branch.name == "uncond" and branch.has_source and step in Window(0, 0.5)

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return heads


@pytest.mark.parametrize(
    ("control", "pinned", "scale", "expected"),
    [
        ("none", True, 3.0, [4, 4, 4, 4]),
        ("half", True, 3.0, [5, 5, 4, 4]),
        ("half", True, 1.0, [3, 3, 2, 2]),
        ("half", False, 3.0, [6, 6, 6, 6]),
        ("none", False, 1.0, [3, 3, 3, 3]),
        ("uncond", True, 3.0, [5, 5, 4, 4]),
    ],
)
def test_a_pinned_source_costs_rows_only_where_a_control_looks_at_it(
    models: engine.Models, unet_rows: list[int], control: str, pinned: bool, scale: float, expected: list[int]
) -> None:
    controls: dict[str, Any] = {"none": Chain(), "half": p2p(models, 2, 0.5), "uncond": Unconditional()}
    start = start_of(models)

    denoise(
        models,
        start,
        text=text_of(models, "a cat", "a dog", "a ball"),
        schedule=models.schedule(STEPS),
        guidance_scale=scale,
        control=controls[control],
        pinned=start.expand(STEPS + 1, -1, -1, -1) if pinned else None,
    )

    assert unet_rows == expected


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
            control=p2p(models, 1),
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
    assert next(tries) == 3 * STEPS


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
