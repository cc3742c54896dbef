from miniature.recipe import vocabulary
from miniature.scenes import sample

TOKENIZER = vocabulary.build(sample(seed).caption for seed in range(400))


def pieces(text: str) -> list[str]:
    return TOKENIZER.convert_ids_to_tokens(TOKENIZER(text).input_ids)[1:-1]


def test_known_words_are_whole_and_chosen_ones_are_split() -> None:
    assert pieces("a cat on grass") == ["a</w>", "cat</w>", "on</w>", "grass</w>"]
    assert len(pieces("rabbit")) > 1
    assert len(pieces("balloon")) > 1


def test_any_text_tokenizes_without_an_unknown_token() -> None:
    for text in ("electrocardiogram", "고양이", "naïve café", "🐱", "x²+y²=1"):
        assert TOKENIZER.eos_token not in pieces(text)
        assert "".join(pieces(text))


def test_the_vocabulary_is_a_function_of_the_captions() -> None:
    again = vocabulary.build(sample(seed).caption for seed in range(400))
    assert again.get_vocab() == TOKENIZER.get_vocab()


def test_the_commonest_pair_merges_first_and_ties_fall_to_the_alphabet() -> None:
    assert vocabulary.learn_merges({"abab": 2, "cd": 1}, 2) == [("a", "b"), ("a", "b</w>")]
