"""P2Plus: Prompt-to-Prompt that holds on to the source in the unconditional branch too."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import engine
from engine import METHODS, P2P, Edit, P2Plus
from engine.attention import Step
from engine.plan import EditPlan, Setting
from engine.window import Window
from tests.engine.attention.layer import branch

TARGET = "a dog on grass"
BRANCHES = branch("uncond", 0), branch("cond", 0)


def planned(model: engine.Backbone, record: engine.SourceRecord, method: P2P) -> EditPlan:
    setting = Setting.of(model, record, Edit(prompt=TARGET, method=method))
    return METHODS[method.name].plan(setting)


def self_layers(model: engine.Backbone, record: engine.SourceRecord, method: P2P, index: int) -> set[str]:
    """The branches in which the method acts on self-attention in a step."""
    control = planned(model, record, method).control
    step = Step(index=index, total=record.steps, branches=BRANCHES)
    sites = [site for site in model.sites if site.kind == "self"]
    return {part.name for part in BRANCHES for site in sites if control.wants(site, step, part)}


def test_what_is_not_given_is_its_own_papers(model: engine.Backbone, record: engine.SourceRecord) -> None:
    assert planned(model, record, P2Plus()).tau_v == Window(0, 0.5)
    found = [self_layers(model, record, P2Plus(), index) for index in range(5)]
    assert found == [{"cond"}] * 3 + [set()] * 2
    one, other = P2Plus(tau_c={"dog": 0.8}), P2P(tau_c={"dog": 0.8, "default": 0.6}, tau_s=0.6)
    assert painted(model, record, one) == painted(model, record, other)


def painted(model: engine.Backbone, record: engine.SourceRecord, method: P2P) -> bytes:
    return engine.edit(model, record, Edit(prompt=TARGET, method=method)).images[0].tobytes()


def test_tau_u_says_when_the_unconditional_branch_is_held(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    method = P2Plus(tau_s=[0.6, 1.0], tau_u=[0.2, 0.8])

    found = [self_layers(model, record, method, index) for index in range(5)]

    assert found == [set(), {"uncond"}, {"uncond"}, {"uncond", "cond"}, {"cond"}]


def test_it_touches_no_cross_attention_of_the_unconditional_branch(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    control = planned(model, record, P2Plus(tau_u=1.0, reweight={"dog": 2})).control
    part = BRANCHES[0]
    step = Step(index=0, total=record.steps, branches=(part,))

    assert {site.kind for site in model.sites if control.wants(site, step, part)} == {"self"}


def test_without_tau_u_it_is_prompt_to_prompt(model: engine.Backbone, record: engine.SourceRecord) -> None:
    plain = P2P(tau_c=0.6, tau_s=0.6)

    assert painted(model, record, P2Plus()) == painted(model, record, plain)
    assert painted(model, record, P2Plus(tau_u=0.5)) != painted(model, record, plain)


@pytest.mark.parametrize("pinned", [True, False])
def test_an_unconditional_branch_held_in_full_looks_where_the_sources_does(
    model: engine.Backbone, record: engine.SourceRecord, pinned: bool
) -> None:
    """Seen in a layer: the target's values, attended with the source's query and key."""
    layer = model.network.mid_block.attentions[0].transformer_blocks[0].attn1
    entered: dict[str, list[Tensor]] = {"to_q": [], "to_k": [], "to_v": []}
    hooks = [
        getattr(layer, name).register_forward_pre_hook(
            lambda _, args, name=name: entered[name].append(args[0])
        )
        for name in entered
    ]
    source = record if pinned else replace(record, method="ddim")
    method = P2Plus(tau_u=1.0, tau_s=1.0, tau_c=0)
    engine.edit(model, source, Edit(prompt=("a dog on grass", "a ball"), method=method))
    for hook in hooks:
        hook.remove()

    # In each step the source once by branch, as it is run in the order of their names, and once as it is
    # taken from; never a target.
    assert [len(entering) for entering in entered["to_q"]] == [1, 1, 1, 1] * record.steps
    assert [len(entering) for entering in entered["to_k"]] == [1, 1, 1, 1] * record.steps
    assert [len(entering) for entering in entered["to_v"]] == [1, 1, 2, 2] * record.steps
    for step in range(record.steps):
        run, taken = entered["to_q"][4 * step : 4 * step + 2], entered["to_q"][4 * step + 2 : 4 * step + 4]
        assert all(torch.equal(one, other) for one, other in zip(reversed(run), taken, strict=True))
