"""Plug-and-Play against the procedure written out: source and targets in one batch, features handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler
from PIL import Image
from torch import Tensor

import engine
from engine import Edit, PlugAndPlay, codec
from engine.methods import pnp

STEPS = 5
SCALE = 2.0
"""Random networks magnify rounding the more, the stronger they are guided."""


class Injecting:
    """Self-attention of every row with the first row's query and key."""

    def __call__(self, attn: Any, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        source = hidden_states[:1].expand_as(hidden_states)
        query, key, value = (
            layer(read).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for layer, read in (
                (attn.to_q, source),
                (attn.to_k, source),
                (attn.to_v, hidden_states),
            )
        )
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        result: Tensor = attn.to_out[0](attended)
        return result


@contextmanager
def injected(model: engine.Backbone, *, features: bool, attention: bool) -> Iterator[None]:
    """The network with the first row's features and self-attention in all the others."""
    stock = dict(model.network.attn_processors)
    hooks = []
    if features:
        (resnet,) = (site.name for site in model.sites if site in pnp.FEATURES)
        conv = model.network.get_submodule(resnet).conv2
        hooks.append(conv.register_forward_hook(lambda _, args, output: output[:1].expand_as(output)))
    if attention:
        layers = [f"{site.name}.processor" for site in model.sites if site in pnp.ATTENTION]
        model.network.set_attn_processor({**stock, **{name: Injecting() for name in layers}})
    yield
    model.network.set_attn_processor(stock)
    for hook in hooks:
        hook.remove()


@torch.no_grad()
def written_out(
    model: engine.Backbone,
    record: engine.SourceRecord,
    target: str,
    negative: str,
    alphas: list[float],
    tau_f: int,
    tau_a: int,
) -> Tensor:
    """The published procedure, with the numbers of steps that features and attention are injected in."""
    scheduler = DDIMScheduler.from_config(model.scheduler.config)
    scheduler.set_timesteps(STEPS)
    texts = torch.cat([model.read(prompt, record.size).context for prompt in ("", "", negative, target)])
    x = record.trajectory[-1:]
    for index, timestep in enumerate(scheduler.timesteps):
        batch = torch.cat([record.trajectory[STEPS - index][None], x, x, x])
        with injected(model, features=index < tau_f, attention=index < tau_a):
            _, empty, other, cond = model.network(batch, timestep, texts).sample.split(1)
        away = alphas[index] * empty + (1 - alphas[index]) * other
        x = scheduler.step(away + SCALE * (cond - away), int(timestep), x).prev_sample
    return x[0]


CASES: dict[str, tuple[dict[str, Any], str | None, list[float], int, int]] = {
    "published": ({}, None, [1, 0.75, 0.5, 0.25, 0], 4, 2),
    "constant": ({"negative_prompt_schedule": "constant"}, None, [1] * 5, 4, 2),
    "negative": (
        {"negative_prompt_alpha": 0.5, "negative_prompt_schedule": "constant"},
        "a red ball",
        [0.5] * 5,
        4,
        2,
    ),
    "throughout": ({"tau_f": 1.0, "tau_a": 1.0}, None, [1, 0.75, 0.5, 0.25, 0], 5, 5),
    "neither": ({"tau_f": 0.0, "tau_a": 0.0}, None, [1, 0.75, 0.5, 0.25, 0], 0, 0),
}


@pytest.mark.parametrize(
    ("architecture", "case"), [*(("model", case) for case in CASES), ("deep", "published")]
)
def test_it_is_the_published_procedure(
    request: pytest.FixtureRequest, picture: Callable[..., Image.Image], architecture: str, case: str
) -> None:
    model = request.getfixturevalue(architecture)
    params, negative, alphas, tau_f, tau_a = CASES[case]
    record = engine.invert(model, picture(72, 50), prompt="a cat on grass", method="direct", steps=STEPS)
    prompt = record.prompt if negative is None else negative
    expected = written_out(model, record, "a dog on grass", prompt, alphas, tau_f, tau_a)

    asked = Edit(
        prompt="a dog on grass",
        method=PlugAndPlay(**params),
        guidance_scale=SCALE,
        negative_prompt=negative,
    )
    result = engine.edit(model, record, asked)

    picture_of = codec.decode_one(model, expected)
    assert np.abs(np.array(result.images[0], int) - np.array(picture_of, int)).max() <= 1


def test_a_source_is_followed_along_its_stored_path_even_where_it_could_be_sampled(
    model: engine.Backbone, image: Image.Image
) -> None:
    asked = Edit(prompt="a dog on grass", method=PlugAndPlay())
    direct, ddim = (
        engine.invert(model, image, prompt="a cat on grass", method=method, steps=STEPS)
        for method in ("direct", "ddim")
    )

    one, other = (engine.edit(model, record, asked) for record in (direct, ddim))

    assert one.images[0].tobytes() == other.images[0].tobytes()
    assert one.source.tobytes() == other.source.tobytes()


def test_rows_that_weigh_nothing_and_features_that_are_not_taken_cost_nothing(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    for method, scale, expected in (
        (PlugAndPlay(), 7.5, [1, 2, *[1, 3] * 3, 2]),
        (PlugAndPlay(tau_f=0.0, tau_a=0.0), 7.5, [2, 3, 3, 3, 2]),
        (PlugAndPlay(negative_prompt_schedule="constant"), 7.5, [1, 2] * 4 + [2]),
        (PlugAndPlay(negative_prompt_alpha=0.0, tau_f=0.4), 7.5, [1, 2] * 2 + [2] * 3),
        (PlugAndPlay(), 1.0, [1, 1] * 4 + [1]),
    ):
        network_rows.clear()
        engine.edit(model, record, Edit(prompt="a dog on grass", method=method, guidance_scale=scale))

        assert network_rows == expected


def test_pictures_of_features_are_of_the_decoder_and_of_four_steps_and_change_no_edit(
    model: engine.Backbone, picture: Callable[..., Image.Image]
) -> None:
    record = engine.invert(model, picture(48, 32), prompt="a cat on grass", steps=STEPS)
    targets = ("a dog on grass", "a red ball")
    plain, shown = (
        engine.edit(model, record, Edit(prompt=targets, method=PlugAndPlay(features=features)))
        for features in (False, True)
    )

    assert plain.features == ()
    assert [one.tobytes() for one in plain.images] == [one.tobytes() for one in shown.images]
    decoder = {site.name for site in model.sites if site.stage == "up" and site.kind in ("feature", "self")}
    assert {each.layer for each in shown.features} == decoder
    assert {each.kind for each in shown.features} == {"feature", "self"}
    assert [each.step for each in shown.features if each.kind == "feature"] == sorted(
        [0, 1, 3, 4] * len([site for site in model.sites if (site.kind, site.stage) == ("feature", "up")])
    )
    for each in shown.features:
        assert len(each.images) == 2
        for drawn in (*each.images, each.source):
            assert drawn is not None
            assert (drawn.mode, drawn.size) == ("RGB", (48, 32))
        assert each.images[0].tobytes() != each.images[1].tobytes()
    again = engine.edit(model, record, Edit(prompt=targets, method=PlugAndPlay(features=True)))
    assert again.features == shown.features
