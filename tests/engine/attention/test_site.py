"""Where attention happens, in U-Nets of different shapes."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import UNet2DConditionModel

import engine
from engine.attention import coarsened, sites_of


def test_every_attention_layer_is_a_site_once(models: engine.Models, deep: engine.Models) -> None:
    for unet in (models.unet, deep.unet):
        names = [site.name for site in sites_of(unet)]
        assert sorted(names) == sorted(unet.attn_processors)


def test_stable_diffusions_layers_are_where_the_paper_counts_them() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    cross = [site for site in sites_of(unet) if site.kind == "cross"]

    factors = {
        place: [site.factor for site in cross if site.place == place] for place in ("down", "mid", "up")
    }

    assert factors == {"down": [1, 1, 2, 2, 4, 4], "mid": [8], "up": [4, 4, 4, 2, 2, 2, 1, 1, 1]}
    assert len(sites_of(unet)) == 32


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 12), (13, 7), (5, 5)])
def test_a_layer_has_the_tokens_its_factor_says_at_any_size(
    deep: engine.Models, height: int, width: int
) -> None:
    seen: dict[str, int] = {}
    hooks = [
        deep.unet.get_submodule(site.name.removesuffix(".processor")).register_forward_pre_hook(
            lambda _, args, name=site.name: seen.update({name: args[0].shape[1]})
        )
        for site in deep.sites
    ]
    with torch.no_grad():
        deep.unet(torch.randn(1, 6, height, width), 1, torch.randn(1, 3, 12))
    for hook in hooks:
        hook.remove()

    assert seen == {site.name: math.prod(coarsened(height, width, site.factor)) for site in deep.sites}


def test_tokens_round_up() -> None:
    assert coarsened(9, 12, 4) == (3, 3)
