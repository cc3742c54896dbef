"""The page without a mouse, on a phone, in the dark, in a person's own colours, under another path."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from service.settings import ServiceSettings
from store import Store
from tests.service.live import serving
from tests.studio.conftest import Hands, ask, by_hand, prepared, ready, visiting


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
    expect(page.get_by_label("What the picture should show")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("What the picture shows")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("What the picture should show")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("a dog on grass")
    expect(page.locator("#reading")).to_have_text("cat → dog")
    tab_to("cat")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="cat", pressed=True)).to_be_focused()
    tab_to("Edit")
    page.keyboard.press("Enter")
    prepared(page, hands)
    claim = hands.take()
    assert claim.request.params.blend_words == ("cat",)  # type: ignore[union-attr]
    hands.edit(claim)
    expect(page.locator("#outcome")).to_be_visible()
    page.locator("body").focus()
    tab_to("How much of the source to show")
    page.keyboard.press("ArrowRight")
    assert page.locator("#divider").input_value() == "51"
    tab_to("Where “cat” and “dog” look")
    expect(page.locator("#caption")).to_have_text("Where “cat” and “dog” look")


def test_on_a_phone_nothing_is_cut_off_in_the_dark(browser: Browser, url: str, hands: Hands) -> None:
    size = {"width": 320, "height": 640}
    with visiting(browser, viewport=size, has_touch=True, color_scheme="dark") as page:

        def fits() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") == 320
            right = "(all) => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
            assert page.locator("body *").evaluate_all(right) <= 320

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


def test_nothing_is_found_against_the_rules_of_accessibility(page: Page, url: str, hands: Hands) -> None:
    axe = Axe()

    def clean() -> None:
        for part in ("main :not(#edits *)", "#edits *"):
            ways = page.locator(f"{part}:is(button, a, summary):visible")
            names = ways.evaluate_all("(all) => all.map((one) => one.ariaLabel ?? one.innerText.trim())")
            assert sorted(names) == sorted(set(names))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            found = axe.run(page)
            assert found.violations_count == 0, found.generate_report()

    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Pentimento")
    expect(page.get_by_role("button", name="Example: a cat on grass")).to_be_visible()
    clean()
    ready(page, url, hands)
    by_hand(page)
    closed = page.locator("#edit details:not([open]) > summary:visible")
    while closed.count():
        closed.first.click()
    claim = ask(page, hands, "a dog on tall grass")
    hands.progress(claim, 5, "red")
    expect(page.locator("#progress").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    clean()
    hands.edit(claim)
    expect(page.locator("#looks button")).to_have_count(5)
    page.locator("#details summary").click()
    clean()
    page.get_by_role("button", name="where I paint").click()
    clean()


def test_what_is_chosen_is_seen_in_a_persons_own_colours(browser: Browser, url: str, hands: Hands) -> None:
    with visiting(browser, forced_colors="active") as page:
        ready(page, url, hands)
        colour = "(one) => getComputedStyle(one).backgroundColor"
        chips = page.locator("#places")
        chosen, other = (
            chips.get_by_role("button", name=name).evaluate(colour) for name in ("anywhere", "where I paint")
        )
        assert chosen != other
        claim = ask(page, hands)
        hands.progress(claim, 5)
        bar = page.locator("#progress").get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuenow", "50")
        assert bar.evaluate(colour) != bar.locator("span").evaluate(colour)
        # The words are the field's own there, and not written twice.
        assert page.locator("#ink").evaluate("(one) => getComputedStyle(one).visibility") == "hidden"


def test_the_page_works_under_any_path(page: Page, shared: Store, hands: Hands) -> None:
    with serving(shared, ServiceSettings(path_prefix="/tools/pen")) as live:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        ready(page, f"{live.url}/tools/pen/", hands)
        hands.edit(ask(page, hands))
        expect(page.locator("#outcome")).to_be_visible()
        expect(page.locator("#edits .thumb img")).to_be_visible()
        page.locator("#edits").get_by_role("button", name="Edit this one").click()
        hands.take()
    assert [each for each in asked if not each.startswith((f"{live.url}/tools/pen/", "blob:"))] == []
