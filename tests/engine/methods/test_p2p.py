"""Prompt-to-Prompt: every word and window resolved before any work, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

import engine
from engine import P2P, Edit
from engine.attention import Chain, CrossEdit, SelfReplace
from engine.edit_plan import EditPlan
from engine.window import Window

STEPS = 5
"""Of the record, whose prompt is "a cat on grass": begin, four tokens, end."""


def plan(models: engine.Models, record: engine.SourceRecord, *prompts: str, **params: Any) -> EditPlan:
    return P2P(**params).plan(models, record, Edit(prompt=prompts))


def cross_of(plan: EditPlan) -> CrossEdit:
    return cast(CrossEdit, cast(Chain, plan.control).controls[1])


def marked(marks: Tensor | None) -> list[list[list[int]]]:
    """Per target, the tokens marked in the source's prompt and in its own."""
    assert marks is not None
    return [[place.nonzero()[:, 0].tolist() for place in target] for target in marks]


def active(gates: Tensor, token: int, target: int = 0) -> list[int]:
    """The steps in which a token takes the source's attention."""
    return gates[:, target, token].nonzero()[:, 0].tolist()


def test_defaults_are_those_chosen_on_the_miniature(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    made = plan(models, record, "a dog on grass")

    gates = cross_of(made).gates
    assert gates.shape == (STEPS, 1, models.token_limit)
    assert gates[:1].eq(1).all()
    assert gates[1:].eq(0).all()
    assert cast(Chain, made.control).controls[0] == SelfReplace(window=Window(0, 0.8), factor=1)
    assert cross_of(made).weights.eq(1).all()
    assert made.blend is None
    assert made.guidance_scale == models.spec.guidance_scale
    assert [tokens.prompt for tokens in (made.source, *made.targets)] == ["a cat on grass", "a dog on grass"]
    assert (made.value_prompt, made.tau_v) == (None, Window(0, 0.5))


def test_words_may_have_windows_of_their_own(models: engine.Models, record: engine.SourceRecord) -> None:
    tau_c = {"default": 0.8, "DOG": [0.2, 0.6], "on grass": 0}

    gates = cross_of(plan(models, record, "a dog on grass", tau_c=tau_c)).gates

    assert [active(gates, token) for token in range(1, 6)] == [[0, 1, 2, 3], [1, 2], [], [], [0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("steps", "tau_c", "stop"), [(25, 0.5, 13), (50, 0.4, 20), (4, 0.8, 4), (7, 1.0, 7), (7, 0.0, 0)]
)
def test_cross_windows_are_as_long_as_the_authors(
    models: engine.Models, record: engine.SourceRecord, steps: int, tau_c: float, stop: int
) -> None:
    windows = {"default": tau_c, "dog": [0, tau_c]}
    longer = replace(record, steps=steps)

    gates = cross_of(plan(models, longer, "a dog on grass", tau_c=windows)).gates

    assert active(gates, 1) == active(gates, 2) == list(range(stop))


def test_without_a_default_the_other_words_keep_theirs(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    gates = cross_of(plan(models, record, "a dog on grass", tau_c={"dog": 1.0})).gates

    assert (active(gates, 1), active(gates, 2)) == ([0], [0, 1, 2, 3, 4])


def test_new_words_of_a_refinement_never_take_the_sources_attention(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    gates = cross_of(plan(models, record, "a red cat on grass", tau_c={"default": 1.0, "red": 1.0})).gates

    assert [active(gates, token) for token in (1, 2, 3)] == [[0, 1, 2, 3, 4], [], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("edit", "target", "replaces"),
    [
        ("auto", "a dog on grass", True),
        ("auto", "cat on red grass", False),
        ("auto", "a red cat on grass", False),
        ("replace", "cat on red grass", True),
        ("refine", "a dog on grass", False),
    ],
)
def test_the_kind_of_edit_is_asked_for_or_read_off_the_prompts(
    models: engine.Models, record: engine.SourceRecord, edit: str, target: str, replaces: bool
) -> None:
    gates = cross_of(plan(models, record, target, edit=edit, tau_c=1.0)).gates

    assert bool(gates.eq(1).all()) is replaces


def test_words_are_weighed_wherever_they_stand_and_below_nothing(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    targets = ("a cat on a cat", "a dog on grass")

    weights = cross_of(plan(models, record, *targets, reweight={"Cat": 2, "dog": -1.5, "on": 0})).weights

    expected = torch.ones(2, models.token_limit)
    expected[0, [2, 5]] = 2
    expected[1, 2] = -1.5
    expected[:, 3] = 0
    assert torch.equal(weights, expected)


def test_blend_words_are_looked_up_in_both_prompts(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    made = plan(
        models,
        record,
        "a dog on grass",
        "a cat on red grass",
        blend_words=["cat", "dog"],
        subtract_words=["grass"],
        blend_threshold=0.4,
        blend_start=0.6,
    )

    assert made.blend is not None
    assert marked(made.blend.added) == [[[2], [2]], [[2], [2]]]
    assert marked(made.blend.subtracted) == [[[4], [4]], [[4], [5]]]
    assert made.blend.threshold == 0.4
    assert made.blend.window.steps(STEPS) == range(3, 5)


def test_changed_words_are_those_that_go_come_or_are_weighed(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    targets = ("a dog on grass", "a cat on red grass", "a cat on grass")

    made = plan(models, record, *targets, blend_words="changed", reweight={"grass": 2})

    assert made.blend is not None
    assert marked(made.blend.added) == [[[2], [2, 4]], [[], [4, 5]], [[], [4]]]


def test_where_a_word_begins_is_the_models_own_unless_it_is_said(
    models: engine.Models, record: engine.SourceRecord
) -> None:
    own = replace(models, spec=replace(models.spec, blend_threshold=0.6))

    made = plan(own, record, "a dog on grass", blend_words="changed")

    assert made.blend is not None
    assert (made.blend.threshold, made.blend.within) == (0.6, "picture")


def test_no_blend_words_confine_the_edit_nowhere(models: engine.Models, record: engine.SourceRecord) -> None:
    assert plan(models, record, "a dog on grass", blend_words=[]).blend is None


def test_one_target_alone_is_planned_as_among_all(models: engine.Models, record: engine.SourceRecord) -> None:
    targets = ("a dog on grass", "a red cat on grass")
    method = P2P(
        tau_c={"dog": 0.2}, reweight={"red": 2}, blend_words=["dog", "red"], subtract_words=["dog", "grass"]
    )
    together = method.plan(models, record, Edit(prompt=targets))

    for row in range(2):
        alone = method.plan(models, record, Edit(prompt=targets, only=row))

        assert (alone.source, *alone.targets) == (together.source, together.targets[row])
        assert torch.equal(cross_of(alone).projection[0], cross_of(together).projection[row])
        assert torch.equal(cross_of(alone).gates[:, 0], cross_of(together).gates[:, row])
        assert torch.equal(cross_of(alone).weights[0], cross_of(together).weights[row])
        assert alone.blend is not None
        assert together.blend is not None
        assert marked(alone.blend.added) == marked(together.blend.added)[row : row + 1]
        assert marked(alone.blend.subtracted) == marked(together.blend.subtracted)[row : row + 1]
