"""PSNR and SSIM by hand-made cases."""

import numpy as np
import pytest
from PIL import Image

from tests.workers.conftest import picture
from workers.image_metrics import compare, difference

SOURCE = picture()


def shifted(by: int, where: slice = slice(None)) -> Image.Image:
    pixels = np.asarray(SOURCE).astype(int)
    pixels[:, where] += np.where(pixels[:, where] > 127, -by, by)
    return Image.fromarray(pixels.astype(np.uint8))


def half_mask() -> Image.Image:
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[:, :16] = 255
    return Image.fromarray(mask)


def test_a_picture_equals_itself() -> None:
    metrics = compare(SOURCE, SOURCE, None)
    assert (metrics.psnr, metrics.ssim) == (100, 1)
    assert metrics.psnr_inside is metrics.ssim_outside is None


def test_psnr_is_20_log10_of_255_over_a_constant_error() -> None:
    assert compare(SOURCE, shifted(5), None).psnr == pytest.approx(20 * np.log10(255 / 5), abs=1e-4)


def test_a_mask_tells_changed_from_kept() -> None:
    metrics = compare(SOURCE, shifted(20, slice(0, 8)), half_mask())
    assert metrics.psnr_outside == 100
    assert metrics.psnr_inside is not None
    assert metrics.psnr_inside < metrics.psnr < 100
    assert metrics.ssim_inside is not None
    assert metrics.ssim_outside is not None
    assert metrics.ssim_inside < metrics.ssim < metrics.ssim_outside <= 1


def test_an_empty_side_of_the_mask_has_no_figures() -> None:
    metrics = compare(SOURCE, shifted(5), Image.new("L", (32, 32), 255))
    assert metrics.psnr_outside is metrics.ssim_outside is None
    assert metrics.psnr_inside == metrics.psnr


def test_ssim_of_constant_pictures_is_its_luminance_term() -> None:
    black, grey = Image.new("RGB", (20, 20)), Image.new("RGB", (20, 20), (100, 100, 100))
    c1 = (0.01 * 255) ** 2
    assert difference(black, grey).ssim() == pytest.approx(c1 / (100**2 + c1), abs=1e-6)


def test_ssim_falls_with_noise_and_not_with_place() -> None:
    noise = np.random.default_rng(1).normal(0, 30, (32, 32, 3))
    noisy = Image.fromarray(np.clip(np.asarray(SOURCE) + noise, 0, 255).astype(np.uint8))
    found = difference(SOURCE, noisy).ssim()
    assert found is not None
    assert found < 0.7
    turned = difference(SOURCE.rotate(180), noisy.rotate(180)).ssim()
    assert turned == pytest.approx(found)
