"""The page without a mouse, on a phone, in the dark."""

from playwright.sync_api import Browser, Page, expect

from tests.studio.conftest import Hands, ask, by_hand, ready, visiting


def test_all_of_it_is_done_by_keys_alone(page: Page, url: str, hands: Hands) -> None:
    page.goto(url)
    expect(page.get_by_role("button", name="Example: a cat on grass")).to_be_visible()

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.innerText.trim()"
            )
            if focused == name:
                return
        raise AssertionError(f"Tab never reaches {name!r}")

    tab_to("Example: a cat on grass")
    page.keyboard.press("Enter")
    expect(page.get_by_label("What the picture shows")).to_be_focused()
    page.keyboard.press("Enter")
    hands.invert(hands.take())
    expect(page.get_by_label("What the picture should show")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("a dog on grass")
    expect(page.locator("#reading")).to_have_text("cat → dog")
    tab_to("cat")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="cat", pressed=True)).to_be_focused()
    tab_to("Edit")
    page.keyboard.press("Enter")
    claim = hands.take()
    assert claim.request.params.blend_words == ("cat",)  # type: ignore[union-attr]
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()
    page.locator("body").focus()
    tab_to("How much of the source to show")
    page.keyboard.press("ArrowRight")
    assert page.locator("#divider").input_value() == "51"
    tab_to("dog")
    expect(page.locator("#caption")).to_have_text("Where “cat” and “dog” look")


def test_on_a_phone_nothing_is_cut_off_in_the_dark(browser: Browser, url: str, hands: Hands) -> None:
    size = {"width": 360, "height": 740}
    with visiting(browser, viewport=size, has_touch=True, color_scheme="dark") as page:

        def fits() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            right = "(all) => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
            assert page.locator("body *").evaluate_all(right) <= 360

        page.goto(url)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 20, 18)"
        fits()
        ready(page, url, hands)
        by_hand(page)
        page.get_by_text("How much each word counts").click()
        fits()
        claim = ask(page, hands, "a watercolour of an extraordinarilylongwordthatneverends on grass")
        hands.progress(claim, 5, "red")
        fits()
        hands.edit(claim)
        expect(page.locator("#outcome")).to_be_visible()
        page.locator("#looks").get_by_role("button", name="grass").tap()
        expect(page.locator("#caption")).to_have_text("Where “grass” looks")
        fits()
        page.get_by_text("Side by side").tap()
        fits()
