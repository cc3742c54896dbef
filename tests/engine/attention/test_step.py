"""How the rows of a call are laid out."""

import torch

from engine.attention import Control, Observer, SourceStep, Step, slices
from tests.engine.attention.layer import branch

UNCOND, COND = branch("uncond", 1, 2), branch("cond", 0, 1, 2)


def test_branches_of_one_step_after_another_follow_in_the_batch() -> None:
    first = Step(index=0, total=1, branches=(UNCOND, COND))
    second = Step(index=4, total=9, branches=(COND,))

    assert list(slices((first, second))) == [
        (first, UNCOND, slice(0, 2)),
        (first, COND, slice(2, 5)),
        (second, COND, slice(5, 8)),
    ]
    assert (first.rows, second.rows) == (5, 3)


def test_a_branch_alone_keeps_all_else_of_its_step() -> None:
    source, control, observers = SourceStep(latent=torch.zeros(1, 4, 2, 2)), Control(), (Observer(),)
    step = Step(
        index=3, total=5, branches=(UNCOND, COND), control=control, observers=observers, source=source
    )

    alone = step.of(COND)

    assert (alone.branches, alone.rows) == ((COND,), 3)
    assert (alone.index, alone.total, alone.control) == (3, 5, control)
    assert (alone.observers, alone.source) == (observers, source)


def test_a_branch_takes_features_of_the_sources_branch_of_its_name_unless_another_is_named() -> None:
    assert (COND.takes, branch("negative", 0, takes="uncond").takes) == ("cond", "uncond")
