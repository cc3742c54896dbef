import torch

from miniature.recipe import vocabulary
from miniature.recipe.clip import token_ids
from miniature.recipe.denoiser import _places, astray
from miniature.render import RECOLOURABLE
from miniature.scenes import sample

HEADS, PLACES, TOKENS = 2, 16, 5


def maps(looks: torch.Tensor) -> list[torch.Tensor]:
    """Two layers of attention in which token 2 of a single scene looks as told; ``looks`` (places,)."""
    probs = torch.zeros(HEADS, PLACES, TOKENS)
    probs[:, :, 2] = looks
    return [probs, probs]


def test_a_word_that_looks_at_its_object_is_not_astray() -> None:
    spoken = torch.zeros(1, 2, TOKENS, dtype=torch.bool)
    spoken[0, 0, 2] = True
    covered = torch.zeros(1, 2, 4, 4, dtype=torch.bool)
    covered[0, 0, :2] = True
    inside = covered[0, 0].flatten().float()
    assert astray(maps(inside * 0.5), spoken, covered)[0, 0] == 0
    torch.testing.assert_close(astray(maps(torch.ones(PLACES)), spoken, covered)[0, 0], torch.tensor(0.25))
    lopsided = inside.clone()
    lopsided[0] = 3
    assert astray(maps(lopsided), spoken, covered)[0, 0] > 0.01


def test_places_are_those_of_the_words_and_the_objects() -> None:
    scenes = [sample(seed) for seed in range(40)]
    tokenizer = vocabulary.build(scene.caption for scene in scenes)
    ids = token_ids(tokenizer, [scene.caption for scene in scenes])
    spoken, covered, demanding = _places(tokenizer, ids)
    for row, scene in enumerate(scenes):
        several = any(thing.object in RECOLOURABLE for thing in scene.things[:1]) or len(scene.things) > 1
        assert demanding[row] == several
        for index, thing in enumerate(scene.things):
            assert tokenizer.decode(ids[row][spoken[row, index]]).replace(" ", "") == thing.object
            share = scene.object_mask(index).mean()
            assert abs(covered[row, index].float().mean() - share) < 0.08
        assert spoken[row].any(-1).sum() == len(scene.things)
