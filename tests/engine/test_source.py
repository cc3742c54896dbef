"""The source beside its edits: what it costs, counted, and that what is kept never changes a bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from PIL import Image

import engine
from engine import P2P, Edit, EditResult, P2Plus, PlugAndPlay, SourceCache, SourceRecord
from engine.errors import InvalidParameter, NumericalError
from engine.guidance import ClassifierFree
from engine.lane import Lane
from engine.source import SourceRun
from parameters import EditParameters

STEPS = 6
TARGET = "a dog on grass"
PLENTY = 2**30


@dataclass
class Counts:
    """What a model was asked for: rows of the denoiser by call, decodes, encodes."""

    rows: list[int]
    decodes: int = 0
    encodes: int = 0


@contextmanager
def counting(model: engine.Backbone) -> Iterator[Counts]:
    counts = Counts(rows=[])

    def decoded(*_: Any) -> None:
        counts.decodes += 1

    def encoded(*_: Any) -> None:
        counts.encodes += 1

    hooks = [
        model.network.register_forward_pre_hook(lambda _, args: counts.rows.append(len(args[0]))),
        model.vae.decoder.register_forward_pre_hook(decoded),
        model.vae.encoder.register_forward_pre_hook(encoded),
    ]
    yield counts
    for hook in hooks:
        hook.remove()


def bytes_of(result: EditResult) -> list[bytes]:
    shown = [each for words in result.attention for word in words for each in (word.source, word.target)]
    pictures = [*result.images, result.source, *result.masks, *shown]
    return [picture.tobytes() for picture in pictures if picture is not None]


@pytest.fixture(scope="module", params=["direct", "ddim"])
def source(request: pytest.FixtureRequest, model: engine.Backbone, image: Image.Image) -> SourceRecord:
    """A picture inverted, its source pinned or free."""
    return engine.invert(model, image, prompt="a cat on grass", method=request.param, steps=STEPS)


@pytest.fixture(scope="module", params=["direct", "ddim"])
def brief(request: pytest.FixtureRequest, model: engine.Backbone, image: Image.Image) -> SourceRecord:
    """The same in a few steps."""
    return engine.invert(model, image, prompt="a cat on grass", method=request.param, steps=4)


METHODS = [
    P2P(),
    P2P(tau_s=0, tau_c=0),
    P2P(blend_words="changed", reweight={"dog": 2}),
    P2Plus(tau_u=0.5),
    PlugAndPlay(tau_f=0.6, tau_a=0.3),
]


@pytest.mark.parametrize("method", METHODS, ids=["p2p", "free", "blended", "p2plus", "pnp"])
def test_a_repeated_edit_of_a_cached_source_is_its_own_rows_and_one_decode(
    model: engine.Backbone, source: SourceRecord, method: EditParameters
) -> None:
    cache, edit = SourceCache(PLENTY), Edit(prompt=TARGET, method=method)
    first = engine.edit(model, source, edit, cache=cache)

    with counting(model) as counts:
        again = engine.edit(model, source, edit, cache=cache)

    negatives = isinstance(method, PlugAndPlay)
    rows = [2, *[3] * (STEPS - 2), 2] if negatives else [2] * STEPS
    assert counts == Counts(rows=rows, decodes=1)
    assert again.cached
    assert bytes_of(again) == bytes_of(first) == bytes_of(engine.edit(model, source, edit))


def test_targets_of_one_call_cost_their_own_rows(model: engine.Backbone, source: SourceRecord) -> None:
    cache, targets = SourceCache(PLENTY), (TARGET, "a red cat on grass", "a ball on grass")
    engine.edit(model, source, Edit(prompt=TARGET), cache=cache)

    with counting(model) as counts:
        together = engine.edit(model, source, Edit(prompt=targets), cache=cache)

    assert (sum(counts.rows), counts.decodes, counts.encodes) == (2 * 3 * STEPS, 3, 0)
    alone = engine.edit(model, source, Edit(prompt=targets, only=1), cache=cache)
    assert furthest(together.images[1], alone.images[0]) <= 1


def furthest(one: Image.Image, other: Image.Image) -> int:
    pixels = [torch.frombuffer(bytearray(each.tobytes()), dtype=torch.uint8).int() for each in (one, other)]
    return int((pixels[0] - pixels[1]).abs().max())


def test_a_source_is_run_only_where_an_edit_looks(
    model: engine.Backbone, record: SourceRecord, image: Image.Image
) -> None:
    free = engine.invert(model, image, prompt=record.prompt, method="ddim", steps=record.steps)
    alone, both = [1, 2], [1, 1, 2]

    for source, method, expected in (
        (record, P2P(tau_c=0.4, tau_s=0.6), alone * 3 + [2] * 2),
        (record, P2P(tau_c=0, tau_s=0), [2] * 5),
        (record, P2Plus(tau_c=0.4, tau_s=0.4, tau_u=0.6), both * 2 + alone + [2] * 2),
        (free, P2P(tau_c=0, tau_s=0), both * 5),
    ):
        with counting(model) as counts:
            result = engine.edit(model, source, Edit(prompt=TARGET, method=method))
        assert counts.rows == expected
        assert result.cached is (1 not in expected)


def test_at_scale_one_there_is_no_other_branch(model: engine.Backbone, record: SourceRecord) -> None:
    with counting(model) as counts:
        engine.edit(model, record, Edit(prompt=TARGET, guidance_scale=1, method=P2Plus(tau_u=1.0)))

    assert counts.rows == [1, 1, 1, 1, 1, 1, 1, 1]


def test_what_is_missing_is_made_and_what_is_there_is_not(
    model: engine.Backbone, record: SourceRecord
) -> None:
    cache = SourceCache(PLENTY)
    few = Edit(prompt=TARGET, method=P2P(tau_c=0.4, tau_s=0.4))
    more = Edit(prompt=TARGET, method=P2P(tau_c=0.4, tau_s=0.8))
    deeper = Edit(prompt=TARGET, method=P2P(tau_c=0.4, tau_s=0.8, blend_words="changed"))

    for edit, calls in ((few, 2), (more, 2), (few, 0), (deeper, 3), (more, 0), (few, 0)):
        with counting(model) as counts:
            result = engine.edit(model, record, edit, cache=cache)
        assert counts.rows.count(1) == calls
        assert bytes_of(result) == bytes_of(engine.edit(model, record, edit))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6])
def test_a_cache_too_small_gives_the_same_bytes(
    model: engine.Backbone, brief: SourceRecord, share: float
) -> None:
    edit = Edit(prompt=TARGET, method=P2P(blend_words="changed", attention=True))
    whole = SourceCache(PLENTY)
    expected = bytes_of(engine.edit(model, brief, edit, cache=whole))
    small = SourceCache(int(whole.nbytes * share))

    for _ in range(2):
        assert bytes_of(engine.edit(model, brief, edit, cache=small)) == expected
        assert small.nbytes <= small.max_bytes


def test_what_ran_in_between_changes_nothing(model: engine.Backbone, brief: SourceRecord) -> None:
    cache, edit = SourceCache(PLENTY), Edit(prompt=TARGET, method=P2Plus(tau_u=0.3))
    expected = bytes_of(engine.edit(model, brief, edit))
    others = [
        Edit(prompt=("a red cat on grass", TARGET), method=P2P(blend_words="changed")),
        Edit(prompt=TARGET, guidance_scale=1),
        Edit(prompt=TARGET, guidance_scale=5.5, method=P2P(attention=True)),
        Edit(prompt=TARGET, method=P2P(tau_c=1.0, tau_s=1.0, value_prompt="a red ball")),
        Edit(prompt=TARGET, method=P2Plus(tau_u=1.0), negative_prompt="a red ball"),
        Edit(prompt=TARGET, method=PlugAndPlay(negative_prompt_alpha=0.5), negative_prompt="a ball"),
    ]

    for other in others:
        engine.edit(model, brief, other, cache=cache)
        assert bytes_of(engine.edit(model, brief, edit, cache=cache)) == expected


def test_records_do_not_share_what_is_kept(model: engine.Backbone, record: SourceRecord) -> None:
    cache = SourceCache(PLENTY)
    other = replace(record, key="other", trajectory=record.trajectory + 0.3)

    for each in (record, other, record, other):
        kept = engine.edit(model, each, Edit(prompt=TARGET), cache=cache)
        assert bytes_of(kept) == bytes_of(engine.edit(model, each, Edit(prompt=TARGET)))


def test_a_cancelled_edit_leaves_a_cache_that_is_right(model: engine.Backbone, brief: SourceRecord) -> None:
    cache, edit = SourceCache(PLENTY), Edit(prompt=TARGET)

    def interrupt(progress: engine.Progress) -> None:
        if (progress.phase, progress.step) == ("edit", 3):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.edit(model, brief, edit, cache=cache, on_progress=interrupt)

    assert bytes_of(engine.edit(model, brief, edit, cache=cache)) == bytes_of(engine.edit(model, brief, edit))


def test_the_picture_that_comes_back_is_not_the_one_kept(
    model: engine.Backbone, record: SourceRecord
) -> None:
    cache, edit = SourceCache(PLENTY), Edit(prompt=TARGET)
    expected = engine.edit(model, record, edit, cache=cache).source.tobytes()

    engine.edit(model, record, edit, cache=cache).source.paste((0, 0, 0), (0, 0, 8, 8))

    assert engine.edit(model, record, edit, cache=cache).source.tobytes() == expected


def test_a_free_source_of_nan_is_an_error(model: engine.Backbone, record: SourceRecord) -> None:
    broken = replace(record, method="ddim", trajectory=record.trajectory * float("nan"))

    with pytest.raises(NumericalError, match="of source"):
        engine.edit(model, broken, Edit(prompt=TARGET))


def test_a_source_is_kept_by_what_its_branch_reads(model: engine.Backbone, record: SourceRecord) -> None:
    """Two runs whose null rows read different prompts share nothing but the path."""
    cache, calls = SourceCache(PLENTY), record.steps
    sites = frozenset(site.name for site in model.sites if site.kind == "feature")
    seen: dict[str, list[torch.Tensor]] = {}

    for empty, cost in (("", calls), ("a red ball", calls), ("", 0), ("a red ball", 0)):
        lane = Lane(
            start=record.trajectory[-1:],
            calls=model.schedule(record.steps).denoising(),
            guidance=ClassifierFree(3.0),
            conditionings={name: model.read(empty, record.size) for name in ("cond", "uncond")},
        )
        run = SourceRun(model, record, lane, pinned=True, cache=cache)
        features = [
            run.beside(lane.step(index), {"uncond": sites}).features["uncond"].hidden[sorted(sites)[-1]]
            for index in range(record.steps)
        ]

        assert run.calls == cost
        first = seen.setdefault(empty, features)
        assert all(torch.equal(one, other) for one, other in zip(first, features, strict=True))
    assert not torch.equal(seen[""][0], seen["a red ball"][0])


def test_what_was_learned_of_the_null_row_is_kept_apart_too(
    model: engine.Backbone, image: Image.Image
) -> None:
    """Null-text replaces what the unconditional branch reads, step by step."""
    record = engine.invert(
        model, image, prompt="a cat on grass", method="null-text", steps=4, params={"inner_steps": 1}
    )
    cache = SourceCache(PLENTY)
    for method in (P2Plus(tau_u=1.0, tau_s=0, tau_c=0), PlugAndPlay(tau_f=1.0, tau_a=1.0)):
        edit = Edit(prompt=TARGET, method=method)
        expected = bytes_of(engine.edit(model, record, edit))
        for _ in range(2):
            assert bytes_of(engine.edit(model, record, edit, cache=cache)) == expected


@pytest.mark.parametrize("value", [-1, 1.5, "1", None, True])
def test_a_cache_has_a_size(value: Any) -> None:
    with pytest.raises(InvalidParameter, match="max_bytes is"):
        SourceCache(value)


def test_a_cache_keeps_what_is_in_use_and_gives_up_what_two_edits_did_without() -> None:
    cache = SourceCache(30)
    for name in "abc":
        cache.put((name, 0), name, 10)
    cache.put(("d", 0), "d", 10)
    cache.begin()
    assert [cache.get((name, 0)) for name in "acd"] == ["a", "c", None]
    cache.put(("d", 0), "d", 10)
    cache.begin()
    cache.put(("d", 0), "d", 10)
    cache.put(("e", 0), "e", 31, first=True)

    assert [cache.get((name, 0)) for name in "abcde"] == ["a", None, "c", "d", None]
    assert cache.nbytes == 30
    cache.forget("a")
    assert [cache.get((name, 0)) for name in "acd"] == [None, "c", "d"]
    cache.put(("f", 0), "f", 30, first=True)
    assert [cache.get((name, 0)) for name in "cdf"] == [None, None, "f"]
    cache.clear()
    assert cache.nbytes == 0


def test_a_full_cache_takes_what_is_smaller_for_the_largest_that_is_in_use() -> None:
    cache = engine.SourceCache(100)
    cache.begin()
    cache.put(("path",), "path", 30, first=True)
    cache.put(("large",), "large", 40)
    cache.put(("small",), "small", 20)
    cache.put(("other",), "other", 40)
    assert cache.get(("large",)) == "large"
    cache.put(("smaller",), "smaller", 20)
    cache.put(("too",), "too", 31)
    assert [cache.get((name,)) for name in ("path", "large", "small", "smaller", "too")] == [
        "path",
        None,
        "small",
        "smaller",
        None,
    ]
