"""Principal components as pictures: one basis for all images, and signs that chance does not decide."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.feature_pictures import components


def features(images: int = 2, channels: int = 7, height: int = 5, width: int = 6, seed: int = 0) -> Tensor:
    """Features whose channels differ in strength, so that their components are distinct."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(images, channels, height, width, generator=generator)
    mixing = torch.linalg.qr(torch.randn(channels, channels, generator=generator))[0]
    return torch.einsum("nchw,cd->ndhw", drawn * torch.logspace(0, -2, channels)[:, None, None], mixing)


def pixels(given: Tensor) -> np.ndarray:
    return np.stack([np.array(image) for image in components(given)])


def test_they_are_the_three_largest_by_singular_values_over_all_images_together() -> None:
    given = features()
    flat = given.permute(0, 2, 3, 1).reshape(-1, 7).double()
    _, _, rows = torch.linalg.svd(flat - flat.mean(0))

    drawn = pixels(given).reshape(-1, 3).astype(float) / 255

    for channel in range(3):
        weights = rows[channel] * rows[channel][rows[channel].abs().argmax()].sign()
        along = (flat - flat.mean(0)) @ weights
        expected = (along - along.min()) / (along.max() - along.min())
        np.testing.assert_allclose(drawn[:, channel], expected, atol=0.5 / 255 + 1e-9)


def test_equal_features_have_equal_colours_in_every_image() -> None:
    given = features(images=3)
    given[2, :, 1:, :] = given[0, :, 1:, :]

    first, _, third = pixels(given)

    assert (first[1:] == third[1:]).all()
    assert not (first[0] == third[0]).all()


def test_the_same_features_the_other_way_round_are_drawn_from_the_other_end() -> None:
    """The sign is that of the largest weight, so a basis does not flip by chance."""
    given = features()

    drawn, turned = pixels(given), pixels(-given)

    assert np.abs(drawn.astype(int) + turned - 255).max() <= 1
    assert (pixels(given) == drawn).all()


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_features_that_do_not_vary_are_dark(value: float) -> None:
    assert (pixels(torch.full((1, 4, 2, 3), value)) == 0).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_channels_than_colours_are_drawn_in_as_many(channels: int) -> None:
    drawn = pixels(features(channels=channels))

    assert drawn.shape == (2, 5, 6, 3)
    assert (drawn[..., channels:] == 0).all()
    assert drawn[..., 0].max() == 255
