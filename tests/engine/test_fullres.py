from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

import engine
from engine import codec, fullres
from engine.fullres import Box, apply_edit, cropped
from miniature.pictures import psnr
from miniature.scenes import Scene, Thing

HEART = Scene(things=(Thing(object="heart", colour="red"),), background="wood", seed=4)


def small(picture: Image.Image, size: tuple[int, int] = (64, 64)) -> Image.Image:
    return picture.resize(size, Image.Resampling.LANCZOS)


def noise(seed: int, size: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def opened(size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", size)
    for box in boxes:
        ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def differs(a: Image.Image, b: Image.Image) -> np.ndarray:
    return (np.asarray(a) != np.asarray(b)).any(-1)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((256, 256), (20, 20, 43, 50)),
        ((237, 151), (0, 0, 12, 20)),  # no whole number, at a corner
        ((700, 300), (0, 0, 63, 31)),  # several tiles, all of it
        ((40, 31), (10, 3, 50, 20)),  # smaller than the model
        ((300, 300), (30, 0, 30, 31)),  # one pixel wide
    ],
)
def test_no_value_changes_outside_the_mask(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    working, original = (64, 32), noise(0, size)
    mask = opened(working, box)
    result = apply_edit(original, edit=noise(1, working), source=noise(2, working), mask=mask)
    assert result.mask is not None
    open_ = np.asarray(result.mask) > 0
    assert open_.any()
    assert not (differs(result.image, original) & ~open_).any()
    assert differs(result.image, original).mean() > 0.8 * open_.mean()
    # What is open is the mask and one and a half working pixels around it.
    grown = opened(working, (box[0] - 2, box[1] - 2, box[2] + 2, box[3] + 2)).resize(
        size, Image.Resampling.BOX
    )
    assert not (open_ & (np.asarray(grown) == 0)).any()


@pytest.mark.parametrize("size", [(256, 128), (237, 151), (50, 40)])
def test_a_mask_of_the_originals_size_bounds_the_change_to_the_pixel(size: tuple[int, int]) -> None:
    original, working = noise(0, size), (64, 32)
    width, height = size
    within = opened(size, (width // 3, height // 3, width // 2, height // 2))

    def applied(within: Image.Image | None) -> fullres.FullEdit:
        mask = opened(working, (10, 5, 50, 25))
        return apply_edit(
            original, edit=noise(1, working), source=noise(2, working), mask=mask, within=within
        )

    free, bound = applied(None), applied(within)

    inside = np.asarray(within) > 0
    assert (differs(bound.image, original) == differs(free.image, original) & inside).all()
    assert (np.asarray(bound.mask) == np.asarray(free.mask) * inside).all()
    assert differs(free.image, original)[~inside].any()


@pytest.mark.parametrize("size", [(256, 192), (91, 77), (33, 20)])
@pytest.mark.parametrize("masked", [True, False])
def test_an_edit_that_changes_nothing_gives_the_original(size: tuple[int, int], masked: bool) -> None:
    original, working = noise(3, size), noise(4, (64, 48))
    mask = opened((64, 48), (5, 5, 40, 40)) if masked else None
    result = apply_edit(original, edit=working, source=working, mask=mask)
    assert result.image.tobytes() == original.tobytes()


def test_a_closed_mask_changes_nothing() -> None:
    original = noise(5, (200, 200))
    result = apply_edit(original, edit=noise(6, (64, 64)), source=noise(7, (64, 64)), mask=opened((64, 64)))
    assert result.image.tobytes() == original.tobytes()
    assert result.mask is not None
    assert not result.mask.getbbox()


def test_twenty_edits_in_a_chain_leave_what_none_of_them_opened() -> None:
    first = HEART.render(scale=4, grain=0.03)
    rng, picture, touched = np.random.default_rng(8), first, np.zeros((256, 256), dtype=bool)
    for turn in range(20):
        left, top = (int(side) for side in rng.integers(0, 30, 2))
        mask = opened((64, 64), (left, top, left + 9, top + 9))
        result = apply_edit(picture, edit=noise(turn, (64, 64)), source=small(picture), mask=mask)
        assert result.mask is not None
        picture, touched = result.image, touched | (np.asarray(result.mask) > 0)
    assert not (differs(picture, first) & ~touched).any()
    assert differs(picture, first).any()


@pytest.mark.parametrize("shown", [(10.4, 0.0, 189.6, 100.0), (-50.0, 0.0, 250.0, 100.0)])
def test_what_the_model_did_not_see_stays(shown: Box) -> None:
    original = noise(9, (200, 100))
    result = apply_edit(original, edit=noise(10, (64, 32)), source=noise(11, (64, 32)), shown=shown)
    places = np.arange(200) + 0.5
    seen = (shown[0] <= places) & (places < shown[2])
    changed = differs(result.image, original)
    assert not changed[:, ~seen].any()
    assert changed[:, seen].mean() > 0.9


@pytest.mark.parametrize("size", [(320, 256), (641, 480), (500, 900), (81, 64), (50, 60)])
def test_the_crop_is_found_again(model: engine.Backbone, size: tuple[int, int]) -> None:
    ys, xs = np.mgrid[: size[1], : size[0]]
    ramps = np.stack([xs * 255 / size[0], ys * 255 / size[1], 0 * xs], -1)
    original = Image.fromarray(ramps.round().astype(np.uint8))
    working = codec.fit(model, original)
    shown = cropped(size, working.size, short=model.spec.size)
    # The red and green of a ramp say where they are from.
    seen = np.asarray(working)[working.height // 2, working.width // 2] / 255
    centre = [(shown[axis] + shown[axis + 2]) / 2 / size[axis] for axis in (0, 1)]
    half = [0.5 * (shown[axis + 2] - shown[axis]) / working.size[axis] / size[axis] for axis in (0, 1)]
    assert np.allclose(seen[:2], np.add(centre, half), atol=0.012)
    assert 0 <= shown[0] < shown[2] <= size[0] + 1e-6
    assert 0 <= shown[1] < shown[3] <= size[1] + 1e-6


@pytest.mark.parametrize("masked", [True, False])
def test_tiles_leave_no_seam(masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    original, edit, source = noise(12, (300, 200)), noise(13, (48, 32)), noise(14, (48, 32))
    mask = opened((48, 32), (4, 4, 40, 25)) if masked else None
    results = []
    for tile in 37, 256, 1000:
        monkeypatch.setattr(fullres, "_TILE", tile)
        results.append(np.asarray(apply_edit(original, edit=edit, source=source, mask=mask).image, dtype=int))
    assert all(np.abs(result - results[0]).max() <= 1 for result in results)


def test_memory_does_not_grow_with_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def watched(maps: object, down: object, rows: range, across: object, columns: range) -> object:
        sizes.append(len(rows) * len(columns))
        return enlarge(maps, down, rows, across, columns)  # type: ignore[arg-type]

    enlarge = fullres.enlarge
    monkeypatch.setattr(fullres, "enlarge", watched)
    apply_edit(Image.new("RGB", (3000, 2000)), edit=noise(15, (48, 32)), source=noise(16, (48, 32)))
    assert max(sizes) <= 256 * 256


def test_a_new_colour_keeps_detail_that_the_model_never_saw() -> None:
    blue = HEART.with_(colour="blue")
    original, truth = (scene.render(scale=4, grain=0.03) for scene in (HEART, blue))
    mask = Image.fromarray(HEART.mask(blue)).convert("L")
    edit = small(truth)
    result = apply_edit(original, edit=edit, source=small(original), mask=mask)
    enlarged = edit.resize(truth.size, Image.Resampling.BICUBIC)
    assert psnr(result.image, truth) > psnr(enlarged, truth) + 6
    where = HEART.mask(blue, scale=4)
    assert psnr(result.image, truth, where) > psnr(enlarged, truth, where) + 2


def test_a_new_thing_shows_no_ghost_of_the_old_one() -> None:
    # The middle of a striped square is gone: nothing of the stripes may be left there.
    xs = np.arange(256)
    stripes = np.where((xs // 8 % 2)[None, :, None], 220, 40) + np.zeros((256, 1, 3))
    original, edit = Image.fromarray(stripes.astype(np.uint8)), Image.new("RGB", (64, 64), (200, 120, 40))
    source = small(original)
    mask = opened((64, 64), (16, 16, 47, 47))
    result = apply_edit(original, edit=Image.composite(edit, source, mask), source=source, mask=mask)
    middle = np.asarray(result.image, dtype=int)[90:166, 90:166]
    assert np.abs(middle - (200, 120, 40)).max() <= 6


def test_what_does_not_fit_together_is_refused() -> None:
    working = noise(17, (64, 64))
    with pytest.raises(engine.InvalidImage, match="mode is L"):
        apply_edit(Image.new("L", (100, 100)), edit=working, source=working)
    with pytest.raises(engine.InvalidImage, match="must be of one size"):
        apply_edit(noise(18, (100, 100)), edit=working, source=noise(19, (32, 64)))
