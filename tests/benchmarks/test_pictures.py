"""Distances between pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from benchmarks.pictures import most_apart, ssim
from miniature.pictures import psnr

GREY = Image.new("RGB", (32, 24), (100, 100, 100))
SPOTTED = GREY.copy()
SPOTTED.paste((110, 110, 110), (16, 0, 32, 24))
RIGHT = np.indices((24, 32))[1] >= 16


def test_psnr_over_all_pixels_and_over_some() -> None:
    assert psnr(GREY, GREY) == 100
    assert psnr(GREY, SPOTTED) == pytest.approx(10 * np.log10(255**2 / 50))
    assert psnr(GREY, SPOTTED, RIGHT) == pytest.approx(10 * np.log10(255**2 / 100))
    assert psnr(GREY, SPOTTED, ~RIGHT) == 100


def test_ssim_falls_where_pictures_differ() -> None:
    assert ssim(GREY, SPOTTED, RIGHT) < ssim(GREY, SPOTTED) < 1
    assert ssim(GREY, GREY) == pytest.approx(1)


def test_the_largest_difference() -> None:
    assert most_apart(GREY, SPOTTED) == 10
