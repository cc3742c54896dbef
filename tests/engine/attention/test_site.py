"""Where one can look into U-Nets of different shapes, and rules that pick places in any of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from diffusers import UNet2DConditionModel

import engine
from engine.attention import Site, Sites, coarsened
from engine.backbones.unet import modules_of
from engine.methods import pnp


@pytest.fixture(scope="module")
def stable_diffusion() -> UNet2DConditionModel:
    """The layers of Stable Diffusion 1, without weights."""
    with torch.device("meta"):
        return UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)


def names(places: Sequence[Site], rule: Sites) -> list[str]:
    return [place.name for place in places if place in rule]


def test_every_attention_layer_and_every_resnet_is_a_site_once(
    model: engine.Backbone, deep: engine.Backbone
) -> None:
    for each in (model, deep):
        attention = [place.name for place in each.sites if place.kind != "feature"]
        processors = [name.removesuffix(".processor") for name in each.network.attn_processors]
        assert sorted(attention) == sorted(processors)
        resnets = [name for name, _ in each.network.named_modules() if name.endswith(".conv2")]
        features = [f"{place.name}.conv2" for place in each.sites if place.kind == "feature"]
        assert sorted(features) == sorted(resnets)
        for place, module in each.modules.items():
            named = each.network.get_submodule(place.name)
            assert module is (named.conv2 if place.kind == "feature" else named)


def test_sites_are_in_the_order_of_the_run(deep: engine.Backbone) -> None:
    ran: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=place.name: ran.append(name))
        for place, module in deep.modules.items()
    ]
    with torch.no_grad():
        deep.network(torch.randn(1, 6, 8, 8), 1, torch.randn(1, 3, 12))
    for hook in hooks:
        hook.remove()

    kinds = {place.name: place.kind for place in deep.sites}
    for kind in ("self", "cross", "feature"):
        assert [name for name in ran if kinds[name] == kind] == names(deep.sites, Sites(kind=kind))


def test_stable_diffusions_layers_are_where_the_papers_count_them(
    stable_diffusion: UNet2DConditionModel,
) -> None:
    places = tuple(modules_of(stable_diffusion))
    for kind in ("self", "cross"):
        factors = {
            stage: [place.factor for place in places if (place.kind, place.stage) == (kind, stage)]
            for stage in ("down", "mid", "up")
        }
        assert factors == {"down": [1, 1, 2, 2, 4, 4], "mid": [8], "up": [4, 4, 4, 2, 2, 2, 1, 1, 1]}
    decoder = [place for place in places if (place.kind, place.stage) == ("feature", "up")]
    assert [place.factor for place in decoder] == [8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]
    assert [round(place.depth * 12) for place in decoder] == list(range(12))
    assert [place.until for place in decoder] == [place.depth for place in decoder[1:]] + [1]


def test_plug_and_plays_layers_are_the_authors(stable_diffusion: UNet2DConditionModel) -> None:
    places = tuple(modules_of(stable_diffusion))

    assert names(places, pnp.FEATURES) == ["up_blocks.1.resnets.1"]
    assert names(places, pnp.ATTENTION) == [
        f"up_blocks.{block}.attentions.{layer}.transformer_blocks.0.attn1"
        for block, layers in ((1, (1, 2)), (2, (0, 1, 2)), (3, (0, 1, 2)))
        for layer in layers
    ]


def test_a_decoder_of_any_depth_has_exactly_one_layer_at_a_depth(
    model: engine.Backbone, deep: engine.Backbone
) -> None:
    for each in (model, deep):
        for depth in (0.0, 1 / 3, 0.5, 0.99):
            rule = Sites(kind="feature", stage="up", at=depth)
            assert len(names(each.sites, rule)) == 1
        assert len(names(each.sites, pnp.FEATURES)) == 1
        assert len(names(each.sites, pnp.ATTENTION)) > 0


def test_a_rule_may_ask_for_coarse_layers_of_one_stage(stable_diffusion: UNet2DConditionModel) -> None:
    places = tuple(modules_of(stable_diffusion))

    coarse = [place for place in places if place in Sites(kind="self", factor=4)]
    late = [place for place in places if place in Sites(kind="cross", stage="up", first=6 / 9)]

    assert [place.factor for place in coarse] == [4, 4, 8, 4, 4, 4]
    assert [(place.stage, place.factor) for place in late] == [("up", 1)] * 3


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 12), (13, 7), (5, 5)])
def test_a_layer_has_the_tokens_its_factor_says_at_any_size(
    deep: engine.Backbone, height: int, width: int
) -> None:
    seen: dict[str, tuple[int, ...]] = {}

    def note(name: str, entering: torch.Tensor) -> None:
        seen[name] = tuple(entering.shape[1:2]) if entering.ndim == 3 else tuple(entering.shape[2:])

    hooks = [
        module.register_forward_pre_hook(lambda _, args, name=place.name: note(name, args[0]))
        for place, module in deep.modules.items()
    ]
    with torch.no_grad():
        deep.network(torch.randn(1, 6, height, width), 1, torch.randn(1, 3, 12))
    for hook in hooks:
        hook.remove()

    for place in deep.sites:
        size = coarsened(height, width, place.factor)
        assert seen[place.name] == (size if place.kind == "feature" else (math.prod(size),))


def test_tokens_round_up() -> None:
    assert coarsened(9, 12, 4) == (3, 3)
