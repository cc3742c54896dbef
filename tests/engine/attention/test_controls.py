"""What the controls compute, against the equations written out, with every map held, in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.attention import (
    Branch,
    Chain,
    Control,
    CrossEdit,
    FeatureReplace,
    Heads,
    SelfReplace,
    Site,
    Sites,
    Step,
)
from engine.window import Window
from tests.engine.attention.layer import branch, random_heads, refused, site, softmax_map

TARGETS, TOKENS, QUERIES = 2, 6, 5
UNCOND, COND = branch("uncond", 0, 1), branch("cond", 0, 1)
CROSS, SELF, FEATURE = site("cross"), site("self"), site("feature")
FINE, COARSE = Sites(kind="self"), Sites(kind="self", factor=2)


def step(index: int = 0) -> Step:
    return Step(index=index, total=4, branches=(UNCOND, COND))


def heads(keys: int, **projections: Any) -> Heads:
    """Two targets beside their source."""
    source = random_heads(1, QUERIES, keys, seed=1)
    return random_heads(TARGETS, QUERIES, keys, source=source, **projections)


def cross_edit(**changes: Tensor) -> CrossEdit:
    seed = torch.Generator().manual_seed(1)
    made: dict[str, Any] = {"generator": seed, "dtype": torch.float64}
    fields = {
        "projection": torch.rand(TARGETS, TOKENS, TOKENS, **made),
        "gates": torch.rand(4, TARGETS, TOKENS, **made),
        "weights": torch.randn(4, TARGETS, TOKENS, **made),
    }
    return CrossEdit(**{**fields, **changes})


def materialised(control: CrossEdit, index: int, source: Tensor, own: Tensor) -> Tensor:
    """(g (A_source P) + (1 - g) A) w, target by target."""
    return torch.stack(
        [
            (g * (source[0] @ control.projection[target]) + (1 - g) * own[target])
            * control.weights[index, target]
            for target, g in enumerate(control.gates[index])
        ]
    )


def assert_equal(one: Tensor, other: Tensor) -> None:
    """To the rounding of float64."""
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


def test_probabilities_and_output_are_attention() -> None:
    given = heads(TOKENS)

    assert_equal(given.probs, softmax_map(given))
    assert_equal(given.output(), softmax_map(given) @ given.value)


def test_self_replacement_is_the_sources_map_on_ones_own_values_and_projects_nothing_else() -> None:
    given = heads(QUERIES, to_q=refused, to_k=refused)
    control = SelfReplace(window=Window(0, 1), sites=COARSE)

    output = control.attend(SELF, step(), COND, given).output()

    assert given.source is not None
    assert_equal(output, softmax_map(given.source) @ given.value)


KINDS = {
    "replace": {"gates": torch.ones(4, TARGETS, TOKENS, dtype=torch.float64)},
    "refine": {"weights": torch.ones(4, TARGETS, TOKENS, dtype=torch.float64)},
    "reweight": {"gates": torch.zeros(4, TARGETS, TOKENS, dtype=torch.float64)},
    "nothing": {"weights": torch.zeros(4, TARGETS, TOKENS, dtype=torch.float64)},
    "everything": {},
}


@pytest.mark.parametrize("kind", KINDS)
def test_cross_edits_folded_into_the_values_are_their_equation(kind: str) -> None:
    given, control = heads(TOKENS), cross_edit(**KINDS[kind])
    assert given.source is not None

    edited = control.attend(CROSS, step(2), COND, given)

    expected = materialised(control, 2, softmax_map(given.source), softmax_map(given))
    assert_equal(edited.probs, expected)
    assert_equal(edited.output(), expected @ given.value)


def test_a_replacement_does_not_project_what_it_drops() -> None:
    control = cross_edit(**KINDS["replace"])

    edited = control.attend(CROSS, step(), COND, heads(TOKENS, to_q=refused, to_k=refused))

    assert edited.output().abs().sum() > 0


def test_edits_of_a_chain_work_on_what_the_one_before_left() -> None:
    given, first = heads(TOKENS), cross_edit()
    second = cross_edit(projection=torch.eye(TOKENS).double().expand(TARGETS, -1, -1))
    assert given.source is not None

    edited = Chain([first, second]).attend(CROSS, step(1), COND, given)

    source = softmax_map(given.source)
    once = materialised(first, 1, source, softmax_map(given))
    twice = materialised(second, 1, source, once)
    assert_equal(edited.probs, twice)
    assert_equal(edited.output(), twice @ given.value)


def test_half_precision_stays_half() -> None:
    given, control = heads(TOKENS), cross_edit()
    assert given.source is not None
    half = replace(halved(given), source=halved(given.source))

    output = control.attend(CROSS, step(2), COND, half).output()

    expected = control.attend(CROSS, step(2), COND, given).output()
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.double(), expected, rtol=0.1, atol=0.1)


def halved(given: Heads) -> Heads:
    entering = {name: getattr(given, name).bfloat16() for name in ("hidden", "context", "values")}
    return replace(given, **entering)


def test_controls_do_not_write_on_what_they_are_given() -> None:
    for control, place in ((cross_edit(), CROSS), (SelfReplace(window=Window(0, 1), sites=FINE), SELF)):
        given = heads(TOKENS)
        assert given.source is not None
        theirs = [getattr(one, name) for one in (given, given.source) for name in ("query", "key", "value")]
        kept = [tensor.clone() for tensor in theirs]

        control.attend(place, step(), COND, given).output().zero_()

        assert all(torch.equal(tensor, copy) for tensor, copy in zip(theirs, kept, strict=True))


def test_without_a_source_nothing_changes() -> None:
    alone = random_heads(TARGETS, QUERIES, TOKENS)

    for control, place in ((cross_edit(), CROSS), (SelfReplace(window=Window(0, 1), sites=FINE), SELF)):
        assert control.attend(place, step(), COND, alone) is alone


@pytest.mark.parametrize(
    ("place", "index", "part", "wanted"),
    [
        (SELF, 1, COND, True),
        (SELF, 0, COND, False),
        (SELF, 2, COND, False),
        (CROSS, 1, COND, False),
        (site("self", factor=1), 1, COND, False),
        (site("self", factor=4), 1, COND, True),
        (SELF, 1, UNCOND, False),
    ],
)
def test_self_replacement_wants_its_layers_steps_and_branch(
    place: Site, index: int, part: Branch, wanted: bool
) -> None:
    assert SelfReplace(window=Window(0.25, 0.5), sites=COARSE).wants(place, step(index), part) is wanted


@pytest.mark.parametrize(
    ("branches", "wanted"), [(frozenset({"uncond"}), [True, False]), (None, [True, True])]
)
def test_self_replacement_may_act_in_other_branches(
    branches: frozenset[str] | None, wanted: list[bool]
) -> None:
    control = SelfReplace(window=Window(0, 1), sites=FINE, branches=branches)

    assert [control.wants(SELF, step(), part) for part in (UNCOND, COND)] == wanted


def test_features_are_the_sources_in_every_row_and_branch_while_their_window_lasts() -> None:
    control = FeatureReplace(window=Window(0, 0.5), sites=Sites(kind="feature", at=0.5))
    features, source = torch.randn(TARGETS, 3, 4, 5), torch.randn(1, 3, 4, 5)
    kept = features.clone()

    replaced = control.feature(FEATURE, step(), COND, features, source)

    assert torch.equal(replaced, source.repeat(TARGETS, 1, 1, 1))
    assert torch.equal(features, kept)
    assert control.feature(FEATURE, step(), COND, features, None) is features
    assert [control.wants(FEATURE, step(index), COND) for index in range(4)] == [True, True, False, False]
    assert control.wants(FEATURE, step(), UNCOND)
    assert not control.wants(SELF, step(), COND)
    assert not control.wants(replace(FEATURE, depth=0.6), step(), COND)


def test_a_chain_edits_features_only_by_those_who_want_to() -> None:
    class Doubling(Control):
        def wants(self, site: Site, step: Step, branch: Branch) -> bool:
            return branch.name == "cond"

        def feature(
            self, site: Site, step: Step, branch: Branch, features: Tensor, source: Tensor | None
        ) -> Tensor:
            return 2 * features

    chain = Chain([FeatureReplace(window=Window(0, 1), sites=Sites(kind="feature")), Doubling()])
    features, source = torch.randn(TARGETS, 3, 4, 5), torch.randn(1, 3, 4, 5)

    assert torch.equal(chain.feature(FEATURE, step(), COND, features, source), 2 * source.expand_as(features))
    assert torch.equal(chain.feature(FEATURE, step(), UNCOND, features, source), source.expand_as(features))
    assert not Chain([Doubling()]).wants(FEATURE, step(), UNCOND)


def test_cross_edit_wants_in_only_where_it_acts() -> None:
    gates = torch.zeros(4, TARGETS, TOKENS)
    gates[1, 0, 3] = 1
    silent = cross_edit(gates=gates, weights=torch.ones(4, TARGETS, TOKENS))

    assert [silent.wants(CROSS, step(index), COND) for index in range(4)] == [False, True, False, False]
    assert not silent.wants(SELF, step(1), COND)
    assert not silent.wants(CROSS, step(1), UNCOND)
    weights = torch.ones(4, TARGETS, TOKENS)
    weights[2, 1, 0] = 0.5
    weighing = cross_edit(gates=gates, weights=weights)
    assert [weighing.wants(CROSS, step(index), COND) for index in range(4)] == [False, True, True, False]
