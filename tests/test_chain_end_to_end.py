"""A photograph edited again and again: what no edit opened is still the first photograph, value by value."""

import io
import subprocess

import numpy as np
import pytest
from PIL import Image

from miniature.scenes import Scene, Thing
from pentimento import Client

FIRST = Scene(things=(Thing(object="cat", size=0.6),), seed=31).render(scale=4, grain=0.03)
THINGS = ("dog", "fox", "panda", "lion", "cat")


def pixels(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image)


@pytest.mark.parametrize("edits", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_what_no_edit_of_a_chain_opened_stays(serving: tuple[subprocess.Popen[str], str], edits: int) -> None:
    before, opened = np.asarray(FIRST), np.zeros((256, 256), dtype=bool)
    with Client(serving[1]) as client:
        image = client.invert(FIRST, "a cat on grass", steps=6)
        for turn in range(edits):
            made = client.edit(
                image, f"a {THINGS[turn % len(THINGS)]} on grass", params={"blend_words": "changed"}
            ).wait()
            (result,) = made.result.images
            assert result.mask_url is not None
            after, mask = pixels(made.files[0]), pixels(client.download(result.mask_url)) > 0
            assert after.shape == before.shape
            assert not ((after != before).any(-1) & ~mask).any()
            before, opened = after, opened | mask
            image = client.invert_result(made)
        assert not ((before != np.asarray(FIRST)).any(-1) & ~opened).any()
        assert (before != np.asarray(FIRST)).any()
        assert not opened.all()
        assert client.image(image).width == 256
