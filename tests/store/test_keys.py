"""Ids say what was asked, and keys are what the service may serve."""

import re
from typing import Any

import pytest

from api_schemas import IMAGE_ID, RECORD_ID, InvertOptions, OutputFormat
from parameters import StyleDiffusion
from store import image_id, keys, record_id

PIXELS = bytes(range(12))
ASKED = InvertOptions(prompt="a cat", model="m")


def test_an_image_is_its_pixels_and_its_tenant() -> None:
    first = image_id([PIXELS], (2, 2))
    assert first == image_id([PIXELS], (2, 2), "default")
    assert first == image_id([PIXELS[:5], PIXELS[5:]], (2, 2))
    others = [
        image_id([PIXELS[::-1]], (2, 2)),
        image_id([PIXELS], (4, 1)),
        image_id([PIXELS], (2, 2), "other"),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_an_inversion_is_its_image_and_whatever_its_outcome_depends_on() -> None:
    first = record_id("img_a", ASKED)
    updates = [{"prompt": "a dog"}, {"method": "ddim"}, {"steps": 51}, {"model": "other"}]
    others = [
        record_id("img_b", ASKED),
        *(record_id("img_a", ASKED.model_copy(update=update)) for update in updates),
        record_id("img_a", learned()),
        record_id("img_a", learned(guidance_scale=5.0)),
        record_id("img_a", learned(inner_steps=3)),
    ]
    assert len({first, *others}) == 1 + len(others)
    assert first == record_id("img_a", ASKED.model_copy(update={"webhook_url": "https://a"}))


def test_a_new_parameter_leaves_the_ids_of_inversions_that_do_not_use_it() -> None:
    class Grown(StyleDiffusion):
        another: int = 3

    def grown(**params: Any) -> InvertOptions:
        return learned().model_copy(update={"params": Grown(**params)})

    assert record_id("img_a", grown(guidance_scale=5.0)) == record_id("img_a", learned(guidance_scale=5.0))
    assert record_id("img_a", grown(another=3)) == record_id("img_a", learned())
    assert record_id("img_a", grown(another=4)) != record_id("img_a", learned())


def learned(**params: Any) -> InvertOptions:
    return ASKED.model_copy(update={"method": "stylediffusion", "params": StyleDiffusion(**params)})


def test_ids_have_their_shape_and_job_ids_sort_by_time() -> None:
    assert re.fullmatch(IMAGE_ID, image_id([PIXELS], (2, 2)))
    assert re.fullmatch(RECORD_ID, record_id("img_a", ASKED))
    ids = [keys.new_job_id() for _ in range(50)]
    assert all(re.fullmatch(r"job_[0-9a-z]{26}", job_id) for job_id in ids)
    assert len(set(ids)) == 50
    assert [job_id[:14] for job_id in ids] == sorted(job_id[:14] for job_id in ids)


@pytest.mark.parametrize(
    ("form", "quality", "served"),
    [
        (OutputFormat.PNG, None, "/images/I/source.png"),
        (OutputFormat.PNG, 50, "/images/I/source.png"),
        (OutputFormat.JPEG, None, "/images/I/source.jpg"),
        (OutputFormat.WEBP, 50, "/images/I/source.webp?quality=50"),
    ],
)
def test_a_url_names_the_format_by_its_suffix(form: OutputFormat, quality: int | None, served: str) -> None:
    assert keys.url(keys.source("I"), form, quality) == served
