import numpy as np
import pytest
from PIL import Image, ImageFilter

from miniature.render import BACKGROUNDS, COLOURS, OBJECTS, RECOLOURABLE, STYLES
from miniature.scenes import Scene, Thing, sample

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
