"""What is written into pictures of how they were made."""

import io

import pytest
from PIL import Image

from service.encoder import encode
from store import keys
from tests.workers.conftest import Bench, edited, picture, send
from tests.workers.test_painting import paint
from workers.marks import Made, png

EDITED = b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
PAINTED = b"digitalsourcetype/trainedAlgorithmicMedia"


def said(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return bytes(opened.info.get("xmp", b""))


def test_edits_and_paintings_say_that_a_model_made_them_and_other_pictures_do_not(bench: Bench) -> None:
    blobs = bench.shared.blobs
    image = bench.work(send(bench.shared)).image_id
    result = edited(bench, image, prompt="a dog on grass")
    assert EDITED in said(blobs.get(result.images[0].url.lstrip("/")))
    painted = bench.work(paint(bench.shared)).image_id
    assert PAINTED in said(blobs.get(keys.source(painted)))
    assert said(blobs.get(keys.source(image))) == b""


def test_nothing_is_written_where_that_is_switched_off(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(bench.shared.settings), "provenance", False)
    image = bench.work(send(bench.shared)).image_id
    result = edited(bench, image, prompt="a dog on grass")
    data = bench.shared.blobs.get(result.images[0].url.lstrip("/"))
    assert said(data) == b""
    assert b"iTXt" not in data


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_it_stays_in_every_format_and_size(form: str) -> None:
    for width in (0, 20):
        assert EDITED in said(encode(png(picture(), Made.EDITED), form, 80, width))
        assert said(encode(png(picture()), form, 80, width)) == b""


def test_it_says_nothing_of_the_request_and_is_the_same_every_time() -> None:
    assert png(picture(), Made.EDITED) == png(picture(), Made.EDITED)
    assert len(said(png(picture(), Made.EDITED))) < 600
