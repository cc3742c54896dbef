"""Ids say what was asked, and keys are what the service may serve."""

import re

import pytest

from api_schemas import InvertOptions, OutputFormat
from store import image_id, keys

PIXELS = bytes(range(12))
ASKED = InvertOptions(prompt="a cat")


def test_the_same_request_has_the_same_id_and_any_other_request_another() -> None:
    first = image_id(PIXELS, (2, 2), ASKED, "miniature")
    assert first == image_id(PIXELS, (2, 2), InvertOptions(prompt="a cat", model="miniature"), "miniature")
    others = [
        image_id(PIXELS[::-1], (2, 2), ASKED, "miniature"),
        image_id(PIXELS, (4, 1), ASKED, "miniature"),
        image_id(PIXELS, (2, 2), ASKED, "other"),
        *(
            image_id(PIXELS, (2, 2), ASKED.model_copy(update=update), "miniature")
            for update in ({"prompt": "a dog"}, {"method": "ddim"}, {"steps": 51})
        ),
    ]
    assert len({first, *others}) == 1 + len(others)


def test_ids_have_their_shape_and_job_ids_sort_by_time() -> None:
    assert re.fullmatch(r"img_[0-9a-z]{26}", image_id(PIXELS, (2, 2), ASKED, "m"))
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
