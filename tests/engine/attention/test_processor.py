"""The bridge to diffusers: the same numbers, each branch its own rows, and everything put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import engine
from engine.attention import (
    AttentionControl,
    Branch,
    Chain,
    Features,
    Heads,
    Site,
    SourceStep,
    Step,
    controlled,
)

UNCOND, COND = Branch("uncond", (0, 1, 2)), Branch("cond", (0, 1, 2))
BOTH = Step(index=0, total=1, branches=(UNCOND, COND))


class Everywhere:
    """Wants everything, and changes nothing."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return True

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        self.calls.append((site.name, branch.name))
        return heads


class Doubling:
    """Doubles the maps of one branch."""

    def __init__(self, branch: str) -> None:
        self.branch = branch

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return branch.name == self.branch and site.kind == "cross"

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return replace(heads, edited=tuple(term.folded(lambda value: 2 * value) for term in heads.terms))


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Latents with odd sides, and texts, for two branches of three rows."""
    seed = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, 7, 10, generator=seed), torch.randn(6, 24, 12, generator=seed)


@torch.no_grad()
def run(models: engine.Models, batch: tuple[Tensor, Tensor], control: AttentionControl, step: Step) -> Tensor:
    with controlled(models.unet, control):
        said: Tensor = models.unet(batch[0], 500, batch[1], cross_attention_kwargs={"step": step}).sample
    return said


@torch.no_grad()
def stock(models: engine.Models, batch: tuple[Tensor, Tensor]) -> Tensor:
    said: Tensor = models.unet(batch[0], 500, batch[1]).sample
    return said


def test_a_control_that_wants_nothing_is_the_stock_unet_to_the_bit(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    assert torch.equal(run(models, batch, Chain(), BOTH), stock(models, batch))


def test_a_control_that_changes_nothing_is_the_stock_unet(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    control = Everywhere()

    torch.testing.assert_close(run(models, batch, control, BOTH), stock(models, batch), rtol=1e-4, atol=1e-5)
    assert sorted(control.calls) == sorted(
        (site.name, branch.name) for site in models.sites for branch in BOTH.branches
    )


@pytest.mark.parametrize(("branch", "touched"), [("uncond", slice(0, 3)), ("cond", slice(3, 6))])
def test_a_control_reaches_the_rows_of_its_branch_only(
    models: engine.Models, batch: tuple[Tensor, Tensor], branch: str, touched: slice
) -> None:
    differs = (run(models, batch, Doubling(branch), BOTH) - stock(models, batch)).abs().amax((1, 2, 3)) > 1e-5

    assert differs[touched].all()
    assert differs.sum() == 3


def test_controls_of_a_chain_work_on_what_the_one_before_left(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    twice = run(models, batch, Chain([Doubling("cond"), Doubling("cond")]), BOTH)

    assert not torch.allclose(twice, run(models, batch, Doubling("cond"), BOTH), atol=1e-4)


def test_values_feed_the_value_projections_of_the_conditional_rows_and_nothing_else(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    values = torch.randn(3, 24, 12, generator=torch.Generator().manual_seed(1))
    keys: list[Tensor] = []
    read: list[Tensor] = []
    layer = models.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    hooks = [
        layer.to_k.register_forward_pre_hook(lambda _, args: keys.append(args[0])),
        layer.to_v.register_forward_pre_hook(lambda _, args: read.append(args[0])),
    ]
    said = run(models, batch, Chain(), replace(BOTH, values=values))
    for hook in hooks:
        hook.remove()

    assert torch.equal(torch.cat(keys), batch[1])
    assert torch.equal(torch.cat(read), torch.cat([batch[1][:3], values]))
    torch.testing.assert_close(said[:3], stock(models, batch)[:3], rtol=1e-4, atol=1e-5)
    own = run(models, batch, Chain(), replace(BOTH, values=batch[1][3:]))
    torch.testing.assert_close(own, stock(models, batch), rtol=1e-4, atol=1e-5)


def into(seen: dict[str, Tensor]) -> Callable[[Site, Tensor], None]:
    def record(site: Site, entering: Tensor) -> None:
        seen[site.name] = entering

    return record


def test_a_recording_sees_what_enters_every_layer_and_changes_no_bit(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    seen: dict[str, Tensor] = {}
    entered: list[Tensor] = []
    layer = models.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    hook = layer.register_forward_pre_hook(lambda _, args: entered.append(args[0]))

    said = run(models, batch, Doubling("cond"), replace(BOTH, record=into(seen)))
    hook.remove()

    assert torch.equal(said, stock(models, batch))
    assert set(seen) == {site.name for site in models.sites}
    assert torch.equal(seen["mid_block.attentions.0.transformer_blocks.0.attn2.processor"], entered[0])


class TakeSource(Everywhere):
    """Looks at what the source looks at."""

    def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return heads if heads.source is None else replace(heads, edited=heads.source.terms)


def test_the_source_beside_its_own_rows_changes_nothing(
    models: engine.Models, batch: tuple[Tensor, Tensor]
) -> None:
    latents, texts = batch[0][:1].expand(6, -1, -1, -1), batch[1][:1].expand(6, -1, -1)
    seen: dict[str, Tensor] = {}
    alone = Step(index=0, total=1, branches=(Branch("cond", (0,)),), record=into(seen))
    run(models, (latents[:1], texts[:1]), Chain(), alone)
    features = Features(hidden=seen, context=texts[:1])
    beside = SourceStep(latent=latents[:1], features={"cond": features, "uncond": features})

    said = run(models, (latents, texts), TakeSource(), replace(BOTH, source=beside))

    torch.testing.assert_close(said, stock(models, (latents, texts)), rtol=1e-4, atol=1e-5)
    others = run(models, batch, TakeSource(), replace(BOTH, source=beside))
    assert not torch.allclose(others[3:], stock(models, batch)[3:], atol=1e-3)


def test_processors_come_back_whatever_happens(models: engine.Models, batch: tuple[Tensor, Tensor]) -> None:
    before = dict(models.unet.attn_processors)

    class Interrupting(Everywhere):
        def edit(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
            assert not set(before.values()) & set(models.unet.attn_processors.values())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(models, batch, Interrupting(), BOTH)

    assert models.unet.attn_processors == before
    assert torch.equal(run(models, batch, Chain(), BOTH), stock(models, batch))
