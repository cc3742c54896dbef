"""The wider world: what is in it, what its captions name, and that the plain world stays as it is."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from miniature.accessories import ACCESSORIES, WEARERS
from miniature.render import BACKGROUNDS, COLOURS, STYLES
from miniature.scenes import Scene, sample
from miniature.things import LARGE, SMALL, Thing
from miniature.wider import LAYOUTS, sample_wide

MANY = [sample_wide(seed) for seed in range(6000)]
CAT = Scene(things=(Thing(object="cat"),), seed=3)


def test_the_plain_samplers_seeds_mean_what_they_meant() -> None:
    captions = "\n".join(sample(seed).caption for seed in (*range(300), *range(1_000_000, 1_000_300)))
    assert hashlib.sha256(captions.encode()).hexdigest()[:16] == "bc27400f70a02000"
    thing = sample(7).things[0]
    assert (thing.count, thing.accessory) == (1, None)


def test_every_background_comes_with_every_style_in_every_layout() -> None:
    assert {(scene.background, scene.style) for scene in MANY} == {
        (b, s) for b in BACKGROUNDS for s in STYLES
    }
    for layout in LAYOUTS:
        some = [sample_wide(seed, layout) for seed in range(600)]
        assert {(scene.background, scene.style) for scene in some} == {
            (b, s) for b in BACKGROUNDS for s in STYLES
        }


def test_every_pair_of_colours_is_shown() -> None:
    pairs = {
        tuple(thing.colour for thing in scene.things)
        for scene in MANY
        if len(scene.things) == 2 and all(thing.colour for thing in scene.things)
    }
    assert pairs >= {(a, b) for a in COLOURS for b in COLOURS if a != b}


def test_backgrounds_are_empty_and_objects_are_counted_sized_and_dressed() -> None:
    assert {scene.background for scene in MANY if not scene.things} == set(BACKGROUNDS)
    things = [thing for scene in MANY for thing in scene.things]
    assert {thing.count for thing in things} == {1, 2, 3}
    assert {thing.extent for thing in things} == {None, "small", "large"}
    worn = Counter((thing.object, thing.accessory) for thing in things if thing.object in WEARERS)
    assert set(worn) == {(name, accessory) for name in WEARERS for accessory in (*ACCESSORIES, None)}


def test_everything_stays_in_the_picture_and_apart() -> None:
    for scene in MANY[:300]:
        shown = [scene.object_mask(index) for index in range(len(scene.things))]
        assert all(mask.sum() > 60 for mask in shown), scene
        if len(shown) == 2:
            assert not (shown[0] & shown[1]).any(), scene


@pytest.mark.parametrize(
    ("scene", "caption"),
    [
        (Scene(things=(), background="brick"), "a brick wall"),
        (Scene(things=(), background="sea", style="sketch", leave_out=frozenset()), "a sketch of the sea"),
        (CAT.with_(count=2), "two cats on grass"),
        (CAT.with_(count=3).with_(object="fox"), "three foxes on grass"),
        (Scene(things=(Thing(object="car", colour="red", count=2, size=0.4),)), "two red cars on grass"),
        (CAT.with_(accessory="hat"), "a cat with a hat on grass"),
        (CAT.with_(accessory="glasses", count=2), "two cats with glasses on grass"),
        (CAT.with_(accessory="hat").bare(0), "a cat on grass"),
        (CAT.with_(accessory="hat").with_(object="car"), "a car on grass"),
        (CAT.scaling(0, SMALL - 0.01), "a small cat on grass"),
        (CAT.scaling(0, LARGE + 0.01), "a large cat on grass"),
        (CAT.moving(0, x=-0.25, y=0), "a cat on the left on grass"),
        (CAT.moving(0, x=0.25, y=0).moving(0, x=0, y=0), "a cat on grass"),
    ],
)
def test_captions_name_what_the_wider_world_shows(scene: Scene, caption: str) -> None:
    assert scene.caption == caption


@pytest.mark.parametrize("name", WEARERS)
@pytest.mark.parametrize("accessory", ACCESSORIES)
def test_an_accessory_changes_the_face_alone(name: str, accessory: str) -> None:
    scene = CAT.with_(object=name)
    dressed = scene.with_(accessory=accessory)
    changed = scene.mask(dressed)
    assert 30 < changed.sum() < scene.object_mask().sum()
    assert not (changed & ~(scene.mask(scene.without(0)) | dressed.mask(dressed.without(0)))).any()


@pytest.mark.parametrize("count", [2, 3])
def test_so_many_objects_are_drawn_as_are_counted(count: int) -> None:
    scene = CAT.with_(count=count)
    one = Scene(things=(Thing(object="cat", size=scene.things[0].size),)).object_mask()
    assert abs(scene.object_mask().sum() / one.sum() - count) < 0.1


def test_moving_there_and_back_is_the_same_picture() -> None:
    there = CAT.moving(0, x=0.25, y=0.1)
    assert there.mask(CAT).any()
    assert not there.moving(0, x=0, y=0).mask(CAT).any()


def test_only_faces_wear_things_and_only_known_ones() -> None:
    with pytest.raises(ValueError, match="rabbit"):
        Thing(object="car", accessory="hat")
    with pytest.raises(ValueError, match="glasses"):
        Thing(object="cat", accessory="crown")
    with pytest.raises(ValueError, match="1, 2, 3"):
        Thing(object="cat", count=4)


def test_a_wide_scene_depends_on_its_seed_alone() -> None:
    assert sample_wide(5) == sample_wide(5)
    assert np.array_equal(np.asarray(sample_wide(5).render()), np.asarray(sample_wide(5).render()))
