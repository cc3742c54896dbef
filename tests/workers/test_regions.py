"""Edits of a part of a picture, at the model's full size."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import engine
import engine.regions
from api_schemas import EditedImage, EditResult, Job, Resolution
from store import RecordKey, keys
from tests.workers.conftest import Bench, ask, edited, files, picture, send

SIZE = (200, 150)
LARGE = picture(5).resize(SIZE, Image.Resampling.BICUBIC)
REGION = (100, 60, 48, 40)
DOG = {"prompt": "a dog on grass"}


@pytest.fixture
def image(bench: Bench) -> str:
    return bench.work(send(bench.shared, image=LARGE)).image_id


def pixels(bench: Bench, url: str | None) -> np.ndarray:
    assert url is not None
    return np.asarray(Image.open(io.BytesIO(bench.shared.blobs.get(url.removeprefix("/")))))


def in_region(bench: Bench, image: str, region: Any, **request: Any) -> Job:
    """An edit whose inversion the service named: of the region that was asked for, or of all for 'auto'."""
    by = {} if region == "auto" else {"region": region}
    return bench.work(ask(bench.shared, image, by=by, region=region, **DOG, **request))


def spotted(monkeypatch: pytest.MonkeyPatch, *, everywhere: bool = False) -> list[tuple[int, ...]]:
    """The attention of random weights is anywhere; this one is on a spot. Returns the words asked for."""
    find, asked = engine.find, []

    def on_a_spot(models: engine.Backbone, record: Any, words: tuple[int, ...], **how: Any) -> Tensor:
        asked.append(words)
        real = find(models, record, words, **how)
        spot = torch.full_like(real, float(everywhere))
        spot[0 if everywhere else len(real) // 2, -2] = 1
        return spot

    monkeypatch.setattr(engine, "find", on_a_spot)
    return asked


def region_of(job: Job) -> tuple[int, ...] | None:
    assert isinstance(job.result, EditResult), job.error
    assert job.result.inversion is not None
    return job.result.inversion.region


def only(job: Job) -> EditedImage:
    assert isinstance(job.result, EditResult), job.error
    (made,) = job.result.images
    return made


def test_a_region_is_edited_at_the_models_size_and_put_back_at_its_place(bench: Bench, image: str) -> None:
    job = in_region(bench, image, REGION)
    made = only(job)
    assert (made.resolution, made.url, made.mask_url) == (
        Resolution.SOURCE,
        made.full_url,
        made.full_mask_url,
    )
    assert pixels(bench, made.model_url).shape[:2] == (32, 32)  # a square of whole strides
    changed = (pixels(bench, made.url) != np.asarray(LARGE)).any(-1)
    mask = pixels(bench, made.mask_url)
    assert changed.shape == mask.shape == SIZE[::-1]
    assert not (changed & (mask == 0)).any()
    x, y, width, height = REGION
    assert changed[y : y + height, x : x + width].mean() > 0.3
    mask = mask.copy()
    mask[y : y + height, x : x + width] = 0
    assert not mask.any()


def test_it_is_the_same_as_an_edit_of_what_was_cut_out(
    bench: Bench, models: engine.Backbone, image: str
) -> None:
    made = only(in_region(bench, image, REGION))
    cut = engine.regions.part(LARGE, REGION)
    alone = bench.work(send(bench.shared, image=cut)).image_id
    assert (
        pixels(bench, made.model_url) == pixels(bench, edited(bench, alone, **DOG).images[0].model_url)
    ).all()


def test_it_is_an_inversion_of_its_own_that_is_kept(bench: Bench, image: str) -> None:
    in_region(bench, image, REGION)
    again = in_region(bench, image, REGION, seed=1)
    assert isinstance(again.result, EditResult)
    assert again.result.source_cached
    assert again.result.inversion is not None
    assert again.result.inversion.region == REGION
    found = bench.shared.images.get(image)
    assert found is not None
    assert [each.region for each in found.inversions] == [None, REGION]
    whole = edited(bench, image, **DOG)
    assert whole.inversion is not None
    assert whole.inversion.region is None
    assert bench.shared.delete_image(image)
    assert files(bench.shared, image) == {}


def test_auto_finds_the_place_by_a_first_pass(
    bench: Bench, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attention of random weights is anywhere: the mask is set here, the rest is as ever."""
    asked = spotted(monkeypatch)
    job = in_region(bench, image, "auto")
    made = only(job)
    region = region_of(job)
    assert region is not None
    x, y, width, height = region
    assert (width, height) == (32, 32)  # the model's size: less would only be enlarged
    assert x < 150 < x + width
    assert y < 80 < y + height
    assert asked == [(1,)]  # the cat
    listed = bench.shared.images.get(image)
    assert listed is not None
    assert region in [each.region for each in listed.inversions]
    changed = (pixels(bench, made.url) != np.asarray(LARGE)).any(-1)
    assert changed.any()
    changed[y : y + height, x : x + width] = False
    assert not changed.any()
    assert only(in_region(bench, image, region)).url == made.url
    assert job.warnings == []


def test_auto_of_a_change_that_is_everywhere_edits_the_whole_picture(
    bench: Bench, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spotted(monkeypatch, everywhere=True)
    job = in_region(bench, image, "auto")
    assert region_of(job) is None
    assert only(job).url == edited(bench, image, **DOG).images[0].url


def test_a_region_that_is_lost_is_made_again(bench: Bench, image: str) -> None:
    first = in_region(bench, image, REGION)
    assert isinstance(first.result, EditResult)
    assert first.result.inversion is not None
    bench.records.discard(RecordKey(image, first.result.inversion.id))
    again = in_region(bench, image, REGION)
    assert only(again).url == only(first).url
    assert [warning.code for warning in again.warnings] == ["inversion_missing"]


def test_a_mask_that_was_sent_says_where(bench: Bench, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = spotted(monkeypatch)
    mask = Image.new("1", SIZE)
    mask.paste(1, (20, 30, 40, 45))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    key = keys.mask(image, buffer.getvalue())
    bench.shared.blobs.put(key, buffer.getvalue())
    job = in_region(bench, image, "auto", mask=keys.url(key))
    made = only(job)
    assert region_of(job) == (14, 22, 32, 32)
    assert asked == []
    changed = (pixels(bench, made.url) != np.asarray(LARGE)).any(-1)
    assert changed[30:45, 20:40].any()
    changed[30:45, 20:40] = False
    assert not changed.any()
    assert only(in_region(bench, image, (14, 22, 32, 32), mask=keys.url(key))).url == made.url
