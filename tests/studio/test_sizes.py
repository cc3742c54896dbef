"""Both sizes of a result on the page, and a result that is edited in its turn."""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from api_schemas import EditRequest
from tests.pictures.files import encoded, plain
from tests.studio.conftest import Hands, ask, colour, ready
from tests.studio.test_files import send


def centre(file: Path) -> object:
    with Image.open(file) as image:
        return image.convert("RGB").getpixel((32, 32))


def test_the_full_picture_is_shown_and_both_can_be_taken_away(
    page: Page, url: str, hands: Hands, tmp_path: Path
) -> None:
    image = ready(page, url, hands)
    hands.edit(ask(page, hands), "blue", full="lime")
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    assert colour(page, "after") == [0, 255, 0]
    expect(page.locator("#before")).to_have_attribute("data-path", f"/images/{image}/source.png")
    for label, wanted in (("Download:", (0, 255, 0)), ("Download at the model's size:", (0, 0, 255))):
        with page.expect_download() as download:
            page.locator("#take").get_by_role("button", name=label).click()
        assert download.value.suggested_filename == "a-dog-on-grass.png"
        download.value.save_as(tmp_path / "taken.png")
        assert centre(tmp_path / "taken.png") == wanted


def test_a_result_can_be_edited_in_its_turn(page: Page, url: str, hands: Hands) -> None:
    first = ready(page, url, hands)
    hands.edit(ask(page, hands), "blue", full="lime")
    page.locator("#edits").get_by_role("button", name="Edit this one").click()
    claim = hands.take()
    assert claim.image_id != first
    hands.invert(claim)
    expect(page.locator("#said")).to_have_text("a dog on grass")
    expect(page.locator("#facts[data-status=ready]")).to_be_visible()
    assert page.url.endswith(claim.image_id)


def test_a_large_picture_can_be_edited_close_up(page: Page, url: str, hands: Hands, tmp_path: Path) -> None:
    ready(page, url, hands)
    expect(page.locator("#close-up-label")).to_be_hidden()  # the model sees all of it
    file = tmp_path / "large.png"
    file.write_bytes(encoded(plain(300, 260)))
    send(page, url, file)
    hands.invert(hands.take())
    page.get_by_label("close up").check()
    claim = ask(page, hands)
    assert isinstance(claim.request, EditRequest)
    assert claim.request.region == "auto"
    hands.edit(claim, "blue", full="lime")
    expect(page.locator("#stage")).to_have_attribute("data-view", "compare")
    page.get_by_label("close up").uncheck()
    claim = ask(page, hands, "a fox on grass")
    assert isinstance(claim.request, EditRequest)
    assert claim.request.region is None
