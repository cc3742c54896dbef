"""What methods need of a model, against what it offers."""

import pytest

from parameters import (
    EDITS,
    INVERSIONS,
    P2P,
    EditParameters,
    InversionParameters,
    MasaCtrl,
    NullText,
    P2Plus,
    Painted,
    Plain,
    PlugAndPlay,
    StyleDiffusion,
    UnsupportedByModel,
    check_supported,
)

ALL = {"cross_attention", "self_attention", "features", "unconditional", "vision_tower"}


def refused(
    asked: EditParameters | InversionParameters, offers: set[str], negative_prompt: str | None = None
) -> UnsupportedByModel:
    with pytest.raises(UnsupportedByModel) as caught:
        check_supported(asked, "flat", offers, negative_prompt)
    return caught.value


@pytest.mark.parametrize("method", [*EDITS.values(), *INVERSIONS.values()], ids=lambda method: method.name)
def test_a_model_that_offers_all_of_it_can_do_every_method(
    method: type[EditParameters] | type[InversionParameters],
) -> None:
    check_supported(method(), "whole", ALL, "a ball")
    for name in method.needs_of_model:
        error = refused(method(), ALL - {name})
        assert (error.parameter, error.what, error.name) == ("method", method.name, "flat")


@pytest.mark.parametrize(
    ("asked", "parameter", "lacking"),
    [
        (Plain(blend_words=("cat",)), "blend_words", "cross_attention"),
        (Plain(blend_words="changed"), "blend_words", "cross_attention"),
        (Plain(subtract_words=("cat",)), "subtract_words", "cross_attention"),
        (Plain(attention=True), "attention", "cross_attention"),
        (Plain(attention_steps=2), "attention_steps", "cross_attention"),
        (Plain(proximal=0.7), "proximal", "unconditional"),
        (P2Plus(tau_u=0.5), "tau_u", "unconditional"),
        (P2Plus(tau_u=(0.2, 0.5)), "tau_u", "unconditional"),
        (Painted(negative_prompt="a ball"), "negative_prompt", "unconditional"),
    ],
)
def test_what_is_asked_for_beside_the_method_is_named(
    asked: EditParameters | InversionParameters, parameter: str, lacking: str
) -> None:
    check_supported(asked, "whole", ALL)
    assert refused(asked, ALL - {lacking}).parameter == parameter


@pytest.mark.parametrize(
    "asked",
    [Plain(), Plain(blend_words=(), diffedit_mask=True), P2Plus(tau_u=(0.5, 0.5)), Painted(seed=3)],
    ids=repr,
)
def test_what_asks_nothing_more_is_not_refused(asked: EditParameters | InversionParameters) -> None:
    check_supported(asked, "flat", {*asked.needs_of_model})


def test_a_negative_prompt_needs_a_branch_that_reads_it() -> None:
    check_supported(Plain(), "flat", set())
    assert refused(Plain(), ALL - {"unconditional"}, "").parameter == "negative_prompt"


def test_the_words_say_what_is_lacking_and_what_would_do() -> None:
    assert str(refused(P2P(), {"unconditional"})) == (
        "p2p cannot be had from the model 'flat': it has no cross-attention layers; "
        "name one of these methods: plain, sdedit, diffedit, uniedit"
    )
    assert "no decoder of residual blocks and no self-attention layers" in str(
        refused(PlugAndPlay(), {"unconditional"})
    )
    assert "p2p" in refused(MasaCtrl(), {"cross_attention"}).instead
    able = refused(NullText(), set()).instead.partition(": ")[2].split(", ")
    assert set(able) == {"aligned", "ddim", "direct", "edit-friendly", "uni-inv"}
    assert {"null-text", "prompt-tuning"} <= set(
        refused(StyleDiffusion(), {"unconditional"}).instead.partition(": ")[2].split(", ")
    )
    assert refused(Plain(blend_words=("cat",)), set()).instead == "send a mask, or take diffedit_mask"


def test_a_need_of_a_plug_ins_own_is_told_by_its_name() -> None:
    class Deep(EditParameters):
        """One that looks at depth."""

        name = "deep"
        needs_of_model = frozenset({"depth_maps"})

    assert "it has no depth maps; " in str(refused(Deep(), ALL))
    check_supported(Deep(), "deep", {"depth_maps"})
