"""What edits keep of their source, and what they show of it."""

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from PIL import Image

import engine
from api_schemas import ErrorCode, JobStatus
from store import Store
from tests.workers.conftest import Bench, ask, edited, files, inverted, record_of, send
from workers.process import feature_host_bytes
from workers.settings import WorkerSettings


def opened(shared: Store, url: str) -> Image.Image:
    with Image.open(io.BytesIO(shared.blobs.get(url.removeprefix("/")))) as image:
        return image.convert("RGB")


def test_the_second_edit_finds_what_the_first_took_from_the_source(bench: Bench) -> None:
    image = inverted(bench)
    first = edited(bench, image, prompt="a dog on grass")
    other = edited(bench, image, prompts=["a ball on grass", "a red cat on grass"])
    again = edited(bench, image, prompt="a dog on grass")
    assert [result.features_cached for result in (first, other, again)] == [False, True, True]
    assert again.images == first.images


def test_the_first_edit_finds_what_an_aligned_inversion_saw_of_the_source(bench: Bench) -> None:
    image = bench.work(send(bench.shared, method="aligned")).image_id
    assert edited(bench, image, prompt="a dog on grass").features_cached
    assert not edited(
        bench, image, prompt="a dog on grass", method="p2plus", params={"tau_u": 1}
    ).features_cached


def test_what_was_kept_of_a_deleted_image_is_made_anew_when_it_is_sent_again(bench: Bench) -> None:
    image = inverted(bench)
    edited(bench, image, prompt="a dog on grass")
    bench.shared.delete_image(image)
    bench.runner.sweep()
    assert inverted(bench) == image
    assert not edited(bench, image, prompt="a dog on grass").features_cached


@pytest.mark.parametrize("method", ["p2p", "p2plus"])
def test_attention_is_answered_word_by_word_in_pictures_of_both_prompts(bench: Bench, method: str) -> None:
    image = inverted(bench)
    prompts = ["a dog on grass", "a red ball on grass"]
    result = edited(bench, image, prompts=prompts, method=method, params={"attention": True})
    for made, words in zip(result.images, (["dog"], ["red", "ball"]), strict=True):
        assert made.attention is not None
        found = {each.word: each for each in made.attention}
        assert set(found) == {"a", "cat", "on", "grass", *words}
        assert found["cat"].url is None
        assert all(found[word].source_url is None for word in words)
        shown = [url for each in made.attention for url in (each.source_url, each.url) if url is not None]
        assert len(shown) == 2 * len(found) - 1 - len(words)
        assert {opened(bench.shared, url).size for url in shown} == {(32, 32)}
    bench.shared.delete_image(image)
    assert files(bench.shared, image) == {}


def test_what_layers_see_is_answered_in_pictures_of_the_source_and_every_edit(bench: Bench) -> None:
    image = inverted(bench)
    prompts = ["a dog on grass", "a red ball on grass"]
    result = edited(bench, image, prompts=prompts, method="pnp", params={"features": True})
    assert result.features
    assert {each.kind for each in result.features} == {"feature", "self"}
    assert len({(each.layer, each.step) for each in result.features}) == len(result.features)
    for each in result.features:
        assert each.source_url is not None
        shown = [each.source_url, *each.urls]
        assert [opened(bench.shared, url).size for url in shown] == [(32, 32)] * 3
    assert edited(bench, image, prompts=prompts, method="pnp").features is None


def test_attention_that_nobody_asked_for_is_not_answered_and_changes_nothing(bench: Bench) -> None:
    image = inverted(bench)
    plain = edited(bench, image, prompt="a dog on grass").images[0]
    shown = edited(bench, image, prompt="a dog on grass", params={"attention": True}).images[0]
    assert (plain.attention, plain.url) == (None, shown.url)


@pytest.mark.parametrize("kind", ["edit", "invert"])
def test_when_memory_runs_out_what_was_kept_is_given_up_before_the_retry(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    image = inverted(bench)
    edited(bench, image, prompt="a dog on grass")
    features = bench.records.features(record_of(bench.shared, image))
    assert features is not None
    real, held = getattr(engine, kind), [features.nbytes]

    def greedy(*given: object, **how: object) -> object:
        held.append(features.nbytes)
        if features.nbytes:
            raise engine.OutOfMemory("no room")
        return real(*given, **how)

    monkeypatch.setattr(engine, kind, greedy)
    if kind == "edit":
        result = edited(bench, image, prompt="a dog on grass")
        assert not result.features_cached
    else:
        inverted(bench, prompt="a ball on grass")
    assert held[0] == held[1] > held[2] == 0
    assert not bench.runner.tainted


def test_another_guidance_scale_than_the_inversions_fails_the_job_and_keeps_the_inversion(
    bench: Bench,
) -> None:
    image = bench.work(send(bench.shared, method="stylediffusion")).image_id
    before = files(bench.shared, image)
    job = bench.work(ask(bench.shared, image, prompt="a dog on grass", guidance_scale=4))
    assert job.error is not None
    assert (job.status, job.error.code) == (JobStatus.FAILED, ErrorCode.RECORD_MISMATCH)
    assert (job.error.parameter, job.error.expected, job.error.value) == ("guidance_scale", "7.5", "4")
    assert "invert the image" in job.error.detail
    assert files(bench.shared, image) == before
    assert edited(bench, image, prompt="a dog on grass", guidance_scale=7.5).source_cached


@pytest.mark.parametrize(
    ("device", "settings", "on_device", "expected"),
    [
        ("cuda", {}, 0, 3000),
        ("cuda", {}, 2000, 2000),
        ("cuda", {}, 9000, 0),
        ("cuda", {"devices": "cuda:0,cuda:1"}, 0, 1500),
        ("cuda", {"feature_host_bytes": 7}, 100, 7),
        ("cpu", {"feature_host_bytes": 7}, 100, 0),
    ],
)
def test_main_memory_takes_what_the_sources_lack_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    settings: dict[str, Any],
    on_device: int,
    expected: int,
) -> None:
    """Four sources of 1,000 bytes each, on a machine that has ten times as much free as one of them."""
    monkeypatch.setattr(engine, "free_bytes", lambda _: 10_000)
    monkeypatch.setattr(engine, "features_need", lambda _: 1000)
    models = cast(Any, SimpleNamespace(device=torch.device(device)))

    assert feature_host_bytes(models, WorkerSettings(**settings), on_device) == expected
