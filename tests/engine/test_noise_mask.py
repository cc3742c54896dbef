"""DiffEdit's mask on random networks."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch

import engine
from engine.noise_mask import NoiseMask, contrast, noise_mask

ASKED = NoiseMask(noises=3)
DOG, BALL = "a dog on grass", "a red ball"


def test_a_target_does_not_depend_on_its_company_nor_on_what_ran_before(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    both = contrast(model, record, [DOG, BALL], ASKED, seed=5)
    torch.randn(7)
    (alone,) = contrast(model, record, [BALL], ASKED, seed=5)

    assert torch.equal(alone, both[1])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(alone, contrast(model, record, [BALL], ASKED, seed=6)[0])


def test_a_place_is_open_where_the_difference_exceeds_half_as_much_again_as_the_mean(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    (full,) = contrast(model, record, [DOG], replace(ASKED, clamp=1000.0), seed=0)
    (mask,) = noise_mask(model, record, [DOG], ASKED, seed=0)

    assert float(full.mean()) == pytest.approx(1 / 1000)
    assert torch.equal(mask, full > 1.5 * full.mean())
    assert 0 < mask.float().mean() < 1


def test_only_the_clean_latent_of_a_record_is_read(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    bare = replace(record, trajectory=record.trajectory[:1])

    assert torch.equal(*(contrast(model, one, [DOG], ASKED, seed=0) for one in (record, bare)))


def test_the_same_prompt_opens_nothing(model: engine.Backbone, record: engine.SourceRecord) -> None:
    assert not noise_mask(model, record, [record.prompt], ASKED, seed=0).any()


def test_it_costs_a_row_for_each_noise_and_prompt(
    model: engine.Backbone, record: engine.SourceRecord, network_rows: list[int]
) -> None:
    noise_mask(model, record, [DOG, BALL], ASKED, seed=0)

    assert network_rows == [3, 3, 3]


def test_without_the_memory_for_all_noises_they_are_taken_one_by_one(
    model: engine.Backbone, record: engine.SourceRecord
) -> None:
    expected = contrast(model, record, [DOG], ASKED, seed=0)

    def crowded(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        assert sys.exception() is None, "the error holds on to what filled the memory"
        if len(args[0]) > 1:
            raise torch.OutOfMemoryError

    hook = model.network.register_forward_pre_hook(crowded)
    found = contrast(model, record, [DOG], ASKED, seed=0)
    hook.remove()
    torch.testing.assert_close(found, expected)
