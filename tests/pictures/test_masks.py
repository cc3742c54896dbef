"""Masks in files, made to fit the picture they belong to."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pictures import Fit, InvalidPicture, UnsupportedFormat, read, read_mask


def file_of(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def left_half(size: tuple[int, int], mode: str = "L") -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=255)
    return mask.convert(mode)


def opened(mask: Image.Image) -> np.ndarray[Any, Any]:
    assert mask.mode == "L"
    assert set(np.unique(np.asarray(mask))) <= {0, 255}
    return np.asarray(mask) > 0


@pytest.mark.parametrize("size", [(40, 30), (20, 16), (400, 301), (61, 45)])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_mask_of_any_size_is_scaled_to_the_picture(size: tuple[int, int], form: str) -> None:
    found = opened(read_mask(file_of(left_half(size), form), (40, 30)))

    assert found[:, :19].all()
    assert not found[:, 22:].any()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
def test_a_mask_is_read_in_any_mode(mode: str) -> None:
    form = "TIFF" if mode == "CMYK" else "PNG"

    assert (
        opened(read_mask(file_of(left_half((40, 30), mode), form), (40, 30)))[0]
        == ([True] * 20 + [False] * 20)
    ).all()


def test_what_is_transparent_may_not_change() -> None:
    strokes = Image.new("RGBA", (40, 30), (255, 255, 255, 0))
    ImageDraw.Draw(strokes).rectangle((5, 5, 9, 9), fill="white")

    found = opened(read_mask(file_of(strokes), (40, 30)))

    assert (found.sum(), found[5:10, 5:10].all()) == (25, True)


def test_mid_grey_is_the_border() -> None:
    grey = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8), (128, 1)))

    assert (opened(read_mask(file_of(grey), (256, 128)))[0] == (np.arange(256) >= 128)).all()


def test_a_mask_is_turned_as_its_exif_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    lying = left_half((30, 40))

    found = opened(read_mask(file_of(lying, "JPEG", exif=exif), (40, 30)))

    assert found[:14].all()
    assert not found[16:].any()


@pytest.mark.parametrize("fit", list(Fit))
@pytest.mark.parametrize("size", [(120, 30), (30, 120)])
def test_a_mask_is_made_to_fit_as_the_picture_was(fit: Fit, size: tuple[int, int]) -> None:
    marked = Image.new("RGB", size, "black")
    box = tuple(round(side * part) for part in (0.4, 0.6) for side in size)
    ImageDraw.Draw(marked).rectangle(box, fill="white")
    image = read(file_of(marked), fit=fit).image
    mask = opened(
        read_mask(file_of(marked.convert("L").resize((3 * size[0], 3 * size[1]))), image.size, fit=fit)
    )

    expected = np.asarray(image)[:, :, 0] > 127
    if fit is Fit.PAD:
        padding = (image.height - 30) // 2 if size[0] > size[1] else (image.width - 30) // 2
        expected = expected.copy()
        for edge in (expected, expected[::-1], expected.T, expected.T[::-1]):
            if edge[0].all():
                edge[:padding] = False
    assert (mask != expected).mean() < 0.03
    assert mask.any()


@pytest.mark.parametrize("size", [(30, 40), (40, 40), (60, 30), (40, 32)])
def test_other_proportions_are_refused_with_both_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidPicture, match=rf"{4 * size[0]}x{4 * size[1]}, the image 160x120"):
        read_mask(file_of(left_half((4 * size[0], 4 * size[1]))), (160, 120))


def test_what_is_no_picture_is_refused_as_of_images() -> None:
    with pytest.raises(UnsupportedFormat):
        read_mask(b"<svg/>", (40, 30))
    with pytest.raises(InvalidPicture, match="at most 2 times"):
        read_mask(file_of(left_half((120, 30))), (40, 30))
