"""What the value projections read, of the source and of the targets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import engine
from engine import P2P, Edit, P2Plus, codec
from engine.errors import RecordMismatch
from engine.values import carried, value_inputs
from engine.window import Window

SOURCE, TARGETS = "a cat on grass", ("a dog on grass", "a red ball")


@pytest.fixture(scope="module")
def bent(models: engine.Models, record: engine.SourceRecord) -> engine.SourceRecord:
    """A record that learned how to bend the values, at guidance scale 3."""
    seed = torch.Generator().manual_seed(0)
    shape = record.steps, models.token_limit, models.unet.config.cross_attention_dim
    learned = {
        "gamma": 1 + 0.2 * torch.randn(shape, generator=seed),
        "beta": 0.2 * torch.randn(shape, generator=seed),
    }
    return replace(record, learned=learned, guidance_scale=3.0)


def embedded(models: engine.Models, *prompts: str) -> Tensor:
    return torch.cat([codec.embed(models, codec.tokens(models, prompt)) for prompt in prompts])


@contextmanager
def reading(models: engine.Models) -> Iterator[dict[str, list[Tensor]]]:
    """What enters the key and value projections of one layer of cross-attention."""
    layer = models.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    read: dict[str, list[Tensor]] = {"to_k": [], "to_v": []}
    hooks = [
        getattr(layer, name).register_forward_pre_hook(lambda _, args, name=name: read[name].append(args[0]))
        for name in read
    ]
    yield read
    for hook in hooks:
        hook.remove()


def test_values_are_bent_within_the_window_only(models: engine.Models, bent: engine.SourceRecord) -> None:
    text = embedded(models, *TARGETS)

    values = value_inputs(bent, text, Window(0.2, 0.6))

    assert values is not None
    assert values.shape == (bent.steps, *text.shape)
    for step in range(bent.steps):
        expected = text * bent.learned["gamma"][step] + bent.learned["beta"][step] if step in (1, 2) else text
        torch.testing.assert_close(values[step], expected)


def test_what_is_not_bent_has_no_values(
    models: engine.Models, record: engine.SourceRecord, bent: engine.SourceRecord
) -> None:
    text = embedded(models, SOURCE)

    assert value_inputs(record, text, Window(0, 1)) is None
    assert value_inputs(bent, text, Window(0, 0.1)) is None
    assert value_inputs(bent, text, None) is None


@pytest.mark.parametrize("value_prompt", [None, "a ball on red grass"])
@pytest.mark.parametrize("method", [P2P, P2Plus])
def test_the_source_reads_bent_values_throughout_and_targets_while_in_tau_v(
    models: engine.Models, bent: engine.SourceRecord, method: type[P2P], value_prompt: str | None
) -> None:
    params: dict[str, Any] = {"tau_c": 1.0, "tau_s": 0, "tau_v": 0.4, "value_prompt": value_prompt}
    with reading(models) as read:
        engine.edit(models, bent, Edit(prompt=TARGETS, method=method(**params)))

    empty, source = embedded(models, ""), embedded(models, SOURCE)
    own = embedded(models, *TARGETS) if value_prompt is None else moved(models, value_prompt)
    gamma, beta = bent.learned["gamma"], bent.learned["beta"]
    assert len(read["to_v"]) == 3 * bent.steps
    for step in range(bent.steps):
        alone, *beside = read["to_v"][3 * step : 3 * step + 3]
        torch.testing.assert_close(alone, source * gamma[step] + beta[step])
        torch.testing.assert_close(beside[0], empty.expand(2, -1, -1))
        torch.testing.assert_close(beside[1], own * gamma[step] + beta[step] if step < 2 else own)


def moved(models: engine.Models, value_prompt: str) -> Tensor:
    """A value prompt's embedding at the tokens of each target."""
    given = codec.tokens(models, value_prompt)
    rows = [
        carried(given, embedded(models, value_prompt), codec.tokens(models, target)) for target in TARGETS
    ]
    return torch.cat(rows)


@pytest.mark.parametrize(
    ("given", "target", "sources"),
    [
        ("a dog on grass", "a dog on grass", [0, 1, 2, 3, 4, 5]),
        ("a cat on grass", "a dog on grass", [0, 1, 2, 3, 4, 5]),
        ("a red dog on grass", "a dog on grass", [0, 1, 3, 4, 5, 6]),
        ("a dog on grass", "a red dog on grass", [0, 1, 5, 2, 3, 4, 5]),
        ("grass", "a dog on grass", [0, 2, 2, 2, 1, 2]),
    ],
)
def test_each_words_value_goes_to_that_words_key(
    models: engine.Models, given: str, target: str, sources: list[int]
) -> None:
    read = embedded(models, given)

    found = carried(codec.tokens(models, given), read, codec.tokens(models, target))

    torch.testing.assert_close(found[0, : len(sources)], read[0, sources])


def test_a_word_of_several_tokens_shares_its_value(models: engine.Models) -> None:
    read = embedded(models, "a fox on grass")
    fox = codec.tokens(models, "a fox on grass").positions("fox")

    found = carried(codec.tokens(models, "a fox on grass"), read, codec.tokens(models, "a dog on grass"))

    assert len(fox) > 1
    torch.testing.assert_close(found[0, 2], read[0, list(fox)].mean(0))
    torch.testing.assert_close(found[0, 3], read[0, fox[-1] + 1])


def test_keys_are_always_of_the_prompts(models: engine.Models, bent: engine.SourceRecord) -> None:
    method = P2P(tau_c=0, tau_s=0, tau_v=1.0, value_prompt="a ball")
    with reading(models) as read:
        engine.edit(models, bent, Edit(prompt=TARGETS, method=method))

    keys = embedded(models, *TARGETS)
    assert all(torch.equal(key, keys) for key in read["to_k"][1::2])


def test_a_value_prompt_paints_with_any_record(models: engine.Models, record: engine.SourceRecord) -> None:
    def painted(**params: Any) -> bytes:
        return engine.edit(models, record, Edit(prompt=TARGETS[0], method=P2P(**params))).images[0].tobytes()

    assert painted(value_prompt=TARGETS[0]) == painted(value_prompt=TARGETS[0], tau_v=0)
    assert painted(value_prompt="a red ball", tau_v=1.0) == painted(value_prompt="a red ball")
    assert painted(value_prompt="a red ball") != painted()
    assert painted(tau_v=1.0) == painted(tau_v=0)


def test_a_record_learned_at_one_scale_is_edited_at_that(
    models: engine.Models, bent: engine.SourceRecord, unet_rows: list[int]
) -> None:
    with pytest.raises(RecordMismatch, match=r"guidance scale 3, here it is 5: edit at 3, or invert .* at 5"):
        engine.edit(models, bent, Edit(prompt=TARGETS[0], guidance_scale=5))
    assert unet_rows == []

    own, asked = (
        engine.edit(models, bent, Edit(prompt=TARGETS[0], guidance_scale=scale)).images[0].tobytes()
        for scale in (None, 3)
    )
    assert own == asked


def test_a_free_source_is_reconstructed_as_it_was_learned(
    models: engine.Models, bent: engine.SourceRecord
) -> None:
    free = replace(bent, pinned=False)

    with reading(models) as read:
        again = engine.reconstruct(models, free)

    source = embedded(models, SOURCE)
    for step in range(free.steps):
        expected = source * bent.learned["gamma"][step] + bent.learned["beta"][step]
        torch.testing.assert_close(read["to_v"][2 * step + 1], expected)
    beside = engine.edit(models, free, Edit(prompt=TARGETS[0])).source
    difference = torch.tensor(list(again.tobytes())) - torch.tensor(list(beside.tobytes()))
    assert difference.abs().max() <= 1
