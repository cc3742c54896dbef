"""How the rows of a call are laid out."""

import torch

from engine.attention import Branch, SourceStep, Step

UNCOND, COND = Branch("uncond", (1, 2)), Branch("cond", (0, 1, 2))


def test_branches_follow_one_another_in_the_batch() -> None:
    step = Step(index=0, total=1, branches=(UNCOND, COND))

    assert list(step.slices()) == [(UNCOND, slice(0, 2)), (COND, slice(2, 5))]


def test_a_branch_alone_keeps_the_values_only_if_they_are_its_own() -> None:
    values, source = torch.zeros(3, 1, 1), SourceStep(latent=torch.zeros(1, 4, 2, 2))
    step = Step(index=3, total=5, branches=(UNCOND, COND), values=values, source=source)

    assert (step.of(UNCOND).branches, step.of(UNCOND).values) == ((UNCOND,), None)
    assert (step.of(COND).branches, step.of(COND).values) == ((COND,), values)
    assert (step.of(COND).index, step.of(COND).total, step.of(COND).source) == (3, 5, source)
