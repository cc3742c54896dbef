"""Paraphrased captions: true, varied, short enough, and readable by the tokenizer that ships."""

import re

import numpy as np
import pytest
from transformers import CLIPTokenizer

from miniature import WEIGHTS
from miniature.paraphrase import Caption, own_caption, paraphrase
from miniature.recipe.corpus import tokens
from miniature.recipe.vocabulary import MAX_TOKENS
from miniature.render import COLOURS
from miniature.scenes import Scene, sample
from miniature.synonyms import ABSENT, ALONE, COLOUR_NAMES, COUNTS, EXTENTS, FRAMES, GROUNDS, NOUNS
from miniature.things import Thing
from miniature.wider import sample_wide
from miniature.words import PLURALS

TOKENIZER = CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer")
SCENES = [sample_wide(seed) for seed in range(3000)]
CAPTIONS = [paraphrase(scene, np.random.default_rng(seed)) for seed, scene in enumerate(SCENES)]


def texts_of(scene: Scene, times: int = 400) -> list[str]:
    return [paraphrase(scene, np.random.default_rng(seed)).text for seed in range(times)]


def test_captions_fit_the_text_encoder() -> None:
    longest = max(len(ids) for ids in TOKENIZER([caption.text for caption in CAPTIONS]).input_ids)
    assert longest <= MAX_TOKENS


def test_the_spans_are_the_words_for_the_things() -> None:
    for scene, caption in zip(SCENES, CAPTIONS, strict=True):
        assert len(caption.spans) == len(scene.things)
        for (first, last), thing in zip(caption.spans, scene.things, strict=True):
            assert 0 <= first < last <= len(caption.text) + 1
            for other in (scene.things[0], scene.things[-1]):
                if other.object != thing.object:
                    assert PLURALS[other.object] not in caption.text[first:last]


def test_the_tokens_that_name_a_thing_are_those_of_its_words() -> None:
    scene = Scene(things=(Thing(object="balloon", colour="red"), Thing(object="rabbit", x=0.25)))
    ids, spoken = tokens(TOKENIZER, [own_caption(scene)])
    for index, thing in enumerate(scene.things):
        assert TOKENIZER.decode(ids[0][spoken[0, index]]).replace(" ", "") == thing.object
    nothing = tokens(TOKENIZER, [Caption(text="grass", spans=())])[1]
    assert not nothing.any()


def test_captions_of_a_scene_vary_and_are_true() -> None:
    cat = Scene(things=(Thing(object="cat", accessory="hat"),), background="sand")
    texts = texts_of(cat)
    assert len(set(texts)) > 200
    assert any("kitten" in text for text in texts)
    assert any("wearing a hat" in text for text in texts)
    assert any(text.startswith("make it") for text in texts)
    assert any("beach" in text for text in texts)
    for word in ("dog", "glasses", "grass", "watercolo", "two"):
        denied = rf"({'|'.join(ABSENT)}) an? \w*{word}"
        false = [text for text in texts if re.search(word, text) and not re.search(denied, text)]
        assert len(false) <= 4, false  # a typing error may hit the word for the absence


def test_both_spellings_occur() -> None:
    painted = Scene(things=(Thing(object="pear"),), style="watercolour", leave_out=frozenset())
    texts = texts_of(painted)
    assert any("watercolour" in text for text in texts)
    assert any("watercolor " in text for text in texts)
    blue = texts_of(Scene(things=(Thing(object="car", colour="blue"),)), 2000)
    assert any("coloured" in text for text in blue)
    assert any("colored" in text for text in blue)


def test_an_empty_background_is_named_by_what_it_is_or_by_what_is_absent() -> None:
    texts = texts_of(Scene(things=(), background="snow"))
    assert any(text == "snow" for text in texts)
    assert any("nothing" in text for text in texts)
    assert any(re.search(r"without an? ", text) for text in texts)


def test_two_colours_are_always_both_named() -> None:
    scene = Scene(
        things=(Thing(object="ball", colour="red", x=-0.25), Thing(object="star", colour="blue", x=0.25))
    )
    typos = 0
    for text in texts_of(scene):
        known = all(any(name in text for name in COLOUR_NAMES[colour]) for colour in ("red", "blue"))
        typos += not known
    assert typos < 0.04 * 400


def test_most_captions_are_free_of_typing_errors() -> None:
    names = {name for words in NOUNS.values() for name in words} | set(NOUNS)
    plain = sum(any(name in caption.text for name in names) for caption in CAPTIONS)
    assert plain / len([scene for scene in SCENES if scene.things]) > 0.9


@pytest.mark.parametrize("style", ["A CAT on Grass", "a Cat On GRASS", "a cat on grass"])
def test_capitals_are_read_like_small_letters(style: str) -> None:
    assert TOKENIZER(style).input_ids == TOKENIZER("a cat on grass").input_ids


def test_every_word_has_tokens_of_its_own() -> None:
    words = {word for names in NOUNS.values() for word in names} | set(PLURALS.values()) | set(NOUNS)
    words |= {name for names in (COLOUR_NAMES | EXTENTS).values() for name in names}
    words |= {name for names in COUNTS.values() for name in names} | {*ABSENT, *ALONE, *FRAMES}
    words |= {name for places in GROUNDS.values() for names in places for name in names}
    read = [tuple(ids) for ids in TOKENIZER(sorted(words)).input_ids]
    assert len(set(read)) == len(words)
    assert TOKENIZER.unk_token_id not in {piece for ids in read for piece in ids[1:-1]}
    assert set(COLOURS) == set(COLOUR_NAMES)


def test_a_plain_scenes_own_caption_names_its_things() -> None:
    for seed in range(300):
        scene = sample(seed)
        caption = own_caption(scene)
        assert [caption.text[first:last] for first, last in caption.spans] == [t.object for t in scene.things]
