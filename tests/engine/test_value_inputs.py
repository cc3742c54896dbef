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
from engine import P2P, Edit, P2Plus
from engine.errors import RecordMismatch
from engine.inverters.fitting import ScaledValues
from engine.value_inputs import WindowedValues, carried
from engine.window import Window

SOURCE, TARGETS = "a cat on grass", ("a dog on grass", "a red ball")


@pytest.fixture(scope="module")
def bent(model: engine.Backbone, record: engine.SourceRecord) -> engine.SourceRecord:
    """A record that learned how to bend the values, at guidance scale 3."""
    seed = torch.Generator().manual_seed(0)
    shape = record.steps, model.token_limit, model.network.config.cross_attention_dim
    learned = {
        "gamma": 1 + 0.2 * torch.randn(shape, generator=seed),
        "beta": 0.2 * torch.randn(shape, generator=seed),
    }
    return replace(record, method="stylediffusion", learned=learned, params={"guidance_scale": 3.0})


def embedded(model: engine.Backbone, *prompts: str) -> Tensor:
    return torch.cat([model.read(prompt, (8, 8)).context for prompt in prompts])


@contextmanager
def reading(model: engine.Backbone) -> Iterator[dict[str, list[Tensor]]]:
    """What enters the key and value projections of one layer of cross-attention."""
    layer = model.network.mid_block.attentions[0].transformer_blocks[0].attn2
    read: dict[str, list[Tensor]] = {"to_k": [], "to_v": []}
    hooks = [
        getattr(layer, name).register_forward_pre_hook(lambda _, args, name=name: read[name].append(args[0]))
        for name in read
    ]
    yield read
    for hook in hooks:
        hook.remove()


@pytest.mark.parametrize("own", [True, False])
def test_values_are_bent_within_the_window_only_and_in_the_conditional_branch(
    model: engine.Backbone, bent: engine.SourceRecord, own: bool
) -> None:
    text, other = embedded(model, *TARGETS), embedded(model, *reversed(TARGETS))
    learned = WindowedValues(
        learned=ScaledValues.of(model, bent.learned),
        window=Window(0.2, 0.6),
        total=bent.steps,
        context=None if own else other,
    )
    read = text if own else other

    for step in range(bent.steps):
        values = learned.values(step, "cond", text)
        assert learned.values(step, "uncond", text) is None
        if step in (1, 2):
            assert values is not None
            torch.testing.assert_close(
                values, read * bent.learned["gamma"][step] + bent.learned["beta"][step]
            )
        else:
            assert values is (None if own else other)


@pytest.mark.parametrize("value_prompt", [None, "a ball on red grass"])
@pytest.mark.parametrize("method", [P2P, P2Plus])
def test_the_source_reads_bent_values_throughout_and_targets_while_in_tau_v(
    model: engine.Backbone, bent: engine.SourceRecord, method: type[P2P], value_prompt: str | None
) -> None:
    params: dict[str, Any] = {"tau_c": 1.0, "tau_s": 0, "tau_v": 0.4, "value_prompt": value_prompt}
    with reading(model) as read:
        engine.edit(model, bent, Edit(prompt=TARGETS, method=method(**params)))

    empty, source = embedded(model, ""), embedded(model, SOURCE)
    own = embedded(model, *TARGETS) if value_prompt is None else moved(model, value_prompt)
    gamma, beta = bent.learned["gamma"], bent.learned["beta"]
    assert len(read["to_v"]) == 3 * bent.steps
    for step in range(bent.steps):
        alone, *beside = read["to_v"][3 * step : 3 * step + 3]
        torch.testing.assert_close(alone, source * gamma[step] + beta[step])
        torch.testing.assert_close(beside[0], empty.expand(2, -1, -1))
        torch.testing.assert_close(beside[1], own * gamma[step] + beta[step] if step < 2 else own)


def moved(model: engine.Backbone, value_prompt: str) -> Tensor:
    """A value prompt's embedding at the tokens of each target."""
    given = model.tokens(value_prompt)
    rows = [carried(given, embedded(model, value_prompt), model.tokens(target)) for target in TARGETS]
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
    model: engine.Backbone, given: str, target: str, sources: list[int]
) -> None:
    read = embedded(model, given)

    found = carried(model.tokens(given), read, model.tokens(target))

    torch.testing.assert_close(found[0, : len(sources)], read[0, sources])


def test_a_word_of_several_tokens_shares_its_value(model: engine.Backbone) -> None:
    read = embedded(model, "a fox on grass")
    fox = model.tokens("a fox on grass").positions("fox")

    found = carried(model.tokens("a fox on grass"), read, model.tokens("a dog on grass"))

    assert len(fox) > 1
    torch.testing.assert_close(found[0, 2], read[0, list(fox)].mean(0))
    torch.testing.assert_close(found[0, 3], read[0, fox[-1] + 1])


def test_keys_are_always_of_the_prompts(model: engine.Backbone, bent: engine.SourceRecord) -> None:
    method = P2P(tau_c=0, tau_s=0, tau_v=1.0, value_prompt="a ball")
    with reading(model) as read:
        engine.edit(model, bent, Edit(prompt=TARGETS, method=method))

    keys = embedded(model, *TARGETS)
    assert all(torch.equal(key, keys) for key in read["to_k"][1::2])


def test_a_value_prompt_paints_with_any_record(model: engine.Backbone, record: engine.SourceRecord) -> None:
    def painted(**params: Any) -> bytes:
        return engine.edit(model, record, Edit(prompt=TARGETS[0], method=P2P(**params))).images[0].tobytes()

    assert painted(value_prompt=TARGETS[0]) == painted(value_prompt=TARGETS[0], tau_v=0)
    assert painted(value_prompt="a red ball", tau_v=1.0) == painted(value_prompt="a red ball")
    assert painted(value_prompt="a red ball") != painted()
    assert painted(tau_v=1.0) == painted(tau_v=0)


def test_a_record_learned_at_one_scale_is_edited_at_that(
    model: engine.Backbone, bent: engine.SourceRecord, network_rows: list[int]
) -> None:
    with pytest.raises(RecordMismatch, match=r"guidance scale 3, here it is 5: edit at 3, or invert .* at 5"):
        engine.edit(model, bent, Edit(prompt=TARGETS[0], guidance_scale=5))
    assert network_rows == []

    own, asked = (
        engine.edit(model, bent, Edit(prompt=TARGETS[0], guidance_scale=scale)).images[0].tobytes()
        for scale in (None, 3)
    )
    assert own == asked


def test_a_free_source_is_reconstructed_as_it_was_learned(
    model: engine.Backbone, bent: engine.SourceRecord
) -> None:
    free = replace(bent, method="stylediffusion-faithful")

    with reading(model) as read:
        again = engine.reconstruct(model, free)

    source = embedded(model, SOURCE)
    for step in range(free.steps):
        expected = source * bent.learned["gamma"][step] + bent.learned["beta"][step]
        torch.testing.assert_close(read["to_v"][2 * step + 1], expected)
    beside = engine.edit(model, free, Edit(prompt=TARGETS[0])).source
    difference = torch.tensor(list(again.tobytes())) - torch.tensor(list(beside.tobytes()))
    assert difference.abs().max() <= 1
