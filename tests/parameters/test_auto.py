"""What `auto` chooses."""

import pytest

from parameters import (
    EDITS,
    INVERSIONS,
    P2P,
    RULE,
    Kind,
    Plain,
    PlugAndPlay,
    PromptsDoNotAlign,
    Recipe,
    check_supported,
    choose,
    compatible,
)

CAT, DOG, SNOW = "a cat on grass", "a dog on grass", "a cat on snow"
TABLE = {
    "swap": Recipe(method="pnp", params={"tau_f": 0.6}, guidance_scale=5.0, mask="changed", because="so."),
    "background": Recipe(inversion="edit-friendly", method="plain", mask="kept"),
}


def test_the_rule_has_every_kind_and_names_what_there_is() -> None:
    assert set(RULE) == set(Kind)
    for recipe in RULE.values():
        compatible(EDITS[recipe.method], INVERSIONS[recipe.inversion or "direct"])


def test_a_table_is_asked_before_the_rule() -> None:
    chosen = choose(CAT, [DOG], table=TABLE)
    assert chosen.params == PlugAndPlay(tau_f=0.6, blend_words="changed")
    assert (chosen.kind, chosen.inversion, chosen.guidance_scale) == (Kind.SWAP, None, 5.0)
    assert chosen.why == "A thing is swapped: cat, dog; so. (measured for this model)"
    assert choose(CAT, [DOG]).params == P2P(blend_words="changed")
    assert choose(CAT, ["a red cat on grass"], table=TABLE).params == P2P(blend_words=("cat",))


def test_what_stays_is_kept_from_another_background() -> None:
    chosen = choose(CAT, [SNOW], table=TABLE)
    assert (chosen.inversion, chosen.params) == ("edit-friendly", Plain(subtract_words=("cat",)))


def test_an_instruction_is_painted_as_what_it_means() -> None:
    chosen = choose(CAT, ["make the cat a dog"])
    assert (chosen.targets, chosen.unread, chosen.kind) == ((DOG,), (), Kind.SWAP)
    chosen = choose(CAT, ["make the lion a dog"])
    assert chosen.targets == chosen.unread == ("make the lion a dog",)


def test_targets_of_several_kinds_share_one_choice() -> None:
    assert choose(CAT, [DOG, "a fox on grass"]).kind is Kind.SWAP
    chosen = choose(CAT, [DOG, SNOW])
    assert (chosen.kind, chosen.params) == (Kind.SEVERAL, Plain())


@pytest.mark.parametrize("inversion", INVERSIONS)
def test_an_inversion_that_was_asked_for_is_served(inversion: str) -> None:
    for target in (DOG, SNOW):
        chosen = choose(CAT, [target], table=TABLE, kept=inversion)
        assert chosen.inversion is None
        if INVERSIONS[inversion].gives:
            compatible(type(chosen.params), INVERSIONS[inversion])
        if INVERSIONS[inversion].learns_scale:
            assert chosen.guidance_scale is None


def test_what_is_given_wins() -> None:
    given = {"blend_words": ("dog",), "attention": True}
    assert choose(CAT, [DOG], given=given).params == P2P(blend_words=("dog",), attention=True)
    assert choose(CAT, [DOG], given={"subtract_words": ("grass",)}).params == P2P(subtract_words=("grass",))
    assert choose(CAT, [DOG], masked=True).params == P2P()


BLIND = {"unconditional"}
"""What a model offers that cannot be looked into."""


@pytest.mark.parametrize("table", [None, TABLE])
@pytest.mark.parametrize(
    "target", [DOG, "a red cat on grass", SNOW, "an oil painting of a cat on grass", CAT]
)
def test_what_the_model_cannot_do_gives_way_to_guidance_alone(
    target: str, table: dict[str, Recipe] | None
) -> None:
    chosen = choose(CAT, [target], table=table, offers=BLIND)
    assert (chosen.inversion, chosen.params) == ("edit-friendly", Plain())
    check_supported(chosen.params, "blind", BLIND)
    kept = choose(CAT, [target], table=table, kept="direct", offers=BLIND)
    assert (kept.inversion, kept.params) == (None, Plain())


def test_the_choice_says_what_the_model_lacks() -> None:
    said = "A thing is swapped: cat, dog; {} cannot be had from this model, since it has no {}. (rule)"
    assert choose(CAT, [DOG], offers=BLIND).why == said.format("p2p", "cross-attention layers")
    lacks = {"cross_attention", "self_attention", "features"}
    assert choose(CAT, [DOG], table=TABLE, offers=lacks).why == said.format("pnp", "unconditional branch")
    table = {"swap": Recipe(method="plain", mask="changed")}
    masked = choose(CAT, [DOG], table=table, offers=BLIND)
    assert masked.why == said.format("a mask of words", "cross-attention layers")
    table = {"swap": Recipe(inversion="null-text", method="p2p")}
    learned = choose(CAT, [DOG], table=table, offers={"cross_attention"})
    assert learned.why == said.format("null-text", "unconditional branch")


def test_what_the_model_can_do_is_chosen_as_ever() -> None:
    offers = {"cross_attention"}
    assert choose(CAT, [DOG], offers=offers) == choose(CAT, [DOG])
    table = {"swap": Recipe(method="plain", mask="changed", because="so.")}
    given = {"diffedit_mask": True}
    chosen = choose(CAT, [DOG], table=table, offers=BLIND, given=given)
    assert chosen == choose(CAT, [DOG], table=table, given=given)


def test_a_mask_of_words_that_was_asked_for_is_not_dropped() -> None:
    chosen = choose(CAT, [DOG], offers=BLIND, given={"blend_words": ("dog",)})
    assert chosen.params == Plain(blend_words=("dog",))


def test_without_a_prompt_of_the_image_there_is_nothing_to_compare() -> None:
    assert choose("", [DOG], table=TABLE).params == Plain()
    with pytest.raises(PromptsDoNotAlign, match="no words"):
        choose(CAT, ["?"])


@pytest.mark.parametrize(
    ("source", "target", "inside"),
    [
        ("a sketch of a cat and a dog on grass", "a sketch of a cat on grass", "a sketch of grass"),
        (CAT, "grass", "grass"),
        ("a cat and a dog", "a cat", None),
    ],
)
def test_the_ground_is_painted_where_things_are_removed(source: str, target: str, inside: str | None) -> None:
    table = {"removed": Recipe(method="plain", mask="about", paint="ground")}
    params = choose(source, [target], table=table).params
    assert isinstance(params, Plain)
    assert params.inside_prompt == inside
    assert params.blend_words


def test_the_ground_is_painted_under_a_mask_that_was_sent_too() -> None:
    table = {"removed": Recipe(method="plain", mask="about", paint="ground")}
    removed = "a cat and a dog on grass", ["a dog on grass"]

    assert choose(*removed, table=table, masked=True).params == Plain(inside_prompt="grass")
    assert choose(CAT, ["a dog on grass"], masked=True).params == P2P()
    assert choose(*removed, masked=True).params == Plain()
