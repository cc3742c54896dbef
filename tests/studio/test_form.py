"""What can be set for an edit, and what becomes of it."""

import base64
import re
from typing import Any

import httpx2
from playwright.sync_api import Page, expect

from api_schemas import EditRequest, ModelInfo
from store import Store
from tests.studio.conftest import Hands, ask, by_hand, dial, png, prepare, ready


def params(claim: Any) -> dict[str, Any]:
    found: dict[str, Any] = claim.request.params.model_dump(mode="json")
    return found


def test_controls_have_the_forms_ranges_and_defaults_of_the_methods(
    page: Page, url: str, hands: Hands
) -> None:
    ready(page, url, hands)
    page.get_by_text("How much of the source is kept").click()
    methods = {each["name"]: each for each in httpx2.get(f"{url}/methods", trust_env=False).json()}
    elsewhere = {"attention", "attention_steps", "blend_words", "subtract_words", "reweight", "value_prompt"}
    for name, own in (("auto", {}), ("p2p", {"tau_c": 0.3}), ("p2plus", {}), ("plain", {}), ("pnp", {})):
        page.locator("#methods").get_by_text(name, exact=True).click()
        expect(page.locator("#method-hint")).to_have_text(methods[name]["summary"])
        published, schema = methods[name]["published"], methods[name]["params_schema"]["properties"]
        windows = [each for each, form in schema.items() if "prefixItems" in str(form)]
        others = [each for each in schema if each not in windows and each not in elsewhere]
        names = "(all) => all.map((one) => one.dataset.name)"
        assert page.locator("#controls .dial").evaluate_all(names) == [*windows, *others]
        for field in (each for each in schema if each.startswith("tau_")):
            slider = dial(page, field)
            default = schema[field]["default"]
            usual = own.get(field, published[field]) if default is None else default
            assert float(slider.input_value()) == usual, field
            assert (slider.get_attribute("min"), slider.get_attribute("max")) == ("0", "1")
        expect(page.locator("#weighing")).to_be_visible(visible="reweight" in schema)
    page.locator("#methods").get_by_text("p2p", exact=True).click()
    page.get_by_label("as published").check()
    assert dial(page, "tau_c").input_value() == "0.4"
    assert dial(page, "blend_maps").input_value() == "edited"


def test_every_form_of_a_parameter_can_be_set(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    by_hand(page)
    dial(page, "edit").select_option("refine")
    dial(page, "padding").select_option("end")
    page.get_by_text("It keeps", exact=True).click()
    page.get_by_role("button", name="Keep grass").click()
    page.get_by_role("button", name="Keep dog").click()
    dial(page, "blend_threshold").press("ArrowRight")
    expect(page.locator("#keeping summary")).to_have_attribute("data-now", re.compile("padding"))
    page.get_by_text("Style and strength").click()
    page.locator("#style").get_by_label("it is not to show").fill("blurred")
    claim = ask(page, hands, "a dog on grass")
    asked = params(claim)
    assert isinstance(claim.request, EditRequest)
    assert (asked["edit"], asked["padding"], asked["subtract_words"]) == ("refine", "end", ["grass", "dog"])
    assert (asked["blend_threshold"], asked["tau_c"]) == (0.35, None)
    assert claim.request.negative_prompt == "blurred"
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()

    page.locator("#methods").get_by_text("pnp", exact=True).click()
    dial(page, "features").check()
    page.get_by_label("as published").check()
    claim = ask(page, hands, "a dog on tall grass")
    assert isinstance(claim.request, EditRequest)
    assert (claim.request.method, claim.request.preset) == ("pnp", "published")
    assert (params(claim)["features"], claim.request.guidance_scale) == (True, 10)


def test_an_inversion_has_controls_of_its_own(page: Page, url: str, hands: Hands) -> None:
    page.goto(url)
    page.get_by_role("button", name="Example: a cat on grass").click()
    page.get_by_text("How it is prepared").click()
    page.locator("#inverters").get_by_text("edit-friendly", exact=True).click()
    dial(page, "seed").fill("7")
    dial(page, "last_noise").uncheck()
    prepare(page)
    claim = hands.take()
    assert params(claim) == {"guidance_scale": None, "seed": 7, "last_noise": False}


def test_what_is_set_is_what_is_asked_for(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on tall grass")
    page.get_by_text("How much of the source is kept").click()
    page.locator("#methods").get_by_text("p2plus", exact=True).click()
    for name in ("tau_u", "tau_v", "tau_c"):
        dial(page, name).press("ArrowRight")
    page.get_by_role("button", name="Reset learned style").click()
    page.get_by_text("How much each word counts").click()
    page.get_by_role("slider", name="Weight of tall").press("ArrowRight")
    page.locator("#places").get_by_role("button", name="cat").click()
    page.locator("#places").get_by_role("button", name="dog").click()
    page.locator("#places").get_by_role("button", name="cat").click()
    page.get_by_text("Style and strength").click()
    page.locator("#style").get_by_label("how closely the prompt is followed").fill("4.5")
    page.locator("#style").get_by_label("it looks like").fill(" a sketch of a dog ")
    claim = ask(page, hands, "a dog on tall grass")
    asked = params(claim)
    assert isinstance(claim.request, EditRequest)
    assert (claim.request.guidance_scale, asked["value_prompt"]) == (4.5, "a sketch of a dog")
    assert (asked["tau_u"], asked["tau_v"], asked["tau_c"], asked["tau_s"]) == (0.05, 0.5, 0.65, None)
    assert (asked["reweight"], asked["blend_words"], asked["attention"]) == ({"tall": 1.25}, ["dog"], True)
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()

    # A word that is written no more takes its settings along.
    again = ask(page, hands, "a fox on grass")
    assert (params(again)["reweight"], params(again)["blend_words"]) == ({}, "changed")
    hands.edit(again, "red")
    expect(page.locator("#edits li")).to_have_count(2)
    expect(page.locator("#edits li[data-selected]")).to_contain_text("a fox on grass")

    page.locator("#edits li").filter(has_text="tall").get_by_role("button", name="Use again").click()
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on tall grass")
    expect(page.locator("#places").get_by_role("button", name="dog")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.locator("#style").get_by_label("how closely the prompt is followed").fill("4.75")
    page.get_by_role("button", name="Edit", exact=True).click()
    repeated = hands.take()
    assert params(repeated) == asked
    assert isinstance(repeated.request, EditRequest)
    assert repeated.request.guidance_scale == 4.75


def test_auto_is_chosen_and_says_what_it_chose(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_text("How much of the source is kept").click()
    expect(page.get_by_label("as published")).to_be_disabled()
    target = page.get_by_label("What the picture should show")
    target.fill("make the cat a fox")
    expect(page.locator("#reading")).to_have_text("“a fox on grass”: cat → fox")
    expect(page.locator("#places").get_by_role("button", name="make")).to_have_count(0)
    claim = ask(page, hands, "make the cat a fox")
    assert isinstance(claim.request, EditRequest)
    assert (claim.request.method, claim.request.prompt) == ("p2p", "a fox on grass")
    expect(page.locator("#edits li")).to_contain_text("a fox on grass")
    page.evaluate(
        "sessionStorage.removeItem(Object.keys(sessionStorage).find((key) => key.includes('draft')))"
    )
    page.reload()
    expect(target).to_have_value("make the cat a fox")
    hands.edit(claim)
    expect(page.locator("#figures")).to_contain_text("p2p on aligned")
    expect(page.locator("#edits li")).to_contain_text("a fox on grass")
    page.get_by_text("How much of the source is kept").click()
    page.locator("#methods").get_by_text("p2p", exact=True).click()
    expect(page.locator("#reading")).to_contain_text("make")
    expect(page.locator("#places").get_by_role("button", name="make")).to_be_visible()


def test_a_guidance_scale_that_cannot_be_is_told_where_it_is_set(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_text("Style and strength").click()
    page.locator("#style").get_by_label("how closely the prompt is followed").fill("99")
    page.get_by_text("Style and strength").click()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#style-error")).to_be_visible()
    expect(page.locator("#style-error")).to_contain_text("50")


def test_a_look_that_is_too_long_is_told_where_it_is_set(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    by_hand(page)
    page.get_by_text("Style and strength").click()
    page.locator("#style").get_by_label("it looks like").fill("a sketch " * 60)
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#style-error")).to_contain_text("Shorten it")
    expect(page.locator("#target-error")).to_be_hidden()


def test_words_that_go_are_struck_from_the_source(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a 🦊 cat")
    expect(page.locator("#ink .added")).to_have_text("🦊")
    expect(page.locator("#said .removed")).to_have_text(["on", "grass"])
    expect(page.locator("#reading")).to_have_text("new: 🦊 · gone: on grass")


def test_a_picture_can_be_dropped_anywhere(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    data = base64.b64encode(png("navy")).decode()
    carried = page.evaluate_handle(
        """(data) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
            transfer.items.add(new File([bytes], "night.png", { type: "image/png" }));
            return transfer;
        }""",
        data,
    )
    page.locator("body").dispatch_event("drop", {"dataTransfer": carried})
    expect(page.get_by_label("What the picture shows")).to_be_focused()
    expect(page.get_by_label("What the picture shows")).to_have_value("")
    page.keyboard.type("the night")
    prepare(page)
    claim = hands.take()
    assert claim.request.prompt == "the night"
    hands.invert(claim)
    expect(page.locator("#said")).to_have_text("the night")


def test_what_the_model_cannot_do_is_not_offered(page: Page, url: str, hands: Hands, shared: Store) -> None:
    """Of a model without attention to words, whose edits are confined by the brush alone."""
    blind = ModelInfo(name="miniature", size=64, token_limit=16, guidance_scale=3, offers=["unconditional"])
    shared.presence.publish("hands", blind, 600)
    ready(page, url, hands)
    page.get_by_text("How much of the source is kept").click()
    offered = page.locator("#methods label").all_inner_texts()
    assert offered == ["auto", "plain", "sdedit", "diffedit", "uniedit"]
    expect(page.locator("#places .chip")).to_have_text(["anywhere", "where I paint"])
    claim = ask(page, hands)
    assert (claim.request.method, claim.inversion.method) == ("plain", "edit-friendly")
    assert not claim.request.params.attention
    assert claim.request.params.blend_words is None
    page.goto(url)
    page.get_by_role("button", name="Example: a cat on grass").click()
    page.get_by_text("How it is prepared").click()
    methods = page.locator("#inverters label").all_inner_texts()
    assert "null-text" in methods
    assert not {"stylediffusion", "stylediffusion-faithful"} & set(methods)
