"""SD-1.5's architecture without weights, and what each call of its parts costs.

Counted with `torch.utils.flop_counter` on the meta device, in eq: one U-Net forward of one row at 512x512
pixels is 1 eq, which is 0.803 TFLOP (2 per multiply-add).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPVisionConfig, CLIPVisionModel

from benchmarks import plain
from engine.attention import (
    Branch,
    Chain,
    Control,
    Features,
    Heads,
    Maps,
    SelfReplace,
    Site,
    Sites,
    SourceStep,
    Step,
    controlled,
)
from engine.backbones.sites import modules_of
from engine.conditioning import Conditioning
from engine.window import Window

UNIT = 0.803e12
TEXT, WIDTH, SIDE = 77, 768, 64
SELF_FACTOR, BLEND_FACTOR = 2, 4

UNET = {"sample_size": SIDE, "cross_attention_dim": WIDTH, "attention_head_dim": 8}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
}
VISION = {
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "patch_size": 16,
    "image_size": 224,
}


class _WordSwap(Control):
    """What `CrossEdit` does where all words take the source's attention; that one asks its gates, and on the
    meta device there is nothing in them.
    """

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return site.kind == "cross" and branch.name == "cond"

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        assert heads.source is not None
        projection = _meta(1, 1, TEXT, TEXT)
        terms = (term.folded(lambda value: projection @ value) for term in heads.source.terms)
        return replace(heads, edited=tuple(terms))


class Costs:
    """Eq per call, each counted when first asked for."""

    def __init__(self) -> None:
        with torch.device("meta"):
            self.unet: Any = UNet2DConditionModel(**UNET).eval()
            self.vae: Any = AutoencoderKL(**VAE).eval()
            self.vision: Any = CLIPVisionModel(CLIPVisionConfig(**VISION)).eval()
            self.tokens = 1 + (VISION["image_size"] // VISION["patch_size"]) ** 2
            self.mapping = plain.Mapping(self.tokens, TEXT)
        self.modules = modules_of(self.unet)
        self.sites = [site for site in self.modules if site.kind != "feature"]

    @property
    def cross_layers(self) -> int:
        """Cross-attention layers, in each of which the published code encodes the picture."""
        return sum(site.kind == "cross" for site in self.sites)

    @cached_property
    def forward(self) -> float:
        """One row through the U-Net."""
        return self._eq(lambda: self._unet())

    @cached_property
    def backward_all(self) -> float:
        """One row back, to every weight."""
        return self._eq(lambda: self._unet().sum().backward(), grad=True) - self.forward

    @cached_property
    def backward_values(self) -> float:
        """One row back with frozen weights, to the value input alone."""
        values = _meta(1, TEXT, WIDTH).requires_grad_()
        self.unet.requires_grad_(False)
        branch = Branch(name="cond", rows=(0,), conditioning=_read(), values=values)
        step = Step(index=0, total=1, branches=(branch,))
        with controlled(self.modules, (step,)):
            both = self._eq(lambda: self._unet().sum().backward(), grad=True)
        self.unet.requires_grad_(True)
        return both - self.forward

    @cached_property
    def encode(self) -> float:
        """A picture into a latent."""
        return self._eq(lambda: self.vae.encode(_meta(1, 3, 8 * SIDE, 8 * SIDE)))

    @cached_property
    def decode(self) -> float:
        """A latent into a picture."""
        return self._eq(lambda: self.vae.decode(_meta(1, 4, SIDE, SIDE)))

    @cached_property
    def look(self) -> float:
        """A picture through the vision tower."""
        return self._eq(lambda: self._features())

    @cached_property
    def look_backward(self) -> float:
        """Back through the vision tower, to every weight."""
        return self._eq(lambda: self._features().sum().backward(), grad=True) - self.look

    @cached_property
    def map(self) -> float:
        """Through M_t."""
        return self._eq(lambda: self.mapping(_meta(1, self.tokens, WIDTH)))

    @cached_property
    def map_backward(self) -> float:
        """Back through M_t."""

        def work() -> None:
            gamma, beta = self.mapping(_meta(1, self.tokens, WIDTH))
            (gamma.sum() + beta.sum()).backward()

        return self._eq(work, grad=True) - self.map

    def edit_step(self, *, self_replaced: bool, cross_taken: bool, blended: bool) -> float:
        """One step of an edit with the source's features at hand: the target's row in both branches."""
        controls: list[Control] = []
        if self_replaced:
            controls.append(SelfReplace(window=Window(0, 1), sites=Sites(kind="self", factor=SELF_FACTOR)))
        if cross_taken:
            controls.append(_WordSwap())
        values = _meta(1, TEXT, WIDTH)
        hidden = {site.name: _meta(1, *self._shape(site)) for site in self.sites}
        features = Features(hidden=hidden, context=_meta(1, TEXT, WIDTH), values=values)
        step = Step(
            index=0,
            total=1,
            branches=(
                Branch(name="uncond", rows=(0,), conditioning=_read()),
                Branch(name="cond", rows=(0,), conditioning=_read(), values=values),
            ),
            control=Chain(controls),
            observers=(Maps(BLEND_FACTOR),) if blended else (),
            source=SourceStep(latent=_meta(1, 4, SIDE, SIDE), features={"cond": features}),
        )
        with controlled(self.modules, (step,)):
            return self._eq(lambda: self._unet(rows=2))

    def _unet(self, rows: int = 1) -> Tensor:
        prediction: Tensor = self.unet(
            _meta(rows, 4, SIDE, SIDE), 1, encoder_hidden_states=_meta(rows, TEXT, WIDTH)
        ).sample
        return prediction

    def _features(self) -> Tensor:
        size = VISION["image_size"]
        tokens: Tensor = self.vision(_meta(1, 3, size, size)).last_hidden_state
        return tokens

    def _shape(self, site: Site) -> tuple[int, int]:
        return (SIDE // site.factor) ** 2, self.modules[site].to_q.in_features

    def _eq(self, work: Callable[[], Any], *, grad: bool = False) -> float:
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(grad):
            work()
        return counter.get_total_flops() / UNIT


def _read() -> Conditioning:
    return Conditioning(keys=("",), context=_meta(1, TEXT, WIDTH))


def _meta(*shape: Any) -> Tensor:
    return torch.empty(*shape, device="meta")
