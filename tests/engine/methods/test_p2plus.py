"""P2Plus: Prompt-to-Prompt that holds on to the source in the unconditional branch too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import engine
from engine import METHODS, P2P, Edit, P2Plus
from engine.attention import Branch, Step
from engine.window import Window

TARGET = Edit(prompt="a dog on grass")
ROWS = (0,)


def self_layers(models: engine.Models, record: engine.SourceRecord, method: P2P, index: int) -> set[str]:
    """The branches in which the method acts on self-attention in a step."""
    control = method.plan(models, record, TARGET).control
    branches = (Branch("uncond", ROWS), Branch("cond", ROWS))
    step = Step(index=index, total=record.steps, branches=branches)
    sites = [site for site in models.sites if site.kind == "self"]
    return {branch.name for branch in branches for site in sites if control.wants(site, step, branch)}


def test_its_defaults_are_its_own(models: engine.Models, record: engine.SourceRecord) -> None:
    method = METHODS["p2plus"]()

    assert method == P2Plus(tau_v=0.5, tau_c=0.2, tau_s=0.6, tau_u=0)
    assert method.plan(models, record, TARGET).tau_v == Window(0, 0.5)
    found = [self_layers(models, record, P2Plus(), index) for index in range(5)]
    assert found == [{"cond"}] * 3 + [set()] * 2


def test_without_a_default_its_words_keep_its_own_window(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    one = engine.edit(models, record, Edit(prompt="a dog on grass", method=P2Plus(tau_c={"dog": 0.8})))
    other = P2P(tau_c={"dog": 0.8, "default": 0.2}, tau_s=0.6)

    assert one.images[0].tobytes() == painted(models, record, other)


def painted(models: engine.Models, record: engine.SourceRecord, method: P2P) -> bytes:
    return engine.edit(models, record, Edit(prompt="a dog on grass", method=method)).images[0].tobytes()


def test_tau_u_says_when_the_unconditional_branch_is_held(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    method = P2Plus(tau_s=[0.6, 1.0], tau_u=[0.2, 0.8])

    found = [self_layers(models, record, method, index) for index in range(5)]

    assert found == [set(), {"uncond"}, {"uncond"}, {"uncond", "cond"}, {"cond"}]


def test_it_touches_no_cross_attention_of_the_unconditional_branch(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    control = P2Plus(tau_u=1.0, reweight={"dog": 2}).plan(models, record, TARGET).control
    branch = Branch("uncond", ROWS)
    step = Step(index=0, total=record.steps, branches=(branch,))

    assert {site.kind for site in models.sites if control.wants(site, step, branch)} == {"self"}


def test_without_tau_u_it_is_prompt_to_prompt(models: engine.Models, record: engine.SourceRecord) -> None:
    plain = P2P(tau_s=0.6)

    assert painted(models, record, P2Plus()) == painted(models, record, plain)
    assert painted(models, record, P2Plus(tau_u=0.5)) != painted(models, record, plain)


@pytest.mark.parametrize("pinned", [True, False])
def test_an_unconditional_branch_held_in_full_looks_where_the_sources_does(
    models: engine.Models, record: engine.SourceRecord, pinned: bool
) -> None:
    """Seen in a layer: the target's values, attended with the source's query and key."""
    layer = models.unet.mid_block.attentions[0].transformer_blocks[0].attn1
    entered: dict[str, list[Tensor]] = {"to_q": [], "to_k": [], "to_v": []}
    hooks = [
        getattr(layer, name).register_forward_pre_hook(
            lambda _, args, name=name: entered[name].append(args[0])
        )
        for name in entered
    ]
    source = record if pinned else engine.SourceRecord(**{**vars(record), "pinned": False})
    method = P2Plus(tau_u=1.0, tau_s=1.0, tau_c=0)
    engine.edit(models, source, Edit(prompt=("a dog on grass", "a ball"), method=method))
    for hook in hooks:
        hook.remove()

    # In each step the source once by branch, as it is run, and once as it is taken from; never a target.
    assert [len(entering) for entering in entered["to_q"]] == [1, 1, 1, 1] * record.steps
    assert [len(entering) for entering in entered["to_k"]] == [1, 1, 1, 1] * record.steps
    assert [len(entering) for entering in entered["to_v"]] == [1, 1, 2, 2] * record.steps
    for step in range(record.steps):
        run, taken = entered["to_q"][4 * step : 4 * step + 2], entered["to_q"][4 * step + 2 : 4 * step + 4]
        assert all(torch.equal(one, other) for one, other in zip(run, taken, strict=True))
