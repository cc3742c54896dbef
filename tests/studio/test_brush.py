"""What may change is painted on the stage, and what is to stay is chosen by words."""

import io
from typing import Any

import httpx2
from PIL import Image
from playwright.sync_api import Page, Route, expect

from api_schemas import EditRequest, Notice
from tests.studio.conftest import Hands, ready


def paint(page: Page, *points: tuple[float, float]) -> None:
    """One stroke over the stage, in parts of its width and height."""
    box = page.locator("#brush").bounding_box()
    assert box is not None
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def asked(page: Page) -> dict[str, Any]:
    """What the form asks for, which goes no further than the browser."""
    sent: list[dict[str, Any]] = []

    def keep(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(status=422, json={"code": "validation_error", "detail": "no", "errors": []})

    page.route("**/edit", keep)
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator("#edit-error")).to_be_visible()
    page.unroute("**/edit")
    return sent[0]


def test_what_is_painted_is_sent_as_a_mask_and_stays_to_be_seen(page: Page, url: str, hands: Hands) -> None:
    page.emulate_media(reduced_motion="reduce")
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_role("button", name="where I paint").click()
    expect(page.locator("#stage")).to_have_attribute("data-view", "paint")
    paint(page, (0.1, 0.1), (0.4, 0.1))
    expect(page.locator("#blend-hint")).to_contain_text("% of the picture")
    expect(page.get_by_role("button", name="where words change")).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Done").click()
    assert float(page.locator("#brush").evaluate("(one) => getComputedStyle(one).opacity")) > 0.3

    page.get_by_role("button", name="Edit", exact=True).click()
    claim = hands.take()
    assert isinstance(claim.request, EditRequest)
    assert (claim.request.params.blend_words, claim.request.mask is None) == (None, False)
    served = httpx2.get(f"{url}{claim.request.mask}", trust_env=False).content
    with Image.open(io.BytesIO(served)) as mask:
        grey = mask.convert("L")
        assert (grey.size, grey.getpixel((16, 6)), grey.getpixel((52, 6))) == ((64, 64), 255, 0)

    hands.edit(claim)
    expect(page.locator("#edits li")).to_contain_text("only what was painted")
    page.evaluate("sessionStorage.clear()")  # as in another browser
    page.reload()
    page.get_by_role("button", name="Use again").click()
    expect(page.get_by_role("button", name="where I paint")).to_have_attribute("aria-pressed", "true")
    assert asked(page)["mask"] == claim.request.mask
    page.get_by_role("button", name="where I paint").click()
    page.get_by_text("Erase", exact=True).click()
    page.get_by_label("Size", exact=True).fill("40")
    paint(page, (0.1, 0.1), (0.4, 0.1))
    page.get_by_role("button", name="Done").click()
    assert "mask" not in asked(page)


def test_a_mask_is_painted_by_keys_too(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_role("button", name="where I paint").press("Enter")
    expect(page.locator("#brush")).to_be_focused()
    for key in ("ArrowLeft", "Space", "ArrowUp", "Space", "Escape"):
        page.keyboard.press(key)
    expect(page.locator("#brushes")).to_be_hidden()
    assert asked(page)["mask"].startswith("data:image/png;base64,")


def test_words_that_are_to_stay_are_kept(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_text("It keeps", exact=True).click()
    page.get_by_role("button", name="Keep grass").click()
    page.get_by_role("button", name="Keep on").click()
    page.get_by_role("button", name="Keep on").click()
    assert asked(page)["params"]["subtract_words"] == ["grass"]
    expect(page.locator("#keeping-words summary")).to_have_attribute("data-now", "grass")
    page.get_by_label("What the picture should show").fill("a dog")
    expect(page.locator("#reading")).to_have_text("cat on grass → dog")
    assert asked(page)["params"]["subtract_words"] == ["grass"]


def test_a_mask_that_let_nothing_change_is_said_beside_the_result(page: Page, url: str, hands: Hands) -> None:
    ready(page, url, hands)
    page.get_by_label("What the picture should show").fill("a dog on grass")
    page.get_by_role("button", name="Edit", exact=True).click()
    told = [
        Notice(code="empty_mask", message="The edit to 'a dog on grass' changed nothing."),
        Notice(code="unknown_to_model", message="'dog' is not known.", word="dog"),
    ]
    hands.edit(hands.take(), warnings=told)

    expect(page.locator("#outcome-doubts li")).to_have_text(["The edit to 'a dog on grass' changed nothing."])
