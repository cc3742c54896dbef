"""Prompt-to-Prompt: every word and window resolved before any work, or refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

import engine
from engine import P2P, Edit
from engine.attention import Chain, CrossEdit, SelfReplace, Sites
from engine.masks import Mask
from engine.methods import METHODS
from engine.plan import EditPlan, Setting
from engine.window import Window

STEPS = 5
"""Of the record, whose prompt is "a cat on grass": begin, four tokens, end."""


def plan(model: engine.Backbone, record: engine.SourceRecord, *prompts: str, **params: Any) -> EditPlan:
    return planned(model, record, Edit(prompt=prompts, method=P2P(**params)))


def planned(model: engine.Backbone, record: engine.SourceRecord, edit: Edit) -> EditPlan:
    """A plan without any work."""
    setting = Setting.of(model, record, edit)
    return METHODS[setting.params.name].plan(setting)


def cross_of(plan: EditPlan) -> CrossEdit:
    return cast(CrossEdit, cast(Chain, plan.control).controls[1])


def active(gates: Tensor, token: int, target: int = 0) -> list[int]:
    """The steps in which a token takes the source's attention."""
    return gates[:, target, token].nonzero()[:, 0].tolist()


def test_what_is_not_given_is_the_papers_where_the_model_has_nothing_of_its_own(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    made = plan(model, record, "a dog on grass")

    gates = cross_of(made).gates
    assert gates.shape == (STEPS, 1, model.token_limit)
    assert active(gates, 1) == [0, 1]
    assert held_in(made) == (Window(0, 0.6), Sites(kind="self", factor=1))
    assert cross_of(made).weights.eq(1).all()
    assert made.guidance_scale == model.spec.guidance_scale
    assert [tokens.prompt for tokens in (made.source, *made.targets)] == ["a cat on grass", "a dog on grass"]
    assert (made.value_prompt, made.tau_v) == (None, Window(0, 0.5))


def masked(model: engine.Backbone, record: engine.SourceRecord, edit: Edit) -> tuple[Any, ...]:
    setting = Setting.of(model, record, edit)
    mask = Mask.of(setting, setting.targets)
    assert mask is not None
    assert mask.words is not None
    return mask.words.threshold, mask.within, mask.words.maps


def held_in(plan: EditPlan) -> tuple[Window, Sites]:
    held = cast(SelfReplace, cast(Chain, plan.control).controls[0])
    assert held.branches == {"cond"}
    return held.window, held.sites


def test_what_was_tuned_for_the_model_comes_before_the_papers_unless_these_are_asked_for(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    defaults = {"p2p": {"tau_c": {"default": 0.2, "dog": 1.0}, "tau_s": 0.8}}
    spec = replace(model.spec, defaults=defaults, guidance_scale=3.0, blend_threshold=0.6)
    tuned = replace(model, spec=spec)
    asked = Edit(prompt="a dog on grass", method=P2P(blend_words="changed"))

    own = planned(tuned, record, asked)
    published = planned(tuned, record, replace(asked, preset="published"))
    given = planned(tuned, record, replace(asked, method=P2P(tau_s=0.1, tau_c={"dog": 0.5})))

    assert [active(cross_of(own).gates, token) for token in (1, 2)] == [[0], [0, 1, 2, 3, 4]]
    assert (held_in(own)[0], own.guidance_scale) == (Window(0, 0.8), 3.0)
    assert [active(cross_of(published).gates, token) for token in (1, 2)] == [[0, 1], [0, 1]]
    assert (held_in(published)[0], published.guidance_scale) == (Window(0, 0.6), 7.5)
    assert masked(tuned, record, asked) == (0.6, "picture", "own")
    assert masked(tuned, record, replace(asked, preset="published")) == (0.3, "latent", "edited")
    assert held_in(given)[0] == Window(0, 0.1)


def test_self_attention_is_held_in_the_layers_that_the_model_says(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    coarse = replace(model, spec=replace(model.spec, self_factor=2))

    assert held_in(plan(coarse, record, "a dog on grass"))[1] == Sites(kind="self", factor=2)


def test_words_may_have_windows_of_their_own(model: engine.Backbone, record: engine.SourceRecord) -> None:
    tau_c = {"default": 0.8, "DOG": [0.2, 0.6], "on grass": 0}

    gates = cross_of(plan(model, record, "a dog on grass", tau_c=tau_c)).gates

    assert [active(gates, token) for token in range(1, 6)] == [[0, 1, 2, 3], [1, 2], [], [], [0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("steps", "tau_c", "stop"), [(25, 0.5, 13), (50, 0.4, 20), (4, 0.8, 4), (7, 1.0, 7), (7, 0.0, 0)]
)
def test_cross_windows_are_as_long_as_the_authors(
    model: engine.Backbone, record: engine.SourceRecord, steps: int, tau_c: float, stop: int
) -> None:
    windows = {"default": tau_c, "dog": [0, tau_c]}
    longer = replace(record, steps=steps)

    gates = cross_of(plan(model, longer, "a dog on grass", tau_c=windows)).gates

    assert active(gates, 1) == active(gates, 2) == list(range(stop))


def test_without_a_default_the_other_words_keep_theirs(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    gates = cross_of(plan(model, record, "a dog on grass", tau_c={"dog": 1.0})).gates

    assert (active(gates, 1), active(gates, 2)) == ([0, 1], [0, 1, 2, 3, 4])


def test_new_words_of_a_refinement_never_take_the_sources_attention(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    gates = cross_of(plan(model, record, "a red cat on grass", tau_c={"default": 1.0, "red": 1.0})).gates

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
    model: engine.Backbone, record: engine.SourceRecord, edit: str, target: str, replaces: bool
) -> None:
    gates = cross_of(plan(model, record, target, edit=edit, tau_c=1.0)).gates

    assert bool(gates.eq(1).all()) is replaces


def test_words_are_weighed_wherever_they_stand_and_below_nothing(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    targets = ("a cat on a cat", "a dog on grass")

    weights = cross_of(plan(model, record, *targets, reweight={"Cat": 2, "dog": -1.5, "on": 0})).weights

    expected = torch.ones(2, model.token_limit)
    expected[0, [2, 5]] = 2
    expected[1, 2] = -1.5
    expected[:, 3] = 0
    assert torch.equal(weights, expected.expand(STEPS, -1, -1))


@pytest.mark.parametrize(
    ("window", "steps"), [(0.4, [0, 1]), ([0.6, 1.0], [3, 4]), (0.0, []), ("tau_c", [1, 2])]
)
def test_words_are_weighed_in_a_window_of_their_own_or_while_the_sources_attention_is_kept(
    model: engine.Backbone, record: engine.SourceRecord, window: Any, steps: list[int]
) -> None:
    tau_c = {"default": 0.0, "dog": [0.2, 0.6]}

    made = plan(model, record, "a dog on grass", reweight={"dog": 3}, reweight_window=window, tau_c=tau_c)

    weights = cross_of(made).weights[:, 0]
    assert (weights[:, 2] == 3).nonzero()[:, 0].tolist() == steps
    weights[:, 2] = 1
    assert weights.eq(1).all()


@pytest.mark.parametrize("padding", ["end", "absolute"])
def test_padding_after_a_refinement_is_paired_as_asked(
    model: engine.Backbone, record: engine.SourceRecord, padding: Any
) -> None:
    projection = cross_of(plan(model, record, "a red cat on grass", padding=padding)).projection[0]

    for position in range(7, model.token_limit):
        origin = position if padding == "absolute" else position - 1
        assert projection[:, position].nonzero()[:, 0].tolist() == [origin]


def test_one_target_alone_is_planned_as_among_all(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    targets = ("a dog on grass", "a red cat on grass")
    method = P2P(tau_c={"dog": 0.2}, reweight={"red": 2})
    together = planned(model, record, Edit(prompt=targets, method=method))

    for row in range(2):
        alone = planned(model, record, Edit(prompt=targets, method=method, only=row))

        assert (alone.source, *alone.targets) == (together.source, together.targets[row])
        assert torch.equal(cross_of(alone).projection[0], cross_of(together).projection[row])
        assert torch.equal(cross_of(alone).gates[:, 0], cross_of(together).gates[:, row])
        assert torch.equal(cross_of(alone).weights[:, 0], cross_of(together).weights[:, row])
