"""What the controls compute, against the equations written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.attention import Branch, CrossEdit, Heads, SelfReplace, Site, Step
from engine.window import Window

TARGETS, TOKENS = 2, 6
COND = Branch("cond", (0, 1, 2))
CROSS = Site(name="cross", place="up", kind="cross", factor=2)
SELF = Site(name="self", place="up", kind="self", factor=2)


def step(index: int = 0) -> Step:
    return Step(index=index, total=4, branches=(COND,))


def heads(keys: int) -> Heads:
    seed = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(3, 2, count, 4, generator=seed) for count in (5, keys, keys))
    return Heads(query=query, key=key, value=value)


def softmax_map(given: Heads) -> Tensor:
    return (given.query @ given.key.transpose(-1, -2) / 2).softmax(-1)


def cross_edit(**changes: Tensor) -> CrossEdit:
    seed = torch.Generator().manual_seed(1)
    fields = {
        "projection": torch.rand(TARGETS, TOKENS, TOKENS, generator=seed),
        "gates": torch.rand(4, TARGETS, TOKENS, generator=seed),
        "weights": torch.randn(TARGETS, TOKENS, generator=seed),
    }
    return CrossEdit(**{**fields, **changes})


def test_probabilities_and_output_are_attention() -> None:
    given = heads(TOKENS)

    torch.testing.assert_close(given.probs, softmax_map(given))
    torch.testing.assert_close(given.output(), softmax_map(given) @ given.value)


def test_self_replacement_is_the_sources_map_on_ones_own_values() -> None:
    given = heads(5)
    control = SelfReplace(window=Window(0, 1), factor=2)

    output = control.edit(SELF, step(), COND, given).output()

    torch.testing.assert_close(output, softmax_map(given)[:1] @ given.value)


def test_cross_edit_is_its_equation() -> None:
    given, control = heads(TOKENS), cross_edit()
    maps = softmax_map(given)

    edited = control.edit(CROSS, step(2), COND, given).probs

    torch.testing.assert_close(edited[0], maps[0])
    for target in range(TARGETS):
        g, w = control.gates[2, target], control.weights[target]
        expected = (g * (maps[0] @ control.projection[target]) + (1 - g) * maps[1 + target]) * w
        torch.testing.assert_close(edited[1 + target], expected)


def test_controls_do_not_write_on_what_they_are_given() -> None:
    for control, site in ((cross_edit(), CROSS), (SelfReplace(window=Window(0, 1), factor=1), SELF)):
        given = heads(TOKENS)
        kept = [tensor.clone() for tensor in (given.query, given.key, given.value, given.probs)]

        control.edit(site, step(), COND, given).output().zero_()

        assert all(
            torch.equal(tensor, copy)
            for tensor, copy in zip((given.query, given.key, given.value, given.probs), kept, strict=True)
        )


@pytest.mark.parametrize(
    ("site", "index", "branch", "wanted"),
    [
        (SELF, 1, COND, True),
        (SELF, 0, COND, False),
        (SELF, 2, COND, False),
        (CROSS, 1, COND, False),
        (Site(name="fine", place="up", kind="self", factor=1), 1, COND, False),
        (Site(name="coarse", place="up", kind="self", factor=4), 1, COND, True),
        (SELF, 1, Branch("uncond", (0, 1, 2)), False),
        (SELF, 1, Branch("cond", (1, 2)), False),
    ],
)
def test_self_replacement_wants_its_layers_steps_and_branch(
    site: Site, index: int, branch: Branch, wanted: bool
) -> None:
    assert SelfReplace(window=Window(0.25, 0.5), factor=2).wants(site, step(index), branch) is wanted


def test_cross_edit_wants_maps_only_where_it_acts() -> None:
    gates = torch.zeros(4, TARGETS, TOKENS)
    gates[1, 0, 3] = 1
    silent = cross_edit(gates=gates, weights=torch.ones(TARGETS, TOKENS))

    assert [silent.wants(CROSS, step(index), COND) for index in range(4)] == [False, True, False, False]
    assert not silent.wants(SELF, step(1), COND)
    assert not silent.wants(CROSS, step(1), Branch("uncond", (0, 1, 2)))
    assert not silent.wants(CROSS, step(1), Branch("cond", (1, 2)))
    weighing = cross_edit(gates=gates)
    assert all(weighing.wants(CROSS, step(index), COND) for index in range(4))
