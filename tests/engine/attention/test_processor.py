"""The bridge to diffusers: the same numbers, each branch its own rows, and everything put back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import engine
from engine.attention import (
    Branch,
    Chain,
    Control,
    FeatureReplace,
    Features,
    Heads,
    Observer,
    Site,
    Sites,
    SourceStep,
    Step,
    controlled,
    wanted_of_source,
)
from engine.window import Window
from tests.engine.attention.layer import branch

UNCOND, COND = branch("uncond", 0, 1, 2), branch("cond", 0, 1, 2)
BOTH = Step(index=0, total=1, branches=(UNCOND, COND))
MIDDLE = "mid_block.attentions.0.transformer_blocks.0.attn2"


class Everywhere(Control):
    """Wants everything, and changes nothing."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return True

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        self.calls.append((site.name, branch.name))
        return heads

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        self.calls.append((site.name, branch.name))
        return features


class Doubling(Control):
    """Doubles the maps, or the features, of one branch."""

    def __init__(self, branch: str, kind: str = "cross") -> None:
        self.branch, self.kind = branch, kind

    def wants(self, site: Site, step: Step, branch: Branch) -> bool:
        return branch.name == self.branch and site.kind == self.kind

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return replace(heads, edited=tuple(term.folded(lambda value: 2 * value) for term in heads.terms))

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        return 2 * features


class Recording(Observer):
    """Keeps what enters attention layers, and the features of resnets."""

    def __init__(self) -> None:
        self.hidden: dict[str, Tensor] = {}

    def looks(self, site: Site, step: Step, branch: Branch) -> bool:
        return True

    def heads(self, site: Site, step: Step, branch: Branch, heads: Heads) -> None:
        self.hidden[site.name] = heads.hidden

    def features(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> None:
        self.hidden[site.name] = features


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    """Latents with odd sides, and texts, for two branches of three rows."""
    seed = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, 7, 10, generator=seed), torch.randn(6, 24, 12, generator=seed)


@torch.no_grad()
def run(model: engine.Backbone, batch: tuple[Tensor, Tensor], step: Step) -> Tensor:
    with controlled(model.modules, (step,)):
        prediction: Tensor = model.network(batch[0], 500, batch[1]).sample
    return prediction


@torch.no_grad()
def stock(model: engine.Backbone, batch: tuple[Tensor, Tensor]) -> Tensor:
    prediction: Tensor = model.network(batch[0], 500, batch[1]).sample
    return prediction


def by(control: Control) -> Step:
    return replace(BOTH, control=control)


def test_a_control_that_wants_nothing_is_the_stock_network_to_the_bit(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    assert torch.equal(run(model, batch, by(Chain())), stock(model, batch))


def test_a_control_that_changes_nothing_is_the_stock_network(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    control = Everywhere()

    torch.testing.assert_close(run(model, batch, by(control)), stock(model, batch), rtol=1e-4, atol=1e-5)
    assert sorted(control.calls) == sorted(
        (site.name, part.name) for site in model.sites for part in BOTH.branches
    )


@pytest.mark.parametrize("kind", ["self", "cross", "feature"])
@pytest.mark.parametrize(("name", "touched"), [("uncond", slice(0, 3)), ("cond", slice(3, 6))])
def test_a_control_reaches_the_rows_of_its_branch_only(
    model: engine.Backbone, batch: tuple[Tensor, Tensor], kind: str, name: str, touched: slice
) -> None:
    doubled = run(model, batch, by(Doubling(name, kind)))

    differs = (doubled - stock(model, batch)).abs().amax((1, 2, 3)) > 1e-5

    assert differs[touched].all()
    assert differs.sum() == 3


def test_every_step_of_a_batch_edits_its_own_rows(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    first, second = branch("cond", 0, 1), branch("cond", 0, 1, 2, 3)
    quiet = Step(index=0, total=1, branches=(first,))
    loud = Step(index=7, total=9, branches=(second,), control=Doubling("cond"))

    with torch.no_grad(), controlled(model.modules, (quiet, loud)):
        prediction = model.network(batch[0], 500, batch[1]).sample

    differs = (prediction - stock(model, batch)).abs().amax((1, 2, 3)) > 1e-5
    assert differs.tolist() == [False] * 2 + [True] * 4


def test_controls_of_a_chain_work_on_what_the_one_before_left(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    twice = run(model, batch, by(Chain([Doubling("cond"), Doubling("cond")])))

    assert not torch.allclose(twice, run(model, batch, by(Doubling("cond"))), atol=1e-4)


def test_values_feed_the_value_projections_of_their_branch_and_nothing_else(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    values = torch.randn(3, 24, 12, generator=torch.Generator().manual_seed(1))
    keys: list[Tensor] = []
    read: list[Tensor] = []
    layer = model.network.get_submodule(MIDDLE)
    hooks = [
        layer.to_k.register_forward_pre_hook(lambda _, args: keys.append(args[0])),
        layer.to_v.register_forward_pre_hook(lambda _, args: read.append(args[0])),
    ]
    prediction = run(model, batch, replace(BOTH, branches=(UNCOND, replace(COND, values=values))))
    for hook in hooks:
        hook.remove()

    assert torch.equal(torch.cat(keys), batch[1])
    assert torch.equal(torch.cat(read), torch.cat([batch[1][:3], values]))
    torch.testing.assert_close(prediction[:3], stock(model, batch)[:3], rtol=1e-4, atol=1e-5)
    own = run(model, batch, replace(BOTH, branches=(UNCOND, replace(COND, values=batch[1][3:]))))
    torch.testing.assert_close(own, stock(model, batch), rtol=1e-4, atol=1e-5)


def test_an_observer_sees_what_every_layer_takes_and_changes_no_bit(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    seen, entered = Recording(), []
    hook = model.network.get_submodule(MIDDLE).register_forward_pre_hook(
        lambda _, args: entered.append(args[0])
    )
    alone = Step(index=0, total=1, branches=(branch("cond", *range(6)),), observers=(seen,))

    prediction = run(model, batch, alone)
    hook.remove()

    assert torch.equal(prediction, stock(model, batch))
    assert set(seen.hidden) == {site.name for site in model.sites}
    assert torch.equal(seen.hidden[MIDDLE], entered[0])


def test_features_are_what_leaves_the_second_convolution_before_the_residual_is_added(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    seen, convolved, finished = Recording(), [], []
    resnet = model.network.up_blocks[0].resnets[1]
    hooks = [
        resnet.conv2.register_forward_hook(lambda _, args, output: convolved.append(output)),
        resnet.register_forward_hook(lambda _, args, output: finished.append((args[0], output))),
    ]
    run(model, batch, replace(BOTH, branches=(branch("cond", *range(6)),), observers=(seen,)))
    for hook in hooks:
        hook.remove()

    (entering, leaving), features = finished[0], seen.hidden["up_blocks.0.resnets.1"]
    assert torch.equal(features, convolved[0])
    residual = resnet.conv_shortcut(entering) if resnet.conv_shortcut is not None else entering
    torch.testing.assert_close(leaving, (residual + features) / resnet.output_scale_factor)
    assert not torch.allclose(leaving, features)


def test_replaced_features_still_get_the_rows_own_residual(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    name = "up_blocks.0.resnets.1"
    resnet = model.network.get_submodule(name)
    given = torch.randn(1, 16, 4, 5, generator=torch.Generator().manual_seed(2))
    source = SourceStep(latent=batch[0][:1], features={"null": Features(hidden={name: given}, context=given)})
    control = FeatureReplace(window=Window(0, 1), sites=Sites(kind="feature", stage="up", at=1 / 4))
    taking = tuple(replace(part, takes="null") for part in BOTH.branches)
    finished: list[tuple[Tensor, Tensor]] = []
    hook = resnet.register_forward_hook(lambda _, args, output: finished.append((args[0], output)))

    run(model, batch, replace(BOTH, branches=taking, control=control, source=source))
    hook.remove()

    entering, leaving = finished[0]
    residual = resnet.conv_shortcut(entering) if resnet.conv_shortcut is not None else entering
    torch.testing.assert_close(leaving, residual + given)


def recorded(model: engine.Backbone, latent: Tensor, text: Tensor) -> dict[str, Tensor]:
    """What the source looks like inside."""
    seen = Recording()
    run(
        model,
        (latent, text),
        Step(index=0, total=1, branches=(branch("cond", 0),), observers=(seen,)),
    )
    return seen.hidden


class TakeSource(Everywhere):
    """Looks at what the source looks at, and has its features."""

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        return heads if heads.source is None else replace(heads, edited=heads.source.terms)

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        return features if source is None else source.expand_as(features)


def test_the_source_beside_its_own_rows_changes_nothing(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    latents, texts = batch[0][:1].expand(6, -1, -1, -1), batch[1][:1].expand(6, -1, -1)
    features = Features(hidden=recorded(model, latents[:1], texts[:1]), context=texts[:1])
    beside = SourceStep(latent=latents[:1], features={"cond": features, "uncond": features})
    taking = replace(BOTH, control=TakeSource(), source=beside)

    prediction = run(model, (latents, texts), taking)

    torch.testing.assert_close(prediction, stock(model, (latents, texts)), rtol=1e-4, atol=1e-5)
    others = run(model, batch, taking)
    assert not torch.allclose(others[3:], stock(model, batch)[3:], atol=1e-3)


def test_what_is_wanted_of_the_source_is_counted_to_the_branch_that_is_taken_from(
    model: engine.Backbone,
) -> None:
    parts = (branch("negative", 0, takes="uncond"), branch("cond", 0))
    features = FeatureReplace(window=Window(0, 1), sites=Sites(kind="feature", stage="mid"))
    step = Step(index=0, total=1, branches=parts, control=Chain([features, Doubling("cond")]))

    wanted = wanted_of_source(model.sites, step)

    middle = frozenset(site.name for site in model.sites if site in features.sites)
    cross = frozenset(site.name for site in model.sites if site.kind == "cross")
    assert wanted == {"uncond": middle, "cond": middle | cross}


class Interrupting(Everywhere):
    """Raises at the n-th look."""

    def __init__(self, at: int, seen: Callable[[], None]) -> None:
        super().__init__()
        self.at, self.seen = at, seen

    def look(self) -> None:
        self.calls.append(("", ""))
        if len(self.calls) == self.at:
            self.seen()
            raise KeyboardInterrupt

    def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
        self.look()
        return heads

    def feature(
        self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
    ) -> Tensor:
        self.look()
        return features


def test_processors_and_hooks_come_back_whatever_happens(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    before = dict(model.network.attn_processors)
    convolutions = [module for site, module in model.modules.items() if site.kind == "feature"]

    def installed() -> None:
        assert not set(before.values()) & set(model.network.attn_processors.values())
        assert all(module._forward_hooks for module in convolutions)

    for at in (1, 2, 9, 2 * len(model.sites)):
        with pytest.raises(KeyboardInterrupt):
            run(model, batch, by(Interrupting(at, installed)))
        assert model.network.attn_processors == before
        assert not any(module._forward_hooks for module in convolutions)

    assert torch.equal(run(model, batch, by(Chain())), stock(model, batch))


def test_two_threads_that_call_one_network_leave_nothing_of_themselves_there(
    model: engine.Backbone, batch: tuple[Tensor, Tensor]
) -> None:
    before = dict(model.network.attn_processors)
    entered = [threading.Event(), threading.Event()]

    class Waiting(Everywhere):
        def __init__(self, own: threading.Event, ready: Callable[[], object]) -> None:
            super().__init__()
            self.own, self.ready = own, ready

        def attend(self, site: Site, step: Step, branch: Branch, heads: Heads) -> Heads:
            if not self.own.is_set():
                self.own.set()
                self.ready()
            return super().attend(site, step, branch, heads)

    # The first call waits a moment for the second to be inside too, the second for the first to have left.
    waiting = Waiting(entered[0], lambda: entered[1].wait(0.5))
    first = threading.Thread(target=run, args=(model, batch, by(waiting)))
    first.start()
    assert entered[0].wait(60)
    run(model, batch, by(Waiting(entered[1], lambda: first.join(60))))
    assert model.network.attn_processors == before
