"""What is fitted: the losses, against formulas of their own."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

import engine
from engine.inverters import Source
from engine.inverters.fitting import Fitting
from engine.progress import silent

STEPS = 3


class Plain:
    """Attention written out, whose values read something else, and which keeps its map."""

    def __init__(self, values: Tensor, kept: list[Tensor]) -> None:
        self.values, self.kept = values, kept

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        query = attn.head_to_batch_dim(attn.to_q(hidden_states))
        key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
        value = attn.head_to_batch_dim(attn.to_v(self.values))
        probs = (query @ key.transpose(1, 2) * attn.scale).softmax(-1)
        self.kept.append(probs)
        return attn.to_out[0](attn.batch_to_head_dim(probs @ value))


def plainly(
    model: engine.Backbone, x: Tensor, timestep: int, text: Tensor, values: Tensor
) -> tuple[Any, Any]:
    """What the U-Net predicts, and its cross-attention at the level of LocalBlend."""
    stock, kept = dict(model.network.attn_processors), []
    levels = {f"{site.name}.processor": site.factor for site in model.sites if site.kind == "cross"}
    mine = {name: Plain(values, kept if at == model.spec.blend_factor else []) for name, at in levels.items()}
    model.network.set_attn_processor({**stock, **mine})
    try:
        return model.network(x, timestep, text).sample, kept
    finally:
        model.network.set_attn_processor(stock)


@torch.no_grad()
def test_the_losses_are_the_published_ones(model: engine.Backbone, source: Source) -> None:
    aim = Fitting.of(model, source, model.schedule(STEPS), 7.5, silent)
    draw = torch.Generator().manual_seed(0)
    gamma, beta = (torch.randn(source.text.context.shape, generator=draw) for _ in range(2))
    text, empty = source.text.context, source.empty.context
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(STEPS)
    times = [int(time) for time in scheduler.timesteps]
    x = torch.randn(source.latent.shape, generator=draw)
    # The map at a latent is the one of the inversion step that left it; the highest latent has none.
    left = {0: 2, 1: 2, 2: 1}
    for index, call in aim.calls():
        cond, maps = plainly(model, x, times[index], text, text * gamma + beta)
        uncond, _ = plainly(model, x, times[index], empty, empty)
        start = aim.trajectory[left[index]][None]
        _, wanted = plainly(model, start, times[STEPS - 1 - left[index]], text, text)
        arrived = scheduler.step(uncond + 7.5 * (cond - uncond), times[index], x).prev_sample

        fit = aim.fit(aim.task(index, call, x), gamma, beta)

        goal = aim.trajectory[STEPS - 1 - index][None]
        torch.testing.assert_close(fit.reconstruction, torch.nn.functional.mse_loss(arrived, goal))
        assert len(maps) > 1
        attention = sum(torch.nn.functional.mse_loss(a, b) for a, b in zip(maps, wanted, strict=True))
        torch.testing.assert_close(fit.attention, attention, rtol=1e-4, atol=1e-9)
