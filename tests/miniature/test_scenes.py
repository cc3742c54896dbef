from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from miniature.examples import EXAMPLES
from miniature.pictures import psnr
from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES
from miniature.scenes import Scene, sample
from miniature.things import Thing

DRAWN = Path(__file__).parents[2] / "examples"
CAT = Scene(things=(Thing(object="cat"),), seed=3)


def pixels(scene: Scene) -> np.ndarray:
    return np.asarray(scene.render())


def grown(mask: np.ndarray) -> np.ndarray:
    """A mask and two pixels around it, where edges are blended."""
    return np.asarray(Image.fromarray(mask).convert("L").filter(ImageFilter.MaxFilter(5))) > 0


def test_the_world_is_as_rich_as_promised() -> None:
    assert len(OBJECTS) >= 20
    assert len(RECOLOURABLE) >= 6
    assert len(COLOURS) >= 6
    assert len(BACKGROUNDS) >= 8
    assert len(STYLES) >= 4


def test_rendering_depends_on_the_scene_alone() -> None:
    first = pixels(sample(11))
    sample(12).render()
    assert np.array_equal(first, pixels(sample(11)))
    assert not np.array_equal(first, pixels(sample(12)))


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_shows_where_its_mask_says(name: str) -> None:
    scene = Scene(things=(Thing(object=name, x=0.1, y=-0.05),), background="snow")
    changed = scene.mask(scene.without(0))
    assert scene.object_mask().sum() > 200
    assert not (changed & ~grown(scene.object_mask())).any()


@pytest.mark.parametrize("name", RECOLOURABLE)
def test_colours_tell_apart(name: str) -> None:
    painted = {
        colour: pixels(Scene(things=(Thing(object=name, colour=colour),), background="snow"))
        for colour in COLOURS
    }
    for a in COLOURS:
        for b in COLOURS:
            if a != b:
                assert np.abs(painted[a].astype(int) - painted[b]).mean() > 3, (a, b)


def test_an_edit_keeps_the_layout_and_says_what_it_changed() -> None:
    dog = CAT.with_(object="dog")
    changed = CAT.mask(dog)
    assert dog.caption == "a dog on grass"
    assert changed.any()
    assert not (changed & ~grown(CAT.object_mask() | dog.object_mask())).any()
    assert CAT.with_(style="sketch").caption == "a sketch of a cat on grass"
    assert CAT.with_(background="night sky").caption == "a cat in the night sky"


def test_changing_the_background_leaves_the_inside_of_the_object() -> None:
    inside = ~grown(grown(~CAT.object_mask()))
    changed = CAT.mask(CAT.with_(background="sea"))
    assert not (changed & inside).any()
    assert changed[:, :4].all()


def test_a_colour_survives_a_swap_only_where_it_can() -> None:
    red = Scene(things=(Thing(object="ball", colour="red"),))
    assert red.with_(object="star").caption == "a red star on grass"
    assert red.with_(object="cat").caption == "a cat on grass"


def test_objects_come_and_go() -> None:
    both = CAT.adding(Thing(object="ball", colour="red", x=0.3, size=0.3))
    assert both.caption == "a cat and a red ball on grass"
    assert both.without(1) == CAT


def test_any_size_can_be_drawn() -> None:
    wide = sample(5, width=96, height=64)
    assert wide.render().size == (96, 64)
    assert wide.object_mask().shape == (64, 96)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"object": "unicorn"}, "tiger"),
        ({"background": "moon"}, "night sky"),
        ({"style": "cubism"}, "sketch"),
    ],
)
def test_what_does_not_exist_is_refused_by_naming_what_does(change: dict[str, str], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        CAT.with_(**change)


def test_only_some_objects_take_a_colour() -> None:
    with pytest.raises(ValueError, match="balloon"):
        Thing(object="panda", colour="red")


def test_captions_vary_and_leave_things_out() -> None:
    scenes = [sample(seed) for seed in range(200)]
    assert len({scene.caption for scene in scenes}) > 150
    assert any(scene.leave_out >= {"background"} for scene in scenes)
    assert any(len(scene.things) == 2 for scene in scenes)
    complete = [sample(seed, complete=True) for seed in range(200)]
    assert all(not scene.leave_out - {"style"} for scene in complete)


@pytest.mark.parametrize("name", EXAMPLES)
def test_at_scale_1_a_scene_looks_as_it_always_did(name: str) -> None:
    with Image.open(DRAWN / f"{name}.png") as drawn:
        assert EXAMPLES[name].render(scale=1).tobytes() == drawn.convert("RGB").tobytes()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_scene_drawn_large_shows_the_same_things(background: str, style: str) -> None:
    scene = Scene(things=(Thing(object="cat", x=0.1),), background=background, style=style, seed=5, width=96)
    large = scene.render(scale=4)
    assert large.size == (384, 256)
    assert psnr(large.resize((96, 64), Image.Resampling.BOX), scene.render()) > 30


def test_the_exact_mask_of_a_large_scene_is_as_fine_as_the_scene() -> None:
    dog = CAT.with_(object="dog")
    small, large = CAT.mask(dog), CAT.mask(dog, scale=4)
    changed = (np.asarray(CAT.render(scale=4)) != np.asarray(dog.render(scale=4))).any(-1)
    assert np.array_equal(large, changed)
    nearest = np.repeat(np.repeat(small, 4, 0), 4, 1)
    assert (nearest & large).sum() / (nearest | large).sum() > 0.9


def test_grain_shows_at_the_full_size_alone() -> None:
    plain, grained = CAT.render(scale=4), CAT.render(scale=4, grain=0.03)
    assert psnr(plain, grained) < 33
    small = (picture.resize((64, 64), Image.Resampling.BOX) for picture in (plain, grained))
    assert psnr(*small) > 45
    assert CAT.render(scale=4, grain=0.03).tobytes() == grained.tobytes()
    with pytest.raises(ValueError, match="scale of 2"):
        CAT.render(grain=0.03)
