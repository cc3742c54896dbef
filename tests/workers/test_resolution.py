"""The size of edited pictures: the model's, and the original's own."""

import io

import numpy as np
import pytest
from PIL import Image

from api_schemas import EditedImage, EditResult, Resolution
from tests.workers.conftest import Bench, edited, picture, send

SIZE = (117, 90)
LARGE = picture(3).resize(SIZE, Image.Resampling.BICUBIC)
BLENDED = {"blend_words": ["cat", "dog"], "blend_threshold": 0.3}


@pytest.fixture
def image(bench: Bench) -> str:
    return bench.work(send(bench.shared, image=LARGE)).image_id


def fetched(bench: Bench, url: str | None) -> Image.Image:
    assert url is not None
    return Image.open(io.BytesIO(bench.shared.blobs.get(url.removeprefix("/"))))


def only(result: EditResult) -> EditedImage:
    (made,) = result.images
    return made


def test_a_blended_edit_comes_back_at_the_originals_size(bench: Bench, image: str) -> None:
    made = only(edited(bench, image, prompt="a dog on grass", params=BLENDED))
    assert (made.resolution, made.url, made.mask_url) == (
        Resolution.SOURCE,
        made.full_url,
        made.full_mask_url,
    )
    full, mask = fetched(bench, made.full_url), fetched(bench, made.full_mask_url)
    assert full.size == mask.size == SIZE
    model, model_mask = fetched(bench, made.model_url), fetched(bench, made.model_mask_url)
    assert model.size == model_mask.size == (40, 32)
    changed = (np.asarray(full) != np.asarray(LARGE)).any(-1)
    assert changed.any()
    assert not (changed & (np.asarray(mask) == 0)).any()
    assert (np.asarray(mask) == 0).any()


def test_an_edit_of_everything_comes_back_at_the_models_size(bench: Bench, image: str) -> None:
    made = only(edited(bench, image, prompt="a dog on grass"))
    assert (made.resolution, made.url, made.mask_url) == (Resolution.MODEL, made.model_url, None)
    assert made.full_url is None
    assert fetched(bench, made.url).size == (40, 32)


@pytest.mark.parametrize("params", [{}, BLENDED])
def test_either_size_can_be_asked_for(bench: Bench, image: str, params: dict[str, object]) -> None:
    asked = {"prompt": "a dog on grass", "params": params}
    full = only(edited(bench, image, resolution="source", **asked))
    model = only(edited(bench, image, resolution="model", **asked))
    assert fetched(bench, full.url).size == SIZE
    assert fetched(bench, model.url).size == (40, 32)
    assert (full.url, full.model_url) == (full.full_url, model.url)
    assert model.mask_url == model.model_mask_url
    assert model.metrics == full.metrics
    if params:
        assert model.full_url == full.url


def test_the_format_is_of_both_sizes(bench: Bench, image: str) -> None:
    made = only(
        edited(bench, image, prompt="a dog on grass", params=BLENDED, output_format="webp", quality=70)
    )
    assert made.full_url is not None
    assert made.model_url is not None
    assert made.full_url.endswith(".webp?quality=70")
    assert made.model_url.endswith(".webp?quality=70")
