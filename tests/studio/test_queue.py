"""Several edits at a time: each has a card, and every card lives its own life."""

import httpx2
from playwright.sync_api import Locator, Page, expect

from api_schemas import EditRequest
from tests.studio.conftest import Hands, ask, by_hand, colour, ready


def card(page: Page, words: str) -> Locator:
    return page.locator("#edits li").filter(has_text=words)


def write(page: Page, target: str) -> None:
    page.get_by_label("What the picture should show").fill(target)
    page.get_by_role("button", name="Edit", exact=True).click()


def test_every_card_goes_its_own_way(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    hands.edit(ask(page, hands), "blue")
    expect(page.locator("#outcome")).to_be_visible()
    second = ask(page, hands, "a fox on grass")
    write(page, "a bear on grass")
    expect(card(page, "a bear on grass")).to_contain_text("Waiting for its turn")
    write(page, "a lion on grass")
    expect(card(page, "a lion on grass")).to_contain_text("Waiting for its turn")

    # An older one on the stage leaves the others as they are.
    card(page, "a dog on grass").locator(".open").click()
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    hands.progress(second, 4, "red")
    bar = card(page, "a fox on grass").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "40")
    expect(card(page, "a fox on grass").locator(".thumb img")).to_be_visible()
    expect(page.locator("#progress")).to_be_hidden()
    assert colour(page, "after") == [0, 0, 255]

    card(page, "a bear on grass").get_by_role("button", name="Cancel").click()
    expect(card(page, "a bear on grass")).to_contain_text("Canceled")
    hands.edit(second, "red")
    expect(card(page, "a fox on grass")).to_have_attribute("data-status", "succeeded")
    third = hands.take()
    assert isinstance(third.request, EditRequest)
    assert third.request.targets == ("a lion on grass",)
    expect(page.locator("#after")).to_have_attribute("alt", "The edit: a dog on grass")
    assert colour(page, "after") == [0, 0, 255]

    hands.progress(third, 5)
    page.reload()
    expect(card(page, "a lion on grass").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    expect(page.locator("#edits li[data-selected]")).to_contain_text("a dog on grass")


def test_a_sentence_a_line_makes_a_picture_of_each_and_using_it_again_keeps_them_all(
    page: Page, url: str, hands: Hands
) -> None:
    ready(page, url, hands)
    target = page.get_by_label("What the picture should show")
    target.fill("a dog on grass")
    page.get_by_role("button", name="One more sentence").click()
    expect(target).to_be_focused()
    page.keyboard.type("a fox on grass")
    expect(page.locator("#ink .changed")).to_have_text(["dog", "fox"])
    expect(page.locator("#reading")).to_have_text("2 sentences, a picture of each")
    page.get_by_role("button", name="Edit", exact=True).click()
    claim = hands.take()
    assert isinstance(claim.request, EditRequest)
    assert claim.request.prompts == ["a dog on grass", "a fox on grass"]
    hands.edit(claim, "blue", "red")
    expect(page.locator("#edits .thumb img")).to_have_count(2)
    expect(page.locator("#variants label")).to_have_text(["a dog on grass", "a fox on grass"])

    target.fill("a bear on grass")
    page.get_by_role("button", name="Use again").click()
    expect(target).to_have_value("a dog on grass\na fox on grass")
    page.get_by_role("button", name="Back to what I was writing").click()
    expect(target).to_have_value("a bear on grass")


def test_the_card_that_is_chosen_is_in_the_form_and_is_not_made_twice(
    page: Page, url: str, hands: Hands
) -> None:
    image = ready(page, url, hands)
    hands.edit(ask(page, hands))
    expect(page.locator("#outcome")).to_be_visible()
    hands.edit(ask(page, hands, "a fox on tall grass"), "red")
    expect(page.locator("#edits li[data-selected]")).to_contain_text("a fox")
    expect(page.locator("#edits li[data-selected][data-status=succeeded]")).to_be_visible()
    card(page, "a dog on grass").locator(".open").click()
    expect(page.get_by_label("What the picture should show")).to_have_value("a dog on grass")
    write(page, "a fox on tall grass")
    expect(page.locator("#toast")).to_have_text("That edit is there already")
    expect(page.locator("#edits li[data-selected]")).to_contain_text("a fox on tall grass")
    assert len(httpx2.get(f"{url}/jobs?kind=edit&image_id={image}", trust_env=False).json()["jobs"]) == 2


def test_a_sentence_that_changes_nothing_is_not_run(page: Page, url: str, hands: Hands) -> None:
    image = ready(page, url, hands)
    write(page, "a dog on grass\na cat  on grass")
    expect(page.locator("#target-error")).to_contain_text("“a cat  on grass” is what it shows already")
    assert httpx2.get(f"{url}/jobs?kind=edit&image_id={image}", trust_env=False).json()["jobs"] == []
    by_hand(page)
    page.get_by_text("How much each word counts").click()
    page.get_by_role("spinbutton", name="Weight of cat").fill("2")
    write(page, "a cat on grass")
    claim = hands.take()
    assert claim.request.params.reweight == {"cat": 2}  # type: ignore[union-attr]


def test_the_change_is_confined_to_things_that_are_swapped_unless_that_is_unchecked(
    page: Page, url: str, hands: Hands
) -> None:
    ready(page, url, hands)
    target = page.get_by_label("What the picture should show")
    confined = page.get_by_role("button", name="where words change")
    target.fill("a sketch of a cat on grass")
    expect(page.locator("#reading")).to_have_text("new: a sketch of")
    expect(confined).to_have_attribute("aria-pressed", "false")
    target.fill("a dog on grass")
    expect(confined).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="anywhere").click()
    target.fill("a fox on grass")
    expect(page.locator("#reading")).to_have_text("cat → fox")
    expect(confined).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Edit", exact=True).click()
    assert hands.take().request.params.blend_words is None  # type: ignore[union-attr]
