"""A picture that is inverted in more than one way: which inversion edits take, and that it can be seen."""

from playwright.sync_api import Page, expect

from pentimento import Client
from tests.studio.conftest import Hands, ask, png, prepare, ready


def differently(page: Page, hands: Hands, method: str) -> str:
    """Invert what is on the page again, by another method."""
    page.get_by_role("button", name="Prepare it differently").click()
    expect(page.get_by_role("button", name="Prepare it now")).to_be_enabled()
    page.locator("#inverters").get_by_text(method, exact=True).click()
    prepare(page)
    claim = hands.take()
    assert claim.inversion.method == method
    hands.invert(claim)
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    return claim.image_id


def test_edits_take_the_inversion_that_is_chosen_and_using_one_again_takes_its_own(
    page: Page, url: str, hands: Hands
) -> None:
    image = ready(page, url, hands)
    expect(page.locator("#inversions")).to_be_hidden()
    first = ask(page, hands, "a dog on grass")
    hands.edit(first)
    expect(page.locator("#outcome")).to_be_visible()
    assert differently(page, hands, "ddim") == image

    offered = page.locator("#inversions")
    expect(offered.locator("label")).to_have_text(["aligned, 50 steps", "ddim, 50 steps"])
    expect(offered.get_by_label("ddim, 50 steps")).to_be_checked()
    expect(page.locator("#facts-figures")).to_contain_text("ddim")
    second = ask(page, hands, "a fox on grass")
    assert second.inversion.method == "ddim"
    hands.edit(second)
    expect(page.locator("#outcome")).to_be_visible()

    page.get_by_label("What the picture should show").fill("a bear on grass")
    offered.get_by_text("aligned, 50 steps").click()
    expect(page.locator("#facts-figures")).to_contain_text("aligned")
    expect(page.get_by_label("What the picture should show")).to_have_value("a bear on grass")
    page.get_by_role("button", name="Edit", exact=True).click()
    third = hands.take()
    assert (third.inversion.method, third.record) == ("aligned", first.record)
    hands.edit(third)
    expect(page.locator("#outcome")).to_be_visible()

    page.locator("#edits li").filter(has_text="a fox").get_by_role("button", name="Use again").click()
    expect(offered.get_by_label("ddim, 50 steps")).to_be_checked()
    page.get_by_label("What the picture should show").fill("a lion on grass")
    page.get_by_role("button", name="Edit", exact=True).click()
    assert hands.take().record == second.record


def test_a_picture_that_came_with_an_edit_from_elsewhere_is_the_services_to_prepare_as_suits(
    page: Page, url: str, hands: Hands
) -> None:
    with Client(url) as client:
        elsewhere = client.edit(png("orange"), "a cat on snow", source_prompt="a cat on grass")
    sent = hands.take()
    assert sent.inversion.method == "edit-friendly"
    hands.invert(sent)
    hands.edit(hands.take())
    page.goto(f"{url}/#{elsewhere.image_id}")
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    further = ask(page, hands, "a dog on grass")
    assert further.chosen is not None
    assert (further.chosen.kind, further.chosen.kept, further.inversion.method) == ("swap", False, "aligned")
