"""Which branches run, and what becomes of their predictions."""

from __future__ import annotations

from math import exp
from typing import Any

import pytest
import torch

from engine.guidance import ClassifierFree, Proximal
from engine.methods.pnp import NegativePrompt

PREDICTIONS = {
    name: torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for seed, name in enumerate(("uncond", "negative", "cond"))
}
TOTAL = 5


def combined(guidance: Any, index: int) -> torch.Tensor:
    """From the predictions of no other branches than it asks for."""
    wanted = guidance.branches(index, TOTAL)
    return guidance.combine({name: PREDICTIONS[name] for name in wanted}, index, TOTAL)


def test_classifier_free_guidance_extrapolates_and_at_one_runs_the_condition_alone() -> None:
    uncond, cond = PREDICTIONS["uncond"], PREDICTIONS["cond"]

    assert ClassifierFree(1.0).branches(0, TOTAL) == ("cond",)
    assert ClassifierFree(7.5).branches(0, TOTAL) == ("uncond", "cond")
    assert torch.equal(combined(ClassifierFree(1.0), 0), cond)
    torch.testing.assert_close(combined(ClassifierFree(7.5), 0), 7.5 * cond - 6.5 * uncond)
    torch.testing.assert_close(combined(ClassifierFree(0.0), 0), uncond)


SHARES = {
    "linear": [1, 0.75, 0.5, 0.25, 0],
    "constant": [1] * TOTAL,
    "exponential": [exp(-6 * index / 4) for index in range(TOTAL)],
}


@pytest.mark.parametrize("alpha", [1.0, 0.6, 0.0])
@pytest.mark.parametrize("schedule", SHARES)
def test_the_unconditional_prediction_moves_from_the_empty_prompt_to_the_negative_one(
    schedule: Any, alpha: float
) -> None:
    guidance = NegativePrompt(scale=3.0, alpha=alpha, schedule=schedule)
    for index, share in enumerate(SHARES[schedule]):
        away = alpha * share * PREDICTIONS["uncond"] + (1 - alpha * share) * PREDICTIONS["negative"]
        expected = away + 3 * (PREDICTIONS["cond"] - away)

        torch.testing.assert_close(combined(guidance, index), expected)


def test_branches_that_weigh_nothing_do_not_run() -> None:
    linear = NegativePrompt(scale=3.0, alpha=1.0, schedule="linear")
    constant = NegativePrompt(scale=3.0, alpha=1.0, schedule="constant")
    negative = NegativePrompt(scale=3.0, alpha=0.0, schedule="linear")
    unguided = NegativePrompt(scale=1.0, alpha=0.5, schedule="linear")

    assert [set(linear.branches(index, TOTAL)) for index in range(TOTAL)] == [
        {"uncond", "cond"},
        *[{"uncond", "negative", "cond"}] * 3,
        {"negative", "cond"},
    ]
    assert all("negative" not in constant.branches(index, TOTAL) for index in range(TOTAL))
    assert all("uncond" not in negative.branches(index, TOTAL) for index in range(TOTAL))
    assert {unguided.branches(index, TOTAL) for index in range(TOTAL)} == {("cond",)}
    assert torch.equal(combined(unguided, 2), PREDICTIONS["cond"])


@pytest.mark.parametrize("quantile", [0.3, 0.7])
def test_proximal_guidance_leaves_out_the_smaller_changes_of_every_row(quantile: float) -> None:
    uncond, guided = PREDICTIONS["uncond"], combined(ClassifierFree(3.0), 0)

    kept = combined(Proximal(ClassifierFree(3.0), quantile), 0) - uncond

    size = guided[0].numel()
    assert all(int((row != 0).sum()) == size - int(quantile * (size - 1)) - 1 for row in kept)
    whole = guided - uncond
    lost = (whole - kept)[kept != 0]
    assert (lost.sign() == whole[kept != 0].sign()).all()
    for row, change in zip(kept, whole, strict=True):
        lost = (change - row).abs()[row != 0]
        torch.testing.assert_close(lost, lost[:1].expand_as(lost))
        assert (change.abs()[row == 0] <= lost[0]).all()


def test_proximal_guidance_runs_the_branches_of_the_guidance_it_thresholds() -> None:
    guidance = NegativePrompt(scale=4.0, alpha=1.0, schedule="linear")
    proximal = Proximal(guidance, 0.7)

    for index in range(TOTAL):
        assert proximal.branches(index, TOTAL) == guidance.branches(index, TOTAL)
        assert not torch.equal(combined(proximal, index), combined(guidance, index))
    assert torch.equal(combined(Proximal(ClassifierFree(1.0), 0.7), 0), PREDICTIONS["cond"])


def test_the_largest_changes_are_those_that_still_exceed_the_threshold_once_it_is_taken_off() -> None:
    proximal = Proximal(ClassifierFree(3.0), 0.6)
    whole = (combined(ClassifierFree(3.0), 0) - PREDICTIONS["uncond"]).abs()
    most = whole.flatten(1).quantile(0.6, dim=1)[:, None, None, None]

    largest = proximal.largest(PREDICTIONS, 0, TOTAL)

    assert largest is not None
    assert largest.any()
    assert torch.equal(largest, whole > 2 * most)
    assert proximal.largest({"cond": PREDICTIONS["cond"]}, 0, TOTAL) is None
