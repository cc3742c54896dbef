"""Null-text inversion against the published procedure, written out with diffusers' scheduler."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch import Tensor

import engine
from engine import P2P, Edit
from engine.inverters import Source
from engine.progress import Progress
from tests.engine.inverters.inverting import inverted_by

STEPS = 3
SCALE = 7.5


def published(
    model: engine.Backbone, source: Source, pivot: Tensor, inner_steps: int, rate: float
) -> tuple[Tensor, list[int]]:
    """The embeddings, and how many steps of Adam each took."""
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(STEPS)
    uncond, x = source.empty.context, pivot[-1:]
    found: list[Tensor] = []
    taken: list[int] = []
    for index, timestep in enumerate(scheduler.timesteps):
        uncond = uncond.clone().detach().requires_grad_()
        adam = torch.optim.Adam([uncond], lr=rate * (1 - index / 100))
        goal = pivot[STEPS - 1 - index][None]
        with torch.no_grad():
            cond = model.network(x, timestep, source.text.context).sample
        taken.append(0)
        for _ in range(inner_steps):
            taken[-1] += 1
            away = model.network(x, timestep, uncond).sample
            arrived = scheduler.step(away + SCALE * (cond - away), int(timestep), x).prev_sample
            loss = torch.nn.functional.mse_loss(arrived, goal)
            adam.zero_grad()
            loss.backward()
            adam.step()
            if loss.item() < 1e-5 + index * 2e-5:
                break
        with torch.no_grad():
            away = model.network(x, timestep, uncond).sample
            x = scheduler.step(away + SCALE * (cond - away), int(timestep), x).prev_sample
        found.append(uncond.detach())
    return torch.cat(found), taken


def test_embeddings_are_learned_as_published(model: engine.Backbone, source: Source) -> None:
    inversion = inverted_by("null-text", model, source, STEPS, inner_steps=4)

    wanted, taken = published(model, source, inversion.trajectory, 4, 0.01)

    assert max(taken) > 1
    # The first steps of Adam are as long as its rate, however small the gradient, which magnifies rounding.
    difference = (inversion.learned["uncond"] - wanted).abs()
    assert difference.mean() < 1e-4
    assert difference.max() < 0.01
    ddim = inverted_by("ddim", model, source, STEPS)
    assert torch.equal(inversion.trajectory, ddim.trajectory)


def test_guided_sampling_comes_closer_to_the_picture_than_with_the_empty_prompt(
    model: engine.Backbone, image: Image.Image
) -> None:
    asked = {"prompt": "a cat on grass", "method": "null-text", "steps": STEPS}
    learned = engine.invert(model, image, **asked, params={"inner_steps": 30, "guidance_scale": SCALE})
    rates = {"inner_steps": 1, "guidance_scale": SCALE, "learning_rate": 1e-9}
    idle = engine.invert(model, image, **asked, params=rates)

    def ended(record: engine.SourceRecord) -> float:
        seen: list[Progress] = []
        engine.reconstruct(model, record, on_progress=seen.append)
        last = [one.latent for one in seen if one.phase == "reconstruct"][-1]
        assert last is not None
        level = model.schedule(STEPS).levels[0]
        return float((level.a * last - record.trajectory[:1]).square().mean())

    assert ended(learned) < 0.9 * ended(idle)


def test_only_the_unconditional_row_reads_what_was_learned_step_by_step(
    model: engine.Backbone, image: Image.Image
) -> None:
    record = engine.invert(
        model, image, prompt="a cat on grass", method="null-text", steps=STEPS, params={"inner_steps": 2}
    )
    read: list[Tensor] = []
    layer = model.network.mid_block.attentions[0].transformer_blocks[0].attn2
    hook = layer.to_k.register_forward_pre_hook(lambda _, args: read.append(args[0]))

    method = P2P(tau_c=0, tau_s=0)
    engine.edit(model, record, Edit(prompt=("a dog", "a ball"), method=method))
    hook.remove()

    source, targets = read[0::3], read[2::3]
    learned, texts = record.learned["uncond"], [model.read(prompt, (8, 8)) for prompt in ("a dog", "a ball")]
    assert len(read) == 3 * STEPS
    for index in range(STEPS):
        beside = torch.cat([source[index], read[3 * index + 1], targets[index]])
        expected = [
            model.read(record.prompt, (8, 8)).context,
            learned[index][None],
            *[learned[index][None]] * 2,
            *[text.context for text in texts],
        ]
        torch.testing.assert_close(beside, torch.cat(expected))


def test_a_record_is_good_for_its_own_scale_alone(model: engine.Backbone, image: Image.Image) -> None:
    record = engine.invert(
        model, image, prompt="a cat", method="null-text", steps=2, params={"inner_steps": 1}
    )

    assert record.guidance_scale == model.spec.guidance_scale
