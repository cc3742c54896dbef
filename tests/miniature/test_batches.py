"""What a batch of the recipe is made of."""

import numpy as np
import torch

from miniature.recipe import clip, denoiser
from miniature.recipe.judge import of_one_setting, truth
from miniature.scenes import sample

SCENES = [sample(seed) for seed in range(4000)]


def setting(row: int) -> tuple[str, frozenset[str | None]]:
    """The background and the colours of a scene."""
    return SCENES[row].background, frozenset(thing.colour for thing in SCENES[row].things) - {None}


def test_groups_share_their_colours_and_their_background() -> None:
    groups = of_one_setting(truth(SCENES), 40)
    assert len(groups) >= 8
    for group in groups:
        assert len(group) >= 40
        assert len({setting(row) for row in group}) == 1
    assert len({setting(group[0]) for group in groups}) == len(groups)


def test_in_half_a_batch_of_clip_only_the_objects_differ() -> None:
    groups = of_one_setting(truth(SCENES), 40)
    seen = set()
    for step in range(12):
        rows = clip.batch(step, groups, len(SCENES))
        assert len(rows) == clip.BATCH
        alike = rows[-clip.ALIKE :]
        assert len({setting(row) for row in alike}) == 1
        assert len({setting(row) for row in rows[: -clip.ALIKE]}) > 20
        seen.add(setting(alike[0]))
    assert len(seen) > 3
    np.testing.assert_array_equal(rows, clip.batch(11, groups, len(SCENES)))


def test_half_a_batch_of_the_denoiser_is_demanding() -> None:
    demanding = np.arange(900, 1000)
    rows = np.stack([denoiser.batch(step, demanding, 1000) for step in range(40)])
    half = denoiser.BATCH // 2
    assert rows.shape == (40, denoiser.BATCH)
    assert (rows[:, half:] >= 900).all()
    assert 0.07 < (rows[:, :half] >= 900).mean() < 0.13


def test_captions_that_name_no_style_are_of_photos_but_for_one_in_twenty() -> None:
    quiet = torch.tensor([scene.style == "photo" for scene in SCENES if "style" in scene.leave_out])
    assert 0.2 < len(quiet) / len(SCENES) < 0.27
    assert 0.92 < quiet.float().mean() < 0.975
